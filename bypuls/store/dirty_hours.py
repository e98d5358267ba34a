"""Marks of the hours whose rollup must be made again, set in the transaction that writes their readings."""

import numpy as np

from bypuls.readings import SECOND, ReadingBatch
from bypuls.store.array_text import array_text
from bypuls.store.database import Connection
from bypuls.store.sql import load

HOUR = 3600 * SECOND
_MOST_REMEMBERED = 500_000


class DirtyHours:
    """Sets marks, and remembers those it set in this generation, so that a live stream costs one an hour.

    The rollup job raises the generation under a lock that every writing transaction shares; marks of the
    older generations are then the job's, and are not trusted here any longer.
    """

    def __init__(self) -> None:
        self._generation = 0
        self._kept: set[int] = set()
        self._pending: list[int] = []

    def mark(self, connection: Connection, readings: ReadingBatch) -> None:
        """Mark the hours of these readings, in the connection's transaction."""
        queries = load("writer")
        connection.execute(queries["share_generation_lock"])
        row = connection.execute(queries["read_generation"]).fetchone()
        assert row is not None, "the migrations put the one row there"
        if row[0] != self._generation or len(self._kept) > _MOST_REMEMBERED:
            self._generation = row[0]
            self._kept.clear()
        # Stream and hour in one number: hours since 1970 stay below 2**31 until the year 246,000.
        marks = (readings.stream.astype(np.int64) << 32) | (readings.time // HOUR)
        lead = np.append(True, marks[1:] != marks[:-1])  # readings are sorted by stream and time
        fresh = [mark for mark in marks[lead].tolist() if mark not in self._kept]
        if not fresh:
            return
        self._pending += fresh
        keys = np.array(fresh)
        columns = {
            "streams": array_text((keys >> 32).tolist()),
            "hours": array_text((keys & 0xFFFFFFFF).tolist()),
        }
        connection.execute(queries["mark_dirty_hours"], columns | {"generation": self._generation})

    def keep(self) -> None:
        """Remember the marks set since the last call: their transaction is committed."""
        self._kept.update(self._pending)
        self._pending.clear()

    def forget(self) -> None:
        """Trust no mark: their transaction may have failed."""
        self._kept.clear()
        self._pending.clear()

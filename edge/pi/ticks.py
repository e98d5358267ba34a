"""Ticks: samples of windows that are still open, each with the time at which they were taken."""

from collections.abc import Iterator
from zlib import crc32

import msgspec

from edge.pi.database import Database

Samples = dict[str, float]

_ROW = 32
"""Bytes that a row takes besides its content, roughly."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Samples).decode


class Ticks:
    """The ticks in a database, at most `limit` bytes of them; for one thread at a time."""

    def __init__(self, database: Database, limit: int) -> None:
        self.bytes = 0
        self.dropped = 0
        """Ticks given up: there were too many, or they were damaged."""
        self._database = database
        self._limit = limit
        self.measure()

    def add(self, time: int, samples: Samples) -> None:
        """Keep samples, and give the oldest ones up where there are too many; raises StoreError."""
        data = _encode(samples)
        with self._database.transaction(sync=False):
            self._database.execute(
                "INSERT INTO tick (time, samples, crc) VALUES (?, ?, ?)", [time, data, crc32(data)]
            )
        self.bytes += len(data) + _ROW
        if self.bytes > self._limit:
            self._drop()

    def after(self, last: int) -> tuple[int, Iterator[tuple[int, Samples]]] | None:
        """Return the ticks that come after one, a thousand at most, and which of them is the last; None at
        the end. What is damaged is left out, and counted.
        """
        rows = self._database.execute(
            "SELECT id, time, samples, crc FROM tick WHERE id > ? ORDER BY id LIMIT 1000", [last]
        ).fetchall()
        return (rows[-1][0], self._sound(rows)) if rows else None

    def forget(self, before: int | None) -> None:
        """Delete the ticks before a time, None: all, within the transaction of the caller."""
        if before is None:
            self._database.execute("DELETE FROM tick")
        else:
            self._database.execute("DELETE FROM tick WHERE time < ?", [before])

    def measure(self) -> None:
        """Learn how many bytes there are."""
        count, size = self._database.execute(
            "SELECT count(*), coalesce(sum(length(samples)), 0) FROM tick"
        ).fetchone()
        self.bytes = size + count * _ROW

    def _sound(self, rows: list[tuple[int, int, bytes, int]]) -> Iterator[tuple[int, Samples]]:
        for _, time, data, crc in rows:
            if crc32(data) == crc:
                yield time, _decode(data)
            else:
                self.dropped += 1

    def _drop(self) -> None:
        """Drop the oldest tenth; without packs to drop, there is nothing else to give up."""
        with self._database.transaction(sync=False):
            deleted = self._database.execute(
                "DELETE FROM tick WHERE id <= (SELECT min(id) + (max(id) - min(id)) / 10 FROM tick)"
            )
        self.dropped += deleted.rowcount
        self.measure()

"""Commits told to those who listen: of which streams readings came, and the newest reading of each.

They are told through the database, in the transaction that holds the readings, so that nobody hears of what
isn't committed, and the API needs no broker.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from bypuls.store.array_text import array_text
from bypuls.store.catalog import MOST_OPEN
from bypuls.store.database import ANSWER_WITHIN, Connection, Database, translated
from bypuls.store.sql import load

MOST_BYTES = 7_900
"""A notification must be shorter than 8,000."""

ALL = "*"

_ASK_EVERY = 5.0
_READ_WITHIN = 20.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest reading of an open stream; latitude and longitude in degrees (WGS 84), where known."""

    stream_id: int
    stream: str
    quantity: str | None
    unit: str
    latitude: float | None
    longitude: float | None
    time: datetime
    value: float
    flags: int


@dataclass(slots=True)
class Committed:
    """Of which streams readings were committed; None where they are too many to be named."""

    streams: set[int] | None

    def __bool__(self) -> bool:
        return self.streams is None or bool(self.streams)

    def add(self, payload: str) -> None:
        """Add what a notification says."""
        if payload == ALL:
            self.streams = None
        if self.streams is None:
            return
        for part in filter(None, payload.split(",")):
            low, _, high = part.partition("-")
            self.streams.update(range(int(low), int(high or low) + 1))


def tell(connection: Connection, streams: NDArray[np.int32]) -> None:
    """Tell, with the commit of the transaction that is open, that it holds readings of these streams.

    Shape: (n,), rising, repeated or not.
    """
    connection.execute(load("live")["tell"], {"streams": written(streams)})


def written(streams: NDArray[np.int32]) -> str:
    """Write rising numbers of streams as closed ranges, such as `1-94,97`; `*` if they don't fit.

    By numpy, since a batch may hold 50,000 streams: a loop over these took longer than their COPY.
    """
    gaps = np.flatnonzero(np.diff(streams) > 1)
    if len(gaps) > MOST_BYTES // 2:
        return ALL
    lows = streams[np.concatenate(([0], gaps + 1))].tolist()
    highs = streams[np.concatenate((gaps, [-1]))].tolist()
    text = ",".join(
        f"{low}" if low == high else f"{low}-{high}" for low, high in zip(lows, highs, strict=True)
    )
    return text if len(text) <= MOST_BYTES else ALL


class Listening:
    """A connection that hears of commits; for one thread."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self._connection = connection
        self._asked = monotonic()

    def wait(self, patience: float, pace: float) -> Committed:
        """Return what was committed: nothing in `patience` seconds, or all within `pace` of the first.

        Raises StoreUnavailable, also where the server is there but answers nothing.
        """
        if monotonic() - self._asked >= _ASK_EVERY:
            with translated(), self._database.limit(self._connection, ANSWER_WITHIN):
                self._connection.execute("")
            self._asked = monotonic()
        committed = Committed(set())
        with translated():
            for notice in self._connection.notifies(timeout=patience, stop_after=1):
                committed.add(notice.payload)
            if committed:
                until = monotonic() + pace
                while (left := until - monotonic()) > 0:
                    for notice in self._connection.notifies(timeout=left):
                        committed.add(notice.payload)
        return committed

    def newest(self, committed: Committed) -> list[Newest]:
        """Return the newest readings of these streams as far as they are open; none is older than a day."""
        streams: Sequence[int] | None = None if committed.streams is None else sorted(committed.streams)
        parameters = {
            "streams": None if streams is None else array_text(streams),
            "since": datetime.now(UTC) - timedelta(days=1),
            "limit": MOST_OPEN,
        }
        with translated(), self._database.limit(self._connection, _READ_WITHIN):
            rows = self._connection.execute(load("live")["newest"], parameters).fetchall()
        return [Newest(*row) for row in rows]

    def last_seen(self) -> datetime | None:
        """Return when ingest last received anything, to some seconds."""
        with translated(), self._database.limit(self._connection, _READ_WITHIN):
            row = self._connection.execute(load("live")["last_seen"]).fetchone()
        return row[0] if row else None


@contextmanager
def listening(database: Database) -> Iterator[Listening]:
    """Listen, over a connection of its own, until the end of the block. Raises StoreUnavailable."""
    with database.extra_connection("live") as connection:
        with translated(), database.limit(connection, ANSWER_WITHIN):
            connection.execute(load("live")["listen"])
        yield Listening(database, connection)

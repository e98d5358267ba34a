"""The raw readings of one stream, read in bulk."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bypuls.instants import to_datetime
from bypuls.readings import FlagArray, FloatArray, TimeArray
from bypuls.store.binary_copy import EPOCH
from bypuls.store.database import Connection, Database
from bypuls.store.sql import load

PAGE = 100_000
"""Most readings fetched at once: 1.8 MB, some 40 ms of the database's time."""

STREAM_PAGE = 10_000
"""Readings fetched at once for a stream: what each of its readers can make us hold while it stands still."""


@dataclass(frozen=True, slots=True)
class Points:
    """Readings of one stream in order of time.

    Shapes: all (n,). `time` int64, microseconds since 1970 (UTC), rising; `value` float64, finite, in the
    stream's unit; `flags` int16, see `bypuls.quality`.
    """

    time: TimeArray
    value: FloatArray
    flags: FlagArray

    def __len__(self) -> int:
        return len(self.time)

    def first(self, count: int) -> "Points":
        """Return the first `count` readings, or all where there are fewer."""
        return Points(self.time[:count], self.value[:count], self.flags[:count])


def read_points(connection: Connection, stream_id: int, start: int, end: int, limit: int) -> Points:
    """Read at most `limit` readings from `start` on, before `end`, the oldest first.

    `start` and `end` are microseconds since 1970 (UTC), from 1970 to 9999. Raises QueryTooSlow.
    """
    parameters = {
        "stream_id": stream_id,
        "start": to_datetime(start),
        "end": to_datetime(end),
        "limit": limit,
    }
    row = connection.execute(load("readings")["page"], parameters, binary=True).fetchone()
    time, value, flags = (column or b"" for column in row or (b"", b"", b""))
    return Points(
        np.frombuffer(time, ">i8").astype(np.int64) + EPOCH,
        np.frombuffer(value, ">f8").astype(np.float64),
        np.frombuffer(flags, ">i2").astype(np.int16),
    )


def stream_points(
    database: Database, stream_id: int, start: int, end: int, page: int = STREAM_PAGE
) -> Iterator[Points]:
    """Read all readings from `start` on, before `end`, page by page, the oldest first.

    No connection is held between pages. Raises QueryTooSlow, StoreUnavailable.
    """
    while True:
        with database.connection() as connection:
            points = read_points(connection, stream_id, start, end, page)
        if len(points):
            yield points
        if len(points) < page:
            return
        start = int(points.time[-1]) + 1  # times are whole microseconds and unique in a stream

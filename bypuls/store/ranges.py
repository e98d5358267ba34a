"""Raw readings of several streams in a range of time, and what is known of their number and their start."""

from collections.abc import Sequence
from dataclasses import dataclass

from bypuls.instants import to_datetime
from bypuls.quality import CERTAINLY_WRONG
from bypuls.readings import ReadingBatch
from bypuls.store.binary_copy import EPOCH
from bypuls.store.database import Connection
from bypuls.store.hours import unpack
from bypuls.store.sql import load

_LAYOUT = (">i4", ">i8", ">f8", ">i2")


def read_readings(connection: Connection, stream_ids: Sequence[int], start: int, end: int) -> ReadingBatch:
    """Return all readings of these streams from `start` on, before `end`, by stream and time.

    `start` and `end` in microseconds since 1970 (UTC). Raises QueryTooSlow, StoreUnavailable.
    """
    parameters = {"streams": sorted(stream_ids), "start": to_datetime(start), "end": to_datetime(end)}
    return _batch(connection, "of_streams", parameters)


def read_last_before(
    connection: Connection, stream_ids: Sequence[int], time: int, *, include_flagged: bool = False
) -> ReadingBatch:
    """Return each stream's newest reading before `time`, if it has one; by stream.

    Those that are certainly wrong are passed over unless `include_flagged`. Where raw readings were removed
    the rollups tell. Raises QueryTooSlow, StoreUnavailable.
    """
    wrong = 0 if include_flagged else int(CERTAINLY_WRONG)
    parameters = {"streams": sorted(stream_ids), "time": to_datetime(time), "wrong": wrong}
    return _batch(connection, "last_before", parameters)


@dataclass(frozen=True, slots=True)
class Estimate:
    """About how many readings there are in hours that wait for their rollup, and in all others."""

    waiting: int
    settled: int

    @property
    def all(self) -> int:
        """How many there are."""
        return self.waiting + self.settled


def estimate_readings(connection: Connection, stream_ids: Sequence[int], start: int, end: int) -> Estimate:
    """Return about how many readings these streams have from `start` on, before `end`.

    Hours with a rollup count what it says; those that wait for their first one count as if they were whole.
    """
    parameters = {"streams": list(stream_ids), "start": to_datetime(start), "end": to_datetime(end)}
    row = connection.execute(load("ranges")["estimate"], parameters).fetchone()
    return Estimate(*row) if row else Estimate(0, 0)


def _batch(connection: Connection, query: str, parameters: dict[str, object]) -> ReadingBatch:
    row = connection.execute(load("ranges")[query], parameters, binary=True).fetchone()
    stream, time, value, flags = unpack(row, _LAYOUT)
    return ReadingBatch(stream, time + EPOCH, value, flags)

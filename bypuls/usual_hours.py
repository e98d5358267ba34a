"""What is usual of a stream in an hour, by hours like it."""

from dataclasses import dataclass
from enum import StrEnum


class Basis(StrEnum):
    """Which hours were compared."""

    WEEKDAY = "weekday"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class UsualHour:
    """What is usual in the hour that begins at `start` (microseconds since 1970), by `n` hours before it.

    `basis`: the same hour of the same weekday, or, where there are too few of these, of any day; None, and
    the percentiles NaN, where there are too few of any.
    """

    start: int
    p10: float
    p50: float
    p90: float
    n: int
    basis: Basis | None

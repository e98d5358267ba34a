"""What was read of a stream in a window of time, in sum."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """The readings of a stream from `start` on, before `end`, those aside that are certainly wrong.

    Times in microseconds since 1970 (UTC). `first` and `last` are the values of the first and the last
    reading, at `first_time` and `last_time`.
    """

    start: int
    end: int
    n: int
    mean: float
    total: float
    minimum: float
    maximum: float
    first: float
    first_time: int
    last: float
    last_time: int

"""What a gauge of a test measured: at its interval, or with a clock that wavers."""

from collections.abc import Callable

import numpy as np
import psycopg
from numpy.typing import NDArray

from testbed.writing import write

MINUTE, HOUR = 60_000_000, 3_600_000_000
PLACE = {"latitude": 59.95, "longitude": 11.05, "place": "Torvet"}
Values = Callable[[NDArray[np.int64]], NDArray[np.float64]]


def measured(url: str, stream: int, start: int, end: int, seconds: int, values: Values | float) -> None:
    """Write a reading every so many seconds of [start, end), and note the interval."""
    times = np.arange(start, end, seconds * 1_000_000)
    write(url, stream, times, values(times) if callable(values) else np.full(len(times), values))
    run(url, "UPDATE stream SET expected_interval = %s WHERE stream_id = %s", seconds, stream)


def jittered(url: str, stream: int, start: int, end: int, seconds: int, off: int, values: Values) -> None:
    """Write readings that are up to `off` seconds before or after their times; values are of the times."""
    times = np.arange(start, end, seconds * 1_000_000)
    shift = np.random.default_rng(11).integers(-off, off + 1, len(times)) * 1_000_000
    write(url, stream, times + shift, values(times + shift))


def run(url: str, statement: str, *parameters: object) -> None:
    """Run a statement as a superuser."""
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), parameters)

"""Readings of many streams in sum, each over a stretch of time of its own; and thresholds."""

from collections.abc import Iterator, Sequence

from bypuls.instants import to_datetime, to_microseconds
from bypuls.quality import CERTAINLY_WRONG
from bypuls.store.array_text import array_text
from bypuls.store.database import Connection
from bypuls.store.sql import load
from bypuls.windows import Window


def read_windows(
    connection: Connection, wanted: Sequence[tuple[int, int, int]]
) -> Iterator[tuple[int, Window]]:
    """Yield the stream and what was read in each (stream, start, end), if anything was."""
    if not wanted:
        return
    parameters = {
        "streams": array_text([stream for stream, _, _ in wanted]),
        "since": array_text([to_datetime(start) for _, start, _ in wanted]),
        "until": array_text([to_datetime(end) for _, _, end in wanted]),
        "first": to_datetime(min(start for _, start, _ in wanted)),
        "last": to_datetime(max(end for _, _, end in wanted)),
        "wrong": int(CERTAINLY_WRONG),
    }
    for row in connection.execute(load("windows")["windows"], parameters):
        stream, since, until, n, mean, total, minimum, maximum, first, first_time, last, last_time = row
        yield (
            stream,
            Window(
                to_microseconds(since),
                to_microseconds(until),
                n,
                mean,
                total,
                minimum,
                maximum,
                first,
                to_microseconds(first_time),
                last,
                to_microseconds(last_time),
            ),
        )


def read_thresholds(connection: Connection) -> dict[int, list[tuple[str, float]]]:
    """Return level (yellow, orange, red) and value of the thresholds of open streams, by stream, rising."""
    found: dict[int, list[tuple[str, float]]] = {}
    for stream, level, value in connection.execute(load("windows")["thresholds"]):
        found.setdefault(stream, []).append((level, value))
    return found

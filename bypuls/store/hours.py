"""Hourly summaries of streams: from the rollups, and from raw readings where a rollup can't be trusted."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.channels import Averaging
from bypuls.numeric.kinds import Kind
from bypuls.numeric.merging import together
from bypuls.numeric.summary import EXTRA, INTEGERS, MOMENTS, NO_TIME, Summary, blank, summarise
from bypuls.quality import CERTAINLY_WRONG
from bypuls.readings import SECOND, ReadingBatch
from bypuls.store.array_text import array_text
from bypuls.store.binary_copy import EPOCH
from bypuls.store.database import Connection
from bypuls.store.facts import StreamFacts
from bypuls.store.sql import load

HOUR = 3600 * SECOND
"""Microseconds of an hour. Hours are counted since 1970, in UTC."""

PAIRS = 1_000
"""Most pairs of stream and hour whose readings are fetched at once."""

READINGS_AT_ONCE = 500_000
"""And about how many readings: 12 MB, and as much again while they are summed up."""

_FIRST_PAIRS = 30
"""Pairs fetched first, which tell how many the next may be; at 100 Hz they have 11 million readings."""

COLUMNS: dict[str, str] = {
    **dict.fromkeys(("stream_id",), ">i4"),
    **dict.fromkeys(("hour",), ">i8"),
    **dict.fromkeys(("n", "n_excluded", "resets", "changes"), ">i4"),
    **dict.fromkeys(("first_time", "last_time"), ">i8"),
    **dict.fromkeys(
        ("mean", "m2", "minimum", "maximum", "first", "last", "cosine", "sine", "energy", "sum", "increase"),
        ">f8",
    ),
    **dict.fromkeys(("held", "held_seconds"), ">f8"),
}
"""Columns of `reading_hour` in order, as PostgreSQL sends them."""

Marks = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Pairs of stream and hour, as two columns."""


def hour_edges(first: int, last: int) -> NDArray[np.int64]:
    """Return the edges (microseconds) of the hours from `first` on, before `last`."""
    return np.arange(first, last + 1, dtype=np.int64) * HOUR


def read_hours(
    connection: Connection,
    facts: Sequence[StreamFacts],
    first: int,
    last: int,
    columns: Callable[[Kind], Collection[str]] = lambda kind: MOMENTS + EXTRA[kind],
) -> dict[Averaging, Summary]:
    """Return the summaries of the hours from `first` on, before `last`, that have readings.

    `window` counts from `first`. Of a rollup only these `columns` are read, the others left blank. What is
    certainly wrong is left out. One snapshot of the database, so that a rollup made meanwhile neither doubles
    nor hides an hour. Raises QueryTooSlow, StoreUnavailable.
    """
    found: dict[Averaging, list[Summary]] = {}
    queries = load("hours")
    with connection.transaction():
        connection.execute(queries["one_snapshot"])
        dirty = _dirty(connection, [each.stream_id for each in facts], first, last)
        averagings = {each.stream_id: each.averaging for each in facts}
        for averaging, streams in by_averaging(averagings).items():
            kind = averaging.kind
            found[averaging] = [_rollups(connection, kind, streams, first, last, dirty, columns(kind))]
        for readings in read_pairs(connection, *dirty):
            for averaging, summary in summarise_readings(readings, averagings, hour_edges(first, last)):
                found[averaging].append(summary)
    return {averaging: together(parts) for averaging, parts in found.items()}


def by_averaging(averagings: Mapping[int, Averaging]) -> dict[Averaging, list[int]]:
    """Return the streams that are summed up alike."""
    groups: dict[Averaging, list[int]] = {}
    for stream, averaging in averagings.items():
        groups.setdefault(averaging, []).append(stream)
    return groups


def summarise_readings(
    readings: ReadingBatch, averagings: Mapping[int, Averaging], edges: NDArray[np.int64]
) -> Iterator[tuple[Averaging, Summary]]:
    """Summarise readings of streams that are summed up differently, those aside that are certainly wrong."""
    groups = by_averaging(averagings)
    for averaging, streams in groups.items():
        part = readings if len(groups) == 1 else readings.take(np.isin(readings.stream, streams))
        if len(part):
            finite = np.isfinite(part.value)  # an operator may void a reading by NaN
            wrong = ((part.flags & CERTAINLY_WRONG) != 0) | ~finite
            yield (
                averaging,
                summarise(
                    part.stream,
                    part.time,
                    np.where(finite, part.value, 0.0),
                    edges=edges,
                    kind=averaging.kind,
                    hold=averaging.hold,
                    modulus=averaging.modulus,
                    excluded=wrong,
                ),
            )


def read_pairs(
    connection: Connection, streams: NDArray[np.int32], hours: NDArray[np.int32]
) -> Iterator[ReadingBatch]:
    """Yield all raw readings of pairs of stream and hour, in bounded portions of whole pairs."""
    order, begin, size = np.lexsort((streams, hours)), 0, _FIRST_PAIRS
    while begin < len(order):
        part = order[begin : begin + size]
        readings = _read_pairs(connection, streams[part], hours[part])
        yield readings
        begin += len(part)
        size = max(1, min(PAIRS, len(part) * READINGS_AT_ONCE // max(1, len(readings))))


def unpack(row: Sequence[bytes | None] | None, layout: Sequence[str]) -> list[NDArray[Any]]:
    """Turn packed columns into arrays; a column that is null is empty."""
    return [
        np.frombuffer(column or b"", kind).astype(np.dtype(kind).newbyteorder("="))
        for column, kind in zip(row or [None] * len(layout), layout, strict=True)
    ]


def _read_pairs(connection: Connection, streams: NDArray[np.int32], hours: NDArray[np.int32]) -> ReadingBatch:
    parameters = {
        "streams": array_text(streams.tolist()),
        "hours": array_text(hours.tolist()),
        "first": int(hours.min()),
        "last": int(hours.max()) + 1,
    }
    row = connection.execute(load("hours")["readings_of_hours"], parameters, binary=True).fetchone()
    marked, time, value = unpack(row, (">i8", ">i8", ">f8"))
    return ReadingBatch((marked >> 16).astype(np.int32), time + EPOCH, value, marked.astype(np.int16))


def _dirty(connection: Connection, streams: list[int], first: int, last: int) -> Marks:
    parameters = {"streams": streams, "first": first, "last": last}
    rows = connection.execute(load("hours")["dirty_of_streams"], parameters).fetchall()
    pairs = np.array(rows, np.int32).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _rollups(
    connection: Connection,
    kind: Kind,
    streams: list[int],
    first: int,
    last: int,
    dirty: Marks,
    wanted: Collection[str],
) -> Summary:
    parameters = {"streams": streams, "first": first, "last": last, "columns": list(wanted)}
    row = connection.execute(load("hours")["read_hours"], parameters, binary=True).fetchone()
    columns = dict(zip(COLUMNS, unpack(row, list(COLUMNS.values())), strict=True))
    stream, window = columns["stream_id"], (columns["hour"] + EPOCH) // HOUR - first
    keep = ~np.isin(_keys(stream, window + first), _keys(*dirty))
    values = blank(kind, int(np.count_nonzero(keep)))
    values |= {name: _native(name, columns[name])[keep] for name in wanted}
    n, n_excluded = (columns[name].astype(np.int64)[keep] for name in ("n", "n_excluded"))
    return Summary(kind, stream[keep], window[keep], n, n_excluded, **values)


def _native(name: str, column: NDArray[Any]) -> NDArray[Any]:
    if name.endswith("_time"):
        return np.where(column == NO_TIME, NO_TIME, column + EPOCH)
    return column.astype(np.int64) if name in INTEGERS else column


def _keys(stream: NDArray[Any], hour: NDArray[Any]) -> NDArray[np.int64]:
    return (stream.astype(np.int64) << 32) | hour.astype(np.int64)

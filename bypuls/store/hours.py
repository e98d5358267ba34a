"""Hourly summaries of streams: from the rollups, and from raw readings where a rollup can't be trusted."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.channels import HOLD
from bypuls.numeric.kinds import Kind
from bypuls.numeric.summary import EXTRA, INTEGERS, MOMENTS, NO_TIME, Summary, blank, summarise
from bypuls.quality import CERTAINLY_WRONG
from bypuls.readings import SECOND, ReadingBatch
from bypuls.store.array_text import array_text
from bypuls.store.binary_copy import EPOCH
from bypuls.store.database import Connection
from bypuls.store.facts import StreamFacts
from bypuls.store.sql import load

HOUR = 3600 * SECOND
"""Hours are counted since 1970, in UTC."""

PAIRS = 1_000
"""Pairs of stream and hour whose readings are fetched at once: 8 MB with a reading every 10 s."""

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
) -> dict[Kind, Summary]:
    """Return the summaries of the hours from `first` on, before `last`, that have readings; by kind.

    `window` counts from `first`. Of a rollup only these `columns` are read, the others left blank. What is
    certainly wrong is left out. One snapshot of the database, so that a rollup made meanwhile neither doubles
    nor hides an hour. Raises QueryTooSlow, StoreUnavailable.
    """
    found: dict[Kind, list[Summary]] = {}
    queries = load("hours")
    with connection.transaction():
        connection.execute(queries["one_snapshot"])
        dirty = _dirty(connection, [each.stream_id for each in facts], first, last)
        for kind, group in _by_kind(facts).items():
            found[kind] = [_rollups(connection, kind, group, first, last, dirty, columns(kind))]
        kinds = {each.stream_id: each.kind for each in facts}
        for readings in read_pairs(connection, *dirty):
            for kind, summary in summarise_readings(readings, kinds, hour_edges(first, last)).items():
                found[kind].append(summary)
    return {kind: _together(parts) for kind, parts in found.items()}


def summarise_readings(
    readings: ReadingBatch, kinds: Mapping[int, Kind], edges: NDArray[np.int64]
) -> dict[Kind, Summary]:
    """Summarise readings of streams of several kinds, those aside that are certainly wrong."""
    leads = np.append(True, readings.stream[1:] != readings.stream[:-1])[: len(readings)]
    of_run = np.array([list(Kind).index(kinds[run]) for run in readings.stream[leads].tolist()], np.int8)
    which = np.cumsum(leads) - 1
    found: dict[Kind, Summary] = {}
    for number, kind in enumerate(Kind):
        part = readings if (of_run == number).all() else readings.take(of_run[which] == number)
        if len(part):
            finite = np.isfinite(part.value)  # an operator may void a reading by NaN
            wrong = ((part.flags & CERTAINLY_WRONG) != 0) | ~finite
            found[kind] = summarise(
                part.stream,
                part.time,
                np.where(finite, part.value, 0.0),
                edges=edges,
                kind=kind,
                hold=HOLD[kind],
                excluded=wrong,
            )
    return found


def read_pairs(
    connection: Connection, streams: NDArray[np.int32], hours: NDArray[np.int32]
) -> Iterator[ReadingBatch]:
    """Return all raw readings of pairs of stream and hour, a thousand pairs at once."""
    order = np.lexsort((streams, hours))
    parts = np.split(order, range(PAIRS, len(order), PAIRS)) if len(order) else []
    return (_read_pairs(connection, streams[part], hours[part]) for part in parts)


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
    stream, time, value, flags = unpack(row, (">i4", ">i8", ">f8", ">i2"))
    return ReadingBatch(stream, time + EPOCH, value, flags)


def _dirty(connection: Connection, streams: list[int], first: int, last: int) -> Marks:
    parameters = {"streams": streams, "first": first, "last": last}
    rows = connection.execute(load("hours")["dirty_of_streams"], parameters).fetchall()
    pairs = np.array(rows, np.int32).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _by_kind(facts: Sequence[StreamFacts]) -> dict[Kind, list[int]]:
    groups: dict[Kind, list[int]] = {}
    for each in facts:
        groups.setdefault(each.kind, []).append(each.stream_id)
    return groups


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


def _together(parts: list[Summary]) -> Summary:
    """Put the rows of several summaries in order; no row stands in two of them."""
    if len(parts) == 1:
        return parts[0]
    kind = parts[0].kind
    names = ("stream", "window", "n", "n_excluded", *MOMENTS, *EXTRA[kind])
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.lexsort((columns["window"], columns["stream"]))
    ordered: dict[str, Any] = {name: column[order] for name, column in columns.items()}
    return Summary(kind, **ordered)


def _keys(stream: NDArray[Any], hour: NDArray[Any]) -> NDArray[np.int64]:
    return (stream.astype(np.int64) << 32) | hour.astype(np.int64)

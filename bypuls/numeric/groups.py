"""Groups: which readings make up which (stream, window), as runs of readings in order."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.edges import check_edges, windows_of

Streams = NDArray[np.int32]
Times = NDArray[np.int64]
Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
Readings = tuple[Streams, Times, Values, Mask | None]
Column = NDArray[Any]
Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Groups:
    """Readings that count, in order by (stream, time), and the rows that they make up.

    Rows (r,): `stream` int32, `window` int64, `n` and `n_excluded` int64, ordered by (stream, window).
    `filled` (f,): the rows with n > 0. Readings (m,): `time`, `value`; those of filled row i begin at
    `starts[i]`.
    """

    stream: Streams
    window: Counts
    n: Counts
    n_excluded: Counts
    filled: Rows
    time: Times
    value: Values
    starts: Rows


def group(stream: Streams, time: Times, value: Values, edges: Times, excluded: Mask | None) -> Groups:
    """Find the rows that ordered and checked readings make up; the arguments are those of `summarise`."""
    if len(time) and (time.min() < edges[0] or time.max() >= edges[-1]):
        inside = (time >= edges[0]) & (time < edges[-1])
        stream, time, value = stream[inside], time[inside], value[inside]
        excluded = None if excluded is None else excluded[inside]
    window = windows_of(time, edges)
    starts = run_starts(stream, window)
    n = run_lengths(starts, len(time))
    n_excluded = np.zeros(len(starts), np.int64)
    rows, windows, filled = stream[starts], window[starts], np.arange(len(starts))
    if excluded is not None and excluded.any():
        n_excluded = np.add.reduceat(excluded, starts, dtype=np.int64)
        n = n - n_excluded
        time, value = time[~excluded], value[~excluded]
        filled = np.flatnonzero(n)
        starts = (np.cumsum(n) - n)[filled]
    return Groups(rows, windows, n, n_excluded, filled, time, value, starts)


def run_starts(stream: Streams, window: Counts) -> Rows:
    """Return where a new (stream, window) begins, in columns ordered by it; both (n,)."""
    leads = np.ones(len(stream), np.bool_)
    np.not_equal(window[1:], window[:-1], out=leads[1:])
    leads[1:] |= stream[1:] != stream[:-1]
    return np.flatnonzero(leads)


def run_lengths(starts: Rows, total: int) -> Counts:
    """Return how long each run is, of which the last ends at `total`."""
    return np.diff(starts, append=total).astype(np.int64, copy=False)


def check_readings(stream: Streams, time: Times, value: Values, edges: Times, excluded: Mask | None) -> None:
    """Raise ValueError unless the columns have one length, the values are finite and the edges ascend."""
    check_edges(edges)
    columns = (stream, time, value) if excluded is None else (stream, time, value, excluded)
    shapes = {column.shape for column in columns}
    if len(shapes) != 1 or stream.ndim != 1:
        raise ValueError(f"the columns of readings must have one length, not the shapes {sorted(shapes)}")
    finite = np.isfinite(value)
    if not finite.all():
        position = int(np.argmin(finite))
        raise ValueError(
            f"the value at position {position} is {value[position]}: a missing reading is left out, not NaN"
        )

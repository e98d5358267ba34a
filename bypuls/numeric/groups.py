"""Groups: which readings make up which (stream, window), as runs of readings."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.edges import check_edges
from bypuls.numeric.ordering import order_of
from bypuls.numeric.pairs import Pairs

Streams = NDArray[np.int32]
Times = NDArray[np.int64]
Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
Column = NDArray[Any]
Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Groups:
    """Readings that count, group by group, and the rows that they make up.

    Rows (r,): `stream` int32, `window` int64, `n` and `n_excluded` int64, ordered by (stream, window).
    `filled` (f,): the rows with n > 0. Readings (m,): `value`, those of filled row i from `starts[i]` on,
    and `time` where it was asked for; `timely`: they are in order of time inside each group.
    """

    stream: Streams
    window: Counts
    n: Counts
    n_excluded: Counts
    filled: Rows
    starts: Rows
    value: Values
    time: Times | None
    timely: bool


def group(pairs: Pairs, columns: Columns, *, ordered: bool, timely: bool) -> Groups:
    """Find the rows that checked readings make up.

    `columns` (n,): the "pair" and the "value" of each, its "time" if need be, and whether it is "excluded"
    if any are. `ordered`: by pair; otherwise they are brought together, in their given order inside a group.
    """
    if not ordered:
        order = order_of(columns["pair"])
        columns = {name: column.take(order, mode="clip") for name, column in columns.items()}
    pair, value, time, excluded = (columns.get(name) for name in ("pair", "value", "time", "excluded"))
    assert pair is not None
    assert value is not None
    starts = run_starts(pair)
    n = run_lengths(starts, len(pair))
    n_excluded = np.zeros(len(starts), np.int64)
    stream, window = pairs.parted(pair[starts])
    filled = np.arange(len(starts))
    if excluded is not None and excluded.any():
        n_excluded = np.add.reduceat(excluded, starts, dtype=np.int64)
        n = n - n_excluded
        value, time = value[~excluded], None if time is None else time[~excluded]
        filled = np.flatnonzero(n)
        starts = (np.cumsum(n) - n)[filled]
    return Groups(stream, window, n, n_excluded, filled, starts, value, time, timely)


def run_starts(*keys: Column) -> Rows:
    """Return where a new group begins, in columns (n,) ordered by these keys."""
    leads = np.ones(len(keys[0]), np.bool_)
    np.not_equal(keys[0][1:], keys[0][:-1], out=leads[1:])
    for key in keys[1:]:
        leads[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(leads)


def run_lengths(starts: Rows, total: int) -> Counts:
    """Return how long each run is, of which the last ends at `total`."""
    return np.diff(starts, append=total).astype(np.int64, copy=False)


def check_readings(stream: Streams, time: Times, value: Values, edges: Times, excluded: Mask | None) -> None:
    """Raise ValueError unless the columns have one length and the edges ascend."""
    check_edges(edges)
    columns = (stream, time, value) if excluded is None else (stream, time, value, excluded)
    shapes = {column.shape for column in columns}
    if len(shapes) != 1 or stream.ndim != 1:
        raise ValueError(f"the columns of readings must have one length, not the shapes {sorted(shapes)}")

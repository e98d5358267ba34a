"""Percentiles: exact ones of each (stream, window), from the readings themselves."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.groups import Columns, Groups, check_readings
from bypuls.numeric.kinds import Kind
from bypuls.numeric.networks import sort_columns
from bypuls.numeric.parts import in_parts
from bypuls.numeric.runs import Beside, runs_of

Streams = NDArray[np.int32]
Times = NDArray[np.int64]
Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]


def percentiles(
    stream: Streams,
    time: Times,
    value: Values,
    *,
    edges: Times,
    kind: Kind,
    q: Sequence[float],
    excluded: Mask | None = None,
) -> Values:
    """Return the percentiles of the readings in each row that `summarise` gives for the same arguments.

    Shapes: as for `summarise`; q (k,) in percent, 0 to 100. Returns float64 (r, k), in the stream's unit, by
    linear interpolation between the sorted values (Hyndman and Fan 1996, type 7, numpy's default); NaN where
    every reading is excluded. Levels are ranked as they are in dB: what acoustics calls L10, exceeded 10 % of
    the time, is q = 90. Percentiles of windows don't merge. Raises ValueError for directions, which have no
    order, and like `summarise`.
    """
    if kind is Kind.CIRCULAR:
        raise ValueError("directions have no percentiles: no order says whether 350 or 10 degrees is more")
    wrong = [one for one in q if not 0 <= one <= 100]
    if wrong:
        raise ValueError(f"a percentile lies between 0 and 100 percent, not at {wrong[0]}")
    check_readings(stream, time, value, edges, excluded)
    share = np.array(q, np.float64) / 100

    def work(groups: Groups, columns: Columns) -> None:
        _fill(columns["ranked"], groups, share)

    def room(rows: int) -> Columns:
        return {"ranked": np.empty((len(share), rows))}

    readings = (stream, time, value, excluded)
    ranked: Values = in_parts(work, room, readings, edges, timed=False, in_time=False)["ranked"]
    return ranked.T


def _fill(ranked: Values, groups: Groups, share: Values) -> None:
    if len(groups.filled) < len(groups.n):
        ranked[:] = np.nan
    for some, runs in runs_of(groups.starts, groups.n[groups.filled]):
        rows = groups.filled[some]
        if isinstance(runs, Beside):
            found = _ranked_beside(sort_columns(runs.lay(groups.value)), share)
        else:
            found = list(_ranked_in_row(groups.value, groups.starts[some], groups.n[rows], share))
        for column, one in zip(ranked, found, strict=True):
            column[rows] = one


def _ranked_beside(ordered: list[Values], share: Values) -> list[Values]:
    rank = (len(ordered) - 1) * share
    low = np.floor(rank).astype(np.int64)
    high = np.minimum(low + 1, len(ordered) - 1)
    ranks = zip(low.tolist(), high.tolist(), (rank - low).tolist(), strict=True)
    return [_between(ordered[below], ordered[above], part) for below, above, part in ranks]


def _ranked_in_row(value: Values, starts: Rows, n: Counts, share: Values) -> Values:
    """Sort groups of like size as the rows of one matrix, padded to a power of 2 where sizes differ."""
    result = np.empty((len(share), len(n)))
    size = n if n.min() == n.max() else 1 << np.ceil(np.log2(n)).astype(np.int64)
    for width in np.unique(size).tolist():
        some = np.flatnonzero(size == width)
        place = np.arange(width)
        position = np.minimum(starts[some][:, None] + place, len(value) - 1)
        padded = np.where(place < n[some][:, None], value[position], np.inf)
        padded.sort(axis=1)
        rank = (n[some] - 1) * share[:, None]
        low = np.floor(rank).astype(np.int64)
        high = np.minimum(low + 1, n[some] - 1)
        row = np.arange(len(some))
        result[:, some] = _between(padded[row, low], padded[row, high], rank - low)
    return result


def _between(below: Values, above: Values, part: Values | float) -> Values:
    # As numpy does: from the nearer end, so that the result never passes it.
    gap = above - below
    return np.where(np.less(part, 0.5), below + gap * part, above - gap * np.subtract(1, part))

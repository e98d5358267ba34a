"""Percentiles of groups of values, many groups at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.kinds import Kind
from bypuls.numeric.networks import sort_columns
from bypuls.numeric.runs import Beside, Runs

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Rows = NDArray[np.intp]


def shares(kind: Kind, q: Sequence[float]) -> Values:
    """Return percents (k,) as shares. Raises ValueError outside 0 to 100, and for directions."""
    if q and kind is Kind.CIRCULAR:
        raise ValueError("directions have no percentiles: no order says whether 350 or 10 degrees is more")
    wrong = [one for one in q if not 0 <= one <= 100]
    if wrong:
        raise ValueError(f"a percentile lies between 0 and 100 percent, not at {wrong[0]}")
    return np.array(q, np.float64) / 100


def rank(value: Values, runs: Runs, share: Values) -> Values:
    """Return the percentiles (k, g) of groups whose values `runs` has laid out; overwrites `value`.

    Linear interpolation between the sorted values (Hyndman and Fan 1996, type 7, numpy's default).
    """
    if isinstance(runs, Beside):
        return np.array(_ranked_beside(sort_columns(value), share))
    n = np.asarray(runs.n)
    return _ranked_in_row(value, np.cumsum(n) - n, n, share)


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

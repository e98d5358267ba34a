"""Percentiles: exact ones of each (stream, window), from the readings themselves."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.groups import Groups, check_readings, group, run_lengths
from bypuls.numeric.kinds import Kind
from bypuls.numeric.parts import in_parts

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

    def work(stream: Streams, time: Times, value: Values, excluded: Mask | None) -> Values:
        return _of_groups(group(stream, time, value, edges, excluded), share)

    return np.concatenate(in_parts(work, stream, time, value, excluded))


def _of_groups(groups: Groups, share: Values) -> Values:
    result = np.full((len(groups.n), len(share)), np.nan)
    if len(groups.filled):
        result[groups.filled] = _percentiles(groups.value, groups.starts, share)
    return result


def _percentiles(value: Values, starts: Rows, share: Values) -> Values:
    """Sort groups of like size as the rows of one matrix, padded to a power of 2 where sizes differ."""
    n = run_lengths(starts, len(value))
    if n.min() == n.max():
        return _ranked(np.sort(value.reshape(len(n), -1), axis=1), n, share)
    result = np.empty((len(n), len(share)))
    size = np.ceil(np.log2(n)).astype(np.int64)
    for power in np.unique(size):
        some = np.flatnonzero(size == power)
        place = np.arange(1 << int(power))
        position = np.minimum(starts[some][:, None] + place, len(value) - 1)
        padded = np.where(place < n[some][:, None], value[position], np.inf)
        padded.sort(axis=1)
        result[some] = _ranked(padded, n[some], share)
    return result


def _ranked(ordered: Values, n: Counts, share: Values) -> Values:
    rank = (n[:, None] - 1) * share
    low = np.floor(rank).astype(np.int64)
    high = np.minimum(low + 1, n[:, None] - 1)
    below = np.take_along_axis(ordered, low, axis=1)
    above = np.take_along_axis(ordered, high, axis=1)
    part, gap = rank - low, above - below
    # As numpy does: from the nearer end, so that the result never passes it.
    return np.where(part < 0.5, below + gap * part, above - gap * (1 - part))

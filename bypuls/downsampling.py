"""Fewer points for a plot that looks the same."""

import numpy as np
from tsdownsample import MinMaxLTTBDownsampler

from bypuls.readings import FloatArray, TimeArray

FEWEST_POINTS = 3
_DOWNSAMPLER = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]


def thin(time: TimeArray, value: FloatArray, max_points: int) -> tuple[TimeArray, FloatArray]:
    """Choose at most `max_points` of the points, among them the first, the last and the extremes one sees.

    Shapes: both (n,), time ascending; the result (k,), a part of them in the same order, where a long gap
    leaves k well below `max_points`. Raises ValueError for a NaN in `value`, for columns of two lengths, and
    for a `max_points` below 3. Source: Van Der Donckt et al., "MinMaxLTTB", IEEE VIS 2023.
    """
    if max_points < FEWEST_POINTS:
        raise ValueError(
            f"max_points is {max_points}; a line takes {FEWEST_POINTS}: its ends and one between them"
        )
    if time.shape != value.shape or time.ndim != 1:
        raise ValueError(f"time and value must be columns of one length, not {time.shape} and {value.shape}")
    missing = np.isnan(value)
    if missing.any():
        raise ValueError(f"the value at position {int(np.argmax(missing))} is NaN; leave out what is missing")
    if len(time) <= max_points:
        return time, value
    time, value = np.ascontiguousarray(time), np.ascontiguousarray(value)
    chosen = _DOWNSAMPLER.downsample(time, value, n_out=max_points)
    return time[chosen], value[chosen]

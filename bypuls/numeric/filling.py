"""Filling gaps in a dense series, for those who ask for it: nothing that is stored is ever filled."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Filling(StrEnum):
    """What stands in the place of a missing window."""

    NONE = "none"
    PREVIOUS = "previous"
    LINEAR = "linear"


def fill(values: Matrix, filling: Filling, *, most: int, circular: bool = False) -> tuple[Matrix, Mask]:
    """Fill gaps of at most `most` windows; a longer gap stays whole.

    Shapes: `values` (s, w), one row per stream, NaN where missing. Returns the filled copy and the mask
    of what was filled, both (s, w). PREVIOUS repeats the value before the gap, also up to the end of the row;
    LINEAR goes straight from the value before to the value after, by count of windows whatever their length,
    and if `circular` (degrees, 0 to 360) the short way round; half a circle goes down. A gap at the start of
    a row stays, for LINEAR at its end too. Raises ValueError for a `most` below 0 and for what is no matrix.
    """
    if values.ndim != 2:
        raise ValueError(
            f"values have {values.ndim} dimensions, not 2 (streams, windows); one stream is [values]"
        )
    if most < 0:
        raise ValueError(f"the longest gap to fill is {most} windows; 0 fills none")
    missing = np.isnan(values)
    if filling is Filling.NONE or not missing.any():
        return values.copy(), np.zeros(values.shape, np.bool_)
    before, after = _neighbours(missing)
    width = values.shape[1]
    fillable = missing & (before >= 0) & (after - before - 1 <= most)
    if filling is Filling.LINEAR:
        fillable &= after < width
    row, column = np.nonzero(fillable)
    left, right = before[row, column], after[row, column]
    filled = values.copy()
    filled[row, column] = start = values[row, left]
    if filling is Filling.LINEAR:
        share = (column - left) / (right - left)
        filled[row, column] = _between(start, values[row, right], share, circular)
    return filled, fillable


def _neighbours(missing: Mask) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the column of the value at or before each place (-1: none), and at or after it (w: none)."""
    width = missing.shape[1]
    column = np.arange(width)
    before = np.maximum.accumulate(np.where(missing, -1, column), axis=1)
    after = np.minimum.accumulate(np.where(missing, width, column)[:, ::-1], axis=1)[:, ::-1]
    return before, after


def _between(start: Matrix, end: Matrix, share: Matrix, circular: bool) -> Matrix:
    if not circular:
        # Weights instead of start + share * way: the way between two values may be infinite.
        return start * (1 - share) + end * share
    way = (end - start + 180) % 360 - 180
    angle = (start + share * way) % 360
    return np.where(angle == 360, 0.0, angle)  # -1e-17 % 360 is 360.0

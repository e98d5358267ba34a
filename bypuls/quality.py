"""Quality flags of a reading: a bit field that says what is doubtful about it.

A flagged reading is kept and served; 0 means that no check objected.
"""

from enum import IntFlag

import numpy as np

from bypuls.readings import FlagArray, FloatArray


class Flag(IntFlag):
    """What a check found; the value is the bit in the `flags` column (int16)."""

    OUT_OF_RANGE = 1


MEANING: dict[Flag, str] = {
    Flag.OUT_OF_RANGE: "the value lies outside the plausible range of its quantity",
}


def out_of_range(value: FloatArray, low: FloatArray, high: FloatArray) -> FlagArray:
    """Flag the values outside their plausible range; both ends belong to it.

    Shapes: all (n,), in the quantity's own unit; `low` and `high` are NaN where no range is known.
    Returns int16 (n,): `Flag.OUT_OF_RANGE` or 0.
    """
    # Comparisons with NaN are false, so an unknown range flags nothing.
    outside = (value < low) | (value > high)
    return np.where(outside, np.int16(Flag.OUT_OF_RANGE), np.int16(0))


def explain(flags: int) -> list[str]:
    """Name the flags set in one reading's bit field, such as ['out_of_range']."""
    return [flag.name.lower() for flag in Flag if flags & flag and flag.name]

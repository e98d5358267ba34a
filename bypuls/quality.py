"""Quality flags of a reading: a bit field that says what is doubtful about it.

A flagged reading is kept and served; 0 means that no check objected.
"""

import numpy as np

from bypuls.numeric.flags import Flag
from bypuls.readings import FlagArray, FloatArray

__all__ = ["CERTAINLY_WRONG", "MEANING", "Flag", "explain", "out_of_range"]

MEANING: dict[Flag, str] = {
    Flag.OUT_OF_RANGE: "the value lies outside the plausible range of its quantity",
    Flag.STEP: "the value changed faster since the reading before than its quantity can",
    Flag.SPIKE: "the value stands alone, further from the last readings than its quantity can change",
    Flag.STUCK: "the value has been the same for longer than its quantity ever is",
    Flag.GAP: "more than three expected intervals passed since the reading before",
    Flag.CLOCK: "the time is ahead of the receipt, so the node's clock is wrong",
}

CERTAINLY_WRONG = Flag.OUT_OF_RANGE | Flag.SPIKE | Flag.STUCK
"""What aggregates leave out: the other flags doubt a reading's neighbour or its time, not its value."""


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

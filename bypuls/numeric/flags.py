"""The bits of a reading's quality flags; `bypuls.quality` tells what they mean."""

from enum import IntFlag


class Flag(IntFlag):
    """What a check found; the value is the bit in the `flags` column (int16)."""

    OUT_OF_RANGE = 1
    STEP = 2
    SPIKE = 4
    STUCK = 8
    GAP = 16
    CLOCK = 32

"""Averaging kinds: how the readings of a window become one number."""

from enum import StrEnum


class Kind(StrEnum):
    """How the mean of a window is made; see docs/wire.md, "Quantities"."""

    LINEAR = "linear"
    CIRCULAR = "circular"
    ENERGETIC = "energetic"
    TOTAL = "total"
    COUNTER = "counter"
    STATE = "state"

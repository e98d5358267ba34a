"""Steps from one reading to the next: what a meter rose, and how long a value held."""

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.kinds import Kind

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

FOREVER = 2**61
"""A hold without limit, in microseconds; times plus it stay within int64."""


def rise(before: Values, after: Values, modulus: float | None) -> tuple[Values, Mask]:
    """Return what a meter rose between readings, and where it was reset; all (n,).

    A fall is a reset to 0, so that the new value is the increase; but a fall from the last tenth of
    `modulus` into its first tenth is a roll-over, and rises by modulus - before + after.
    """
    step = after - before
    reset = step < 0
    if modulus is not None:
        rolled = reset & (before >= 0.9 * modulus) & (before <= modulus) & (after < 0.1 * modulus)
        step = np.where(rolled, modulus - before + after, step)
        reset &= ~rolled
    return np.where(reset, after, step), reset


def holding(kind: Kind, value: Values) -> Values:
    """Return what a value adds to `held` for each second that it holds: a level's energy, else itself."""
    return energy(value) if kind is Kind.ENERGETIC else value


def energy(level: Values) -> Values:
    """Return 10**(L/10), the energy of a level in dB relative to its reference."""
    power: Values = np.power(10.0, level / 10)
    return power


def microseconds(hold: float) -> int:
    """Return seconds of holding in microseconds. Raises ValueError unless above 0."""
    if not hold > 0:
        raise ValueError(f"a value must hold for more than 0 s, not {hold}")
    return min(FOREVER, round(hold * 1e6)) if hold < FOREVER / 1e6 else FOREVER


def check_modulus(modulus: float | None) -> None:
    """Raise ValueError unless this is None or a finite number above 0."""
    if modulus is not None and not 0 < modulus < np.inf:
        raise ValueError(f"a meter rolls over at a modulus above 0, not at {modulus}")

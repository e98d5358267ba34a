"""The causal Hampel test: does a reading stand apart from the median of the last seven, itself included?"""

import numpy as np
from numpy.typing import NDArray

WINDOW = 7
"""Readings in a window, the tested one included."""

_HALF = WINDOW // 2
_FACTOR = 3 * 1.4826
"""Three standard deviations of normal noise, by its median absolute deviation (MAD)."""


def spikes(window: NDArray[np.float64], allowed: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which windows end in a value further from their median than `allowed` and than 3 scaled MADs.

    Shapes: `window` (7, n), oldest first, and `allowed` (n,), both in the unit of the values. A NaN in
    either, as before a stream's seventh reading, gives False. Source: Pearson, Neuvo, Astola and Gabbouj,
    "Generalized Hampel filters", EURASIP J. Adv. Signal Process. 2016:87, here over past values only: so
    the first three readings after a lasting shift are spikes too, until the median follows.
    """
    newest = window[-1]
    # What is too far from the median is too far from four of the six others, so from one of any three. In
    # steady data few windows pass that, and only they are sorted.
    found = np.zeros(len(newest), np.bool_)
    with np.errstate(over="ignore"):
        for older in window[_HALF:-1]:
            found |= np.abs(older - newest) > allowed
        found &= ~np.isnan(window[0])
        which = np.flatnonzero(found)
        few = window[:, which]
        median = np.sort(few, axis=0)[_HALF]
        mad = np.sort(np.abs(few - median), axis=0)[_HALF]
        away = np.abs(newest[which] - median)
        found[which] = (away > allowed[which]) & (away > _FACTOR * mad)
    return found

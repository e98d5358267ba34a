"""Chance that is a pure function of seed, name and time, so that any instant can be computed by itself."""

import zlib

import numpy as np
from numpy.typing import NDArray

from bypuls.readings import SECOND, FloatArray, TimeArray

_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_GOLDEN = 0x9E3779B97F4A7C15
_OCTAVES = (1.0, 0.5, 0.25)
_NORM = float(np.sqrt(sum(weight**2 for weight in _OCTAVES)))


class Noise:
    """All the chance of one town; another `seed` gives another town."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def uniform(self, name: str, index: NDArray[np.int64]) -> FloatArray:
        """Return a number in [0, 1) for each index, the same for the same name and index.

        By splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
        """
        start = (self._seed * _GOLDEN + (zlib.crc32(name.encode()) << 32)) % 2**64
        bits = index.astype(np.uint64) * np.uint64(_GOLDEN) + np.uint64(start)
        bits = (bits ^ (bits >> np.uint64(30))) * _MIX[0]
        bits = (bits ^ (bits >> np.uint64(27))) * _MIX[1]
        bits ^= bits >> np.uint64(31)
        return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def wave(self, name: str, time: TimeArray, period: float) -> FloatArray:
        """Return values that wander smoothly between -1.73 and 1.73, with a knot every `period` seconds.

        The knots have mean 0 and standard deviation 1; nowhere is it steeper than 5.2 / `period` a second.
        """
        step = round(period * SECOND)
        knot, rest = np.divmod(time, step)
        fraction = rest / step
        ease = fraction * fraction * (3 - 2 * fraction)
        before, after = (np.sqrt(12) * (self.uniform(name, k) - 0.5) for k in (knot, knot + 1))
        wave: FloatArray = before + (after - before) * ease
        return wave

    def smooth(self, name: str, time: TimeArray, period: float) -> FloatArray:
        """Return values that wander as weather does: waves of `period`, of its half and of its quarter."""
        waves = (
            weight * self.wave(f"{name}/{octave}", time, period / 2**octave)
            for octave, weight in enumerate(_OCTAVES)
        )
        total: FloatArray = np.sum(list(waves), axis=0) / _NORM
        return total

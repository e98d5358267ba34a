"""Chance that is a pure function of seed, name and time, so that any instant can be computed by itself."""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bypuls.readings import SECOND, FloatArray, TimeArray

Keys = NDArray[np.uint64]
"""Names as numbers: what is random about a thing follows from its key."""

_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_GOLDEN = 0x9E3779B97F4A7C15
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_OCTAVES = (1.0, 0.5, 0.25)
_NORM = float(np.sqrt(sum(weight**2 for weight in _OCTAVES)))
_QUARTER = np.uint64(0xFFFF)


def keys(seed: int, names: Sequence[str]) -> Keys:
    """Return the keys of names in the town of this seed, uint64 (n,)."""
    sums = [zlib.crc32(name.encode()) << 32 | zlib.adler32(name.encode()) for name in names]
    return _mixed(np.array(sums, np.uint64) ^ np.uint64(seed * _GOLDEN % 2**64))


def of(key: Keys, what: str) -> Keys:
    """Return the keys for one more random thing about what has these keys."""
    return key ^ np.uint64(zlib.crc32(what.encode()) * _GOLDEN % 2**64)


def uniform(key: Keys, index: NDArray[np.int64]) -> FloatArray:
    """Return a number in [0, 1) for each key and index, which are broadcast together."""
    return (_bits(key, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(key: Keys, index: NDArray[np.int64]) -> FloatArray:
    """Return a number of mean 0 and standard deviation 1 for each key and index, within 3.47.

    The sum of four uniform numbers, which one hash gives: close enough to normal for a sensor's noise.
    """
    bits = _bits(key, index)
    total = (bits & _QUARTER) + (bits >> np.uint64(48))
    bits >>= np.uint64(16)
    total += bits & _QUARTER
    bits >>= np.uint64(16)
    total += bits & _QUARTER
    result = total.astype(np.float64)
    result *= 3**0.5 / 65536
    result -= 2 * 3**0.5
    return result


def wave(key: Keys, time: TimeArray, period: float) -> FloatArray:
    """Return values that wander smoothly between -1.73 and 1.73, with a knot every `period` seconds.

    The knots have mean 0 and standard deviation 1; nowhere is it steeper than 5.2 / `period` a second.
    """
    knot, rest = np.divmod(time, np.int64(round(period * SECOND)))
    ease = rest / (period * SECOND)
    ease *= ease * (3 - 2 * ease)
    before = uniform(key, knot)
    after = uniform(key, knot + 1)
    after -= before
    after *= ease
    after += before
    after -= 0.5
    after *= 12**0.5
    return after


def smooth(key: Keys, time: TimeArray, period: float) -> FloatArray:
    """Return values that wander as weather does: waves of `period`, of its half and of its quarter.

    Their standard deviation is about 0.86.
    """
    total: FloatArray = _OCTAVES[0] * wave(of(key, "0"), time, period)
    for octave, weight in enumerate(_OCTAVES[1:], start=1):
        total += weight * wave(of(key, str(octave)), time, period / 2**octave)
    total /= _NORM
    return total


def _bits(key: Keys, index: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Mix key and index by splitmix64.

    Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
    """
    return _mixed(index.astype(np.uint64) * np.uint64(_GOLDEN) + key)


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for shift, factor in zip(_SHIFTS, _MIX, strict=False):
        bits = bits ^ (bits >> shift)
        bits *= factor
    bits ^= bits >> _SHIFTS[2]
    return bits

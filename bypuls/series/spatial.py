"""Spatial means: one series out of many that measure the same at different places."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.kinds import Kind
from bypuls.numeric.statistics import direction, level
from bypuls.numeric.steps import energy
from bypuls.numeric.summary import OUT_OF_RANGE
from bypuls.store.facts import StreamFacts

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spatial:
    """The mean over the streams and how many had a value, float64 and int64 (w,), for each window."""

    quantity: str | None
    kind: Kind
    unit: str
    mean: Values
    streams: NDArray[np.int64]


def spatial_mean(like: StreamFacts, means: Values) -> Spatial:
    """Average the means (s, w) of streams `like` this one; NaN where none has a value.

    Each stream counts once: directions as unit vectors, levels by energy, all others arithmetically. NaN too
    where the mean leaves the range of a float64.
    """
    known = ~np.isnan(means)
    count = known.sum(axis=0)

    def average(values: Values) -> Values:
        total = np.where(known, values, 0.0).sum(axis=0)
        mean = np.full(len(count), np.nan)
        np.divide(total, count, out=mean, where=count > 0)
        return mean

    with np.errstate(**OUT_OF_RANGE):
        match like.kind:
            case Kind.CIRCULAR:
                angle = np.deg2rad(means)
                mean = direction(average(np.cos(angle)), average(np.sin(angle)))
            case Kind.ENERGETIC:
                mean = level(average(energy(means)))
            case _:
                mean = average(means)
    mean[~np.isfinite(mean)] = np.nan
    return Spatial(like.quantity, like.kind, like.unit, mean, count.astype(np.int64))

"""Norway's air quality classes and the continuous index, for hourly means in ug/m3."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bypuls.readings import FloatArray

ClassArray = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class AirClass:
    """One class, of 1 (best) to 4, and its colour as the forecast service names it."""

    number: int
    colour: str
    nb: str
    en: str


CLASSES = (
    AirClass(1, "green", "Lite", "Low"),
    AirClass(2, "yellow", "Moderat", "Moderate"),
    AirClass(3, "red", "Høyt", "High"),
    AirClass(4, "purple", "Svært høyt", "Very high"),
)

# Source: MET Norway's air quality forecast (aqi_description). SO2's bounds could not be verified.
BOUNDS: dict[str, tuple[float, float, float]] = {
    "pm2_5": (30, 50, 150),
    "pm10": (60, 120, 400),
    "no2": (100, 200, 400),
    "o3": (100, 180, 240),
}
"""Where classes 2, 3 and 4 begin, in ug/m3, by the quantity's key; the bound itself is of the class above."""

HIGHEST_INDEX = 4.999


def classify(key: str, value: FloatArray) -> ClassArray:
    """Return the class of each hourly mean: 1 to 4, and 0 where it is NaN.

    Shapes: any, ug/m3; int8 of the same shape. Values slightly below zero, which instruments give in clean
    air, are class 1. Raises ValueError for a quantity without classes.
    """
    number = np.searchsorted(_bounds(key), value, side="right") + 1
    return np.where(np.isnan(value), 0, number).astype(np.int8)


def index(key: str, value: FloatArray) -> FloatArray:
    """Return the continuous index: the class, and how far through it the value is; NaN where it is NaN.

    Shapes: any, ug/m3; float64 of the same shape, 1 to 4.999. Inside class c, from b to b' (0 to b1 in the
    first), it is c + (x - b) / (b' - b); the highest class, which has no end, rises as the one below.
    Its whole part is the class, to the last bit. Raises ValueError for a quantity without classes.
    """
    edges = np.concatenate(([0.0], _bounds(key)))
    width = np.diff(edges, append=2 * edges[-1] - edges[-2])
    place = classify(key, value) - 1
    exact = place + 1 + (value - edges[place]) / width[place]
    below_next = np.nextafter(place + 2.0, 0.0)  # a value just below a bound rounds up to the next class
    result: FloatArray = np.clip(np.minimum(exact, below_next), 1.0, HIGHEST_INDEX)
    return result


def overall(of_components: NDArray[np.float64]) -> FloatArray:
    """Return the index of the worst component: the greatest along the first axis.

    Shapes: (components, ...) indices, NaN where a component wasn't measured; NaN where none was.
    """
    result: FloatArray = np.fmax.reduce(of_components, axis=0)
    return result


def _bounds(key: str) -> tuple[float, float, float]:
    bounds = BOUNDS.get(key)
    if bounds is None:
        raise ValueError(f"{key!r} has no air quality classes; those with classes are {', '.join(BOUNDS)}")
    return bounds

"""The air quality index and means over streams, one value at a time."""

from math import atan2, cos, degrees, hypot, isnan, log10, nan, radians, sin

from bypuls.air_quality import BOUNDS, HIGHEST_INDEX
from bypuls.numeric.kinds import Kind


def index(key: str, value: float) -> float:
    """Return the class of a value, and how far through it the value is."""
    if isnan(value):
        return nan
    edges = [0.0, *BOUNDS[key]]
    number = sum(value >= edge for edge in edges[1:])
    width = edges[number + 1] - edges[number] if number < 3 else edges[3] - edges[2]
    return min(max(number + 1 + (value - edges[number]) / width, 1.0), HIGHEST_INDEX)


def mean(kind: Kind, values: list[float]) -> float:
    """Return the mean of one window over streams, each counted once."""
    known = [value for value in values if not isnan(value)]
    if not known:
        return nan
    if kind is Kind.CIRCULAR:
        east = sum(sin(radians(value)) for value in known) / len(known)
        north = sum(cos(radians(value)) for value in known) / len(known)
        return nan if hypot(east, north) < 1e-12 else degrees(atan2(east, north)) % 360
    if kind is Kind.ENERGETIC:
        return 10 * log10(sum(10 ** (value / 10) for value in known) / len(known))
    return sum(known) / len(known)

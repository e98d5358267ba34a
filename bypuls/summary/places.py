"""Which sensors stand near each other."""

from collections.abc import Sequence
from math import cos, hypot, radians

from bypuls.summary.snapshot import Sensor

_DEGREE = 111_195.0
"""Metres of a degree of latitude, on a sphere of 6,371 km."""


def metres(one: Sensor, other: Sensor) -> float:
    """Return how far two sensors stand apart, flat as a town is; infinite where a place isn't known."""
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return float("inf")
    east = (one.longitude - other.longitude) * cos(radians(one.latitude))
    return _DEGREE * hypot(one.latitude - other.latitude, east)


def nearest(sensor: Sensor, others: Sequence[Sensor], within: float) -> list[Sensor]:
    """Return the sensors of the node that stands nearest, none further than `within` metres."""
    near = [(metres(sensor, each), each.node, each) for each in others]
    near = sorted((each for each in near if each[0] <= within), key=lambda each: each[:2])
    return [each for _, node, each in near if node == near[0][1]]

"""Nodes where they stand, and what kinds of their sensors have in common: noise, counts, wind, battery."""

from dataclasses import dataclass

import numpy as np

from bypuls.readings import SECOND, FloatArray
from simulators.town import chance
from simulators.town.chance import Keys
from simulators.town.plan import Place
from simulators.town.scene import At

_DAY = 86_400.0

Values = dict[str, FloatArray]
"""By channel, (nodes, instants)."""

ONCE = np.zeros((1, 1), np.int64)
"""The index of what is drawn once for each node."""


@dataclass(frozen=True, slots=True)
class Sites:
    """Nodes of one kind that measure at the same instants apart from their phase; columns (n, 1)."""

    key: Keys
    interval: FloatArray
    """seconds"""
    latitude: FloatArray
    longitude: FloatArray
    parameters: dict[str, FloatArray]
    """of the kind, by name; a river by its place in the plan"""

    def __getitem__(self, name: str) -> FloatArray:
        return self.parameters[name]


def wave(sites: Sites, at: At, what: str, period: float) -> FloatArray:
    """Return what wanders between -1.73 and 1.73, with a knot every `period` seconds."""
    return chance.wave(chance.of(sites.key, what), at.time, period)


def normal(sites: Sites, at: At, what: str) -> FloatArray:
    """Return noise of standard deviation 1, new with each reading."""
    return chance.normal(chance.of(sites.key, what), at.time // SECOND)


def count(sites: Sites, at: At, what: str, expected: FloatArray) -> FloatArray:
    """Return whole numbers whose mean is `expected`."""
    return np.floor(np.maximum(expected, 0) + chance.uniform(chance.of(sites.key, what), at.time // SECOND))


def wind_at(sites: Sites, at: At, exposure: FloatArray | float) -> tuple[FloatArray, FloatArray]:
    """Return the wind at nodes, in m/s, and how gusty it is just then, about -2 to 2."""
    gust = wave(sites, at, "gusts", 90) + 0.5 * normal(sites, at, "gusts")
    lull = 1 + 0.22 * wave(sites, at, "lulls", 7_000)
    return np.maximum(at("wind") * exposure * (lull + 0.16 * gust), 0), gust


def direction_at(sites: Sites, at: At, gust: FloatArray) -> FloatArray:
    """Return where the wind comes from, in degrees; gusts turn it."""
    return np.floor((at("veer") + 12 * gust + 15 * wave(sites, at, "sway", 1_200)) % 360)


def battery(sites: Sites, at: At) -> FloatArray:
    """Return the voltage of a lithium cell: less when it is cold, and a little less each day."""
    age = at.time / (SECOND * _DAY) % 900
    cold = np.clip((20 - at("temperature")) * 0.0035, 0, 0.25)
    return 3.65 - 0.0003 * age - cold + 0.006 * normal(sites, at, "battery")


def signal(sites: Sites, at: At) -> FloatArray:
    """Return the strength of a radio's signal, in dBm."""
    far = -98 + 22 * chance.uniform(chance.of(sites.key, "signal"), ONCE)
    return far + 2 * wave(sites, at, "fading", 5_400) + 1.3 * normal(sites, at, "fading")


def metres_from(sites: Sites, place: Place) -> FloatArray:
    """Return how far nodes are from a place near them, in m, as it is at 60 degrees north."""
    north = (sites.latitude - place[0]) * 111_200
    east = (sites.longitude - place[1]) * 55_700
    return np.hypot(north, east)

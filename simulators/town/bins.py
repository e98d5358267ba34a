"""Waste bins: filled by day, emptied in the morning of every so many days, or a day late."""

import numpy as np
from numpy.typing import NDArray

from bypuls.readings import SECOND, FloatArray
from simulators.town import chance, sensing
from simulators.town.scene import At, Scene
from simulators.town.sensing import Sites, Values

_DAY = 86_400.0


def waste(sites: Sites, at: At, _over: At, _scene: Scene) -> Values:
    """Parameters: `days_to_full`. The lorry comes in the morning, on some days a day late."""
    days = np.maximum(np.floor(sites["days_to_full"] * 0.85), 1)
    first = np.floor(chance.uniform(chance.of(sites.key, "turn"), sensing.ONCE) * days)
    first += (5 + 4 * chance.uniform(chance.of(sites.key, "hour"), sensing.ONCE)) / 24
    day = at.time / (_DAY * SECOND) - first
    round_ = np.floor(day / days).astype(np.int64)
    round_ -= day - round_ * days < _late(sites, days, round_)  # still the bin of the round before
    emptied = first + round_ * days + _late(sites, days, round_)
    rate = 0.65 + 0.6 * chance.uniform(chance.of(sites.key, "rate"), round_)
    full = 100 * rate * (_thrown(day + first) - _thrown(emptied)) / sites["days_to_full"]
    return {
        "fill_level": np.clip(full + 3 + 0.4 * sensing.normal(sites, at, "echo"), 0, 100),
        "battery_voltage": sensing.battery(sites, at),
        "signal_strength": sensing.signal(sites, at),
    }


def _late(sites: Sites, days: FloatArray, round_: NDArray[np.int64]) -> FloatArray:
    """Return by how many days the lorry is late."""
    forgotten = (chance.uniform(chance.of(sites.key, "forgotten"), round_) < 0.1) & (days > 1)
    late: FloatArray = 0.1 * chance.uniform(chance.of(sites.key, "late"), round_) + forgotten
    return late


def _thrown(day: FloatArray) -> FloatArray:
    """Return how much has been thrown away by `day` (since 1970, UTC), in days' worth: little by night."""
    thrown: FloatArray = day + 0.95 / (2 * np.pi) * np.sin(2 * np.pi * (day - 13 / 24))
    return thrown

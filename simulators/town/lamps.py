"""Street lights: lit while the sun is down, with meters that have counted since they were mounted."""

from functools import lru_cache

import numpy as np

from bypuls.readings import FloatArray
from simulators.town import chance, sensing, sun
from simulators.town.plan import Place
from simulators.town.scene import At, Scene
from simulators.town.sensing import Sites, Values

_HEIGHT = -3.0  # degrees: the lamps go on when the sun is lower than this
_EARLY = 0.6  # degrees between the lamps that are lit first and last
_POWER, _STANDBY = 42.0, 0.5  # W
_EPOCH = 17_897.0  # 2019-01-01, in solar days


def light(sites: Sites, at: At, _over: At, scene: Scene) -> Values:
    """Parameters: `lamps` on the circuit; each tenth or so is lit a little earlier."""
    height = _HEIGHT + _EARLY * (chance.uniform(chance.of(sites.key, "eye"), sensing.ONCE) - 0.5)
    on = at("sun_height") < height
    power = sites["lamps"] * np.where(
        on, _POWER * (1 + 0.01 * sensing.wave(sites, at, "mains", 1_800)), _STANDBY
    )
    burnt = (_POWER - _STANDBY) * _dark_hours(at, height, scene.plan.at) + _STANDBY * (
        sun.solar_time(at.time, scene.plan.at) - _EPOCH
    ) * 24
    return {
        "lamp_state": on.astype(np.float64),
        "power": power,
        "energy": sites["lamps"] * burnt / 1_000,
        "signal_strength": sensing.signal(sites, at),
    }


def _dark_hours(at: At, height: FloatArray, place: Place) -> FloatArray:
    """Return for how many hours the lamps have burnt since 2019-01-01."""
    solar = sun.solar_time(at.time, place)
    day = np.floor(solar)
    earliest, latest = _nights(1 << int(np.ceil(np.log2(max(float(day.max()) - _EPOCH + 2, 2)))), place)
    index = np.maximum(day - _EPOCH, 0).astype(np.int64)
    # In between of the lamps that are lit last and first; the nights' lengths are as good as straight there.
    part = (height - _HEIGHT + _EARLY / 2) / _EARLY
    before = latest[index] + part * (earliest[index] - latest[index])
    after = latest[index + 1] + part * (earliest[index + 1] - latest[index + 1])
    half = 12 - (after - before) / 2
    hour = 24 * (solar - day)
    return before + np.minimum(hour, 12 - half) + np.maximum(hour - (12 + half), 0)


@lru_cache(4)
def _nights(days: int, place: Place) -> tuple[FloatArray, FloatArray]:
    """Return the hours for which the lamps lit first, and last, have burnt at each midnight since 2019."""
    number = np.arange(_EPOCH, _EPOCH + days)
    first, last = (
        np.concatenate(
            [[0.0], np.cumsum(24 * (1 - sun.daylight(number, _HEIGHT + side * _EARLY / 2, place)))]
        )
        for side in (1, -1)
    )
    return first, last

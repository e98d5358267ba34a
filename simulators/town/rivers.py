"""The rivers: snow, soil and ground water of three basins, stepped from a fixed day, so they have a past.

A model after HBV (Bergström: The HBV model - its structure and applications, SMHI 1992): snow by the
degree-day method in zones of height, a soil that dries in summer, two stores that empty by recession, a lake.
"""

from dataclasses import dataclass

import numpy as np

from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators.town.chance import Keys
from simulators.town.scenarios import Forces
from simulators.town.weather import Weather

START = 1_567_296_000 * SECOND
"""2019-09-01, before which the rivers stand as they stood then; nothing remains of the start after a year."""

STEP = 6 * 3_600 * SECOND
_PART = 0.25  # days in a step
_SAMPLES = 6
_AHEAD = 40  # steps


@dataclass(frozen=True, slots=True)
class Basin:
    """A basin: `area` in km², `zones` as height above the town (m) and share, times of recession in days.

    `quick` is how much of the upper store runs off in a day, `threshold` (mm) above which it does so faster;
    `lake` the days that a lake delays it, 0 without one; `base` what regulated lakes add all year, in m³/s.
    """

    area: float
    zones: tuple[tuple[float, float], ...]
    quick: float
    threshold: float
    percolation: float
    slow: float
    lake: float
    base: float
    rain: float


BASINS: dict[str, Basin] = {
    "glomma": Basin(
        15_500,
        ((150, 0.25), (450, 0.2), (750, 0.2), (1_050, 0.2), (1_400, 0.15)),
        0.12,
        40,
        1.1,
        0.012,
        4.5,
        420,
        0.74,
    ),
    "nitelva": Basin(480, ((30, 0.4), (180, 0.3), (330, 0.3)), 0.3, 16, 1.1, 0.03, 0.4, 1.1, 0.85),
    "leira": Basin(660, ((40, 0.4), (230, 0.3), (430, 0.3)), 0.34, 15, 1.1, 0.03, 0.3, 1.4, 0.85),
}


class _State:
    """What a basin holds: snow and soil water by zone, upper and lower store, lake; all in mm."""

    def __init__(self, basin: Basin) -> None:
        self.snow = [0.0] * len(basin.zones)
        self.soil = [95.0] * len(basin.zones)
        self.upper, self.lower, self.lake = 4.0, 14.0, 1.2

    def step(self, basin: Basin, rain: float, temperature: float, evaporation: float) -> float:
        """Go on by one step with `rain` and `evaporation` in mm; return the runoff, in mm a day."""
        for zone, (height, share) in enumerate(basin.zones):
            warmth = temperature - 0.006 * height
            amount = rain * (1 + 0.0003 * height)
            if warmth < 0.5:
                self.snow[zone] += amount
                amount = 0.0
            melt = min(self.snow[zone], 2.9 * max(warmth - 0.5, 0.0) * _PART)
            self.snow[zone] -= melt
            amount += melt
            soil = self.soil[zone]
            runs = amount * min((soil / 150) ** 2, 1.0)
            soil += amount - runs
            if not self.snow[zone]:
                soil -= evaporation * min(soil / 110, 1.0)
            self.soil[zone] = max(soil, 0.0)
            self.upper += runs * share
        down = min(self.upper, basin.percolation * _PART)
        flow = (basin.quick * self.upper + 0.3 * max(self.upper - basin.threshold, 0.0)) * _PART
        flow = min(flow, self.upper - down)
        self.upper -= down + flow
        self.lower += down
        ground = basin.slow * self.lower * _PART
        self.lower -= ground
        runoff = flow + ground
        if basin.lake:
            self.lake += runoff
            runoff = self.lake * _PART / (basin.lake + 0.5 * _PART)
            self.lake -= runoff
        return runoff / _PART


class Rivers:
    """Discharge of the rivers at any instant, computed once and carried on as time goes by."""

    def __init__(self, key: Keys, forces: Forces) -> None:
        self._key, self._forces = key, forces
        self._steps = 0
        self._states = {name: _State(basin) for name, basin in BASINS.items()}
        self._flows: dict[str, list[float]] = {name: [] for name in BASINS}
        self._snow: list[float] = []

    def discharge(self, name: str, time: TimeArray) -> FloatArray:
        """Return a river's discharge at its mouth, in m³/s."""
        return self._at(self._flows[name], time)

    def snow(self, time: TimeArray) -> FloatArray:
        """Return the snow in the town, in mm of water."""
        return self._at(self._snow, time)

    def _at(self, column: list[float], time: TimeArray) -> FloatArray:
        if not time.size:
            return np.zeros(time.shape)
        steps = int((int(time.max()) - START) // STEP) + 2
        self._reach(max(steps, 2))
        since = np.maximum(time - START, 0)
        first = int(since.min() // STEP)
        part = np.array(column[first : int(since.max() // STEP) + 2])
        step, rest = np.divmod(since, STEP)
        before = part[step - first]
        value: FloatArray = before + (part[step - first + 1] - before) * (rest / STEP)
        return value

    def _reach(self, steps: int) -> None:
        """Go on until `steps` steps have been made, and some more."""
        if steps <= self._steps:
            return
        steps += _AHEAD
        inner = np.arange(self._steps * _SAMPLES, steps * _SAMPLES, dtype=np.int64)
        weather = Weather(self._key, START + inner * (STEP // _SAMPLES), self._forces)
        wet = 2.3 * np.maximum(weather.front - weather.storm - 0.95, 0)  # showers even out over a basin
        rain = (wet + weather.storm * 0.9).reshape(-1, _SAMPLES).mean(axis=1) * 6
        warmth = weather.air_mass.reshape(-1, _SAMPLES).mean(axis=1)
        summer = np.clip(-np.cos(weather.season - 0.1), 0, 1).reshape(-1, _SAMPLES).mean(axis=1)
        evaporation = np.where(warmth > 4, 3.4 * summer, 0.0) * _PART
        inputs = list(zip(rain.tolist(), warmth.tolist(), evaporation.tolist(), strict=True))
        for name, basin in BASINS.items():
            state, flows = self._states[name], self._flows[name]
            factor = basin.area / 86.4  # mm a day over km² to m³/s
            for fallen, warm, evaporated in inputs:
                flows.append(basin.base + factor * state.step(basin, fallen * basin.rain, warm, evaporated))
                if name == "nitelva":
                    self._snow.append(state.snow[0])
        self._steps = steps


def level(river: str, discharge: FloatArray, glomma: FloatArray) -> FloatArray:
    """Return the water level for a discharge, in m over the gauge's zero, by a rating curve.

    The Nitelva flows into the same lake as the Glomma, which holds it back: its level is that of both.
    """
    backwater = (glomma / 190) ** 0.6
    if river == "glomma":
        return backwater
    own: FloatArray = (discharge / (7.0 if river == "nitelva" else 9.0)) ** 0.55
    return (own**3 + (0.8 * backwater) ** 3) ** (1 / 3) if river == "nitelva" else own

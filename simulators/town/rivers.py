"""The rivers: snow, soil and ground water of basins, stepped from a fixed day, so they have a past.

A model after HBV (Bergström: The HBV model - its structure and applications, SMHI 1992): snow by the
degree-day method in zones of height, a soil that dries in summer, two stores that empty by recession, a lake.
"""

import numpy as np

from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators.town.chance import Keys
from simulators.town.plan import River, TownPlan
from simulators.town.scenarios import Forces
from simulators.town.weather import Weather

START = 1_567_296_000 * SECOND
"""2019-09-01, before which the rivers stand as they stood then; nothing remains of the start after a year."""

STEP = 6 * 3_600 * SECOND
_PART = 0.25  # days in a step
_LAG = 2
"""Steps from a step's start until its mean is reached; at its end, the way there would foretell rain."""
_SAMPLES = 6
_AHEAD = 40  # steps


class _State:
    """What a river's basin holds: snow and soil water by zone, upper and lower store, lake; all in mm."""

    def __init__(self, river: River) -> None:
        self.snow = [0.0] * len(river.zones)
        self.soil = [95.0] * len(river.zones)
        self.upper, self.lower, self.lake = 4.0, 14.0, 1.2

    def step(self, river: River, rain: float, temperature: float, evaporation: float) -> float:
        """Go on by one step with `rain` and `evaporation` in mm; return the runoff, in mm a day."""
        for zone, (height, share) in enumerate(river.zones):
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
        down = min(self.upper, river.percolation * _PART)
        flow = (river.quick * self.upper + 0.3 * max(self.upper - river.threshold, 0.0)) * _PART
        flow = min(flow, self.upper - down)
        self.upper -= down + flow
        self.lower += down
        ground = river.slow * self.lower * _PART
        self.lower -= ground
        runoff = flow + ground
        if river.lake:
            self.lake += runoff
            runoff = self.lake * _PART / (river.lake + 0.5 * _PART)
            self.lake -= runoff
        return runoff / _PART


def _dry(river: River) -> float:
    """Return the discharge at START, in m³/s, while nothing falls."""
    return river.base + river.area / 86.4 * _State(river).step(river, 0.0, 0.0, 0.0)


class Rivers:
    """Discharge of the rivers at any instant, computed once and carried on as time goes by."""

    def __init__(self, plan: TownPlan, key: Keys, forces: Forces) -> None:
        self._plan, self._key, self._forces = plan, key, forces
        self._steps = 0
        self._states = {name: _State(river) for name, river in plan.rivers.items()}
        self._flows = {name: [_dry(river)] * _LAG for name, river in plan.rivers.items()}
        self._snow = [0.0] * _LAG

    def discharge(self, name: str, time: TimeArray) -> FloatArray:
        """Return a river's discharge at its mouth, in m³/s."""
        return self._at(self._flows[name], time)

    def snow(self, time: TimeArray) -> FloatArray:
        """Return the snow in the town, in mm of water."""
        return self._at(self._snow, time)

    def _at(self, column: list[float], time: TimeArray) -> FloatArray:
        if not time.size:
            return np.zeros(time.shape)
        self._reach(max(int((int(time.max()) - START) // STEP), 0) + 2 - _LAG)
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
        weather = Weather(self._plan.at, self._key, START + inner * (STEP // _SAMPLES), self._forces)
        wet = 2.3 * np.maximum(weather.front - weather.storm - 0.95, 0)  # showers even out over a basin
        rain = (wet + weather.storm * 0.9).reshape(-1, _SAMPLES).mean(axis=1) * 6
        warmth = weather.air_mass.reshape(-1, _SAMPLES).mean(axis=1)
        summer = np.clip(-np.cos(weather.season - 0.1), 0, 1).reshape(-1, _SAMPLES).mean(axis=1)
        evaporation = np.where(warmth > 4, 3.4 * summer, 0.0) * _PART
        inputs = list(zip(rain.tolist(), warmth.tolist(), evaporation.tolist(), strict=True))
        for name, river in self._plan.rivers.items():
            state, flows = self._states[name], self._flows[name]
            factor = river.area / 86.4  # mm a day over km² to m³/s
            for fallen, warm, evaporated in inputs:
                flows.append(river.base + factor * state.step(river, fallen * river.rain, warm, evaporated))
                if name == self._plan.snow:
                    self._snow.append(state.snow[0])
        self._steps = steps


def level(
    river: River, flow: FloatArray, mouths: dict[str, FloatArray], rivers: dict[str, River]
) -> FloatArray:
    """Return the water level for the discharge `flow` at a gauge, in m over its zero, by a rating curve.

    `mouths` are the discharges at the mouths of all `rivers`. A river that another one dams up has the
    level of both.
    """
    own: FloatArray = ((mouths[river.name] if river.flat else flow) / river.metre) ** river.power
    if river.held_by is None:
        return own
    holding = rivers[river.held_by]
    backwater = (mouths[holding.name] / holding.metre) ** holding.power
    return (own**3 + (river.held * backwater) ** 3) ** (1 / 3)

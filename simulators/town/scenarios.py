"""Scenarios: what befalls the town besides everyday life, as forces on its weather and its people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bypuls.errors import BypulsError
from bypuls.readings import FloatArray, TimeArray
from simulators.town import rhythm
from simulators.town.rhythm import DAY, HOUR, Clock

EVERYDAY = "everyday"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a scenario does, from `start` to `end` in hours around its height, and how large it is.

    In which streams it must be seen is said in the town's plan.
    """

    what: str
    start: float
    end: float
    size: float
    unit: str


SCENARIOS: dict[str, Scenario] = {
    "inversion": Scenario(
        "cold air lies still over the town: no wind, no rain, dirt stays near the ground",
        -60, 24, 1.0, "share of the wind that is gone",
    ),
    "flood": Scenario(
        "a storm over the whole basin, and the rivers rise: the small ones first, the large one days later",
        -132, 96, 115.0, "mm of rain in 60 hours",
    ),
    "fair": Scenario(
        "a fair of four days: the halls, the trains and the car parks are full",
        -52, 36, 9_000.0, "visitors an hour",
    ),
    "burst-main": Scenario(
        "a water main bursts in the town",
        -2, 6, 110.0, "m3/h",
    ),
    "new-year": Scenario(
        "fireworks around midnight",
        -1, 2.5, 1.0, "of a usual New Year's Eve",
    ),
}  # fmt: skip


class Forces:
    """What the scenarios of a run do to the town; `at` is when they are at their height (new-year: at the
    midnight next to it), microseconds since 1970."""

    def __init__(self, names: Sequence[str], at: int) -> None:
        for name in names:
            if name not in SCENARIOS and name != EVERYDAY:
                known = ", ".join((EVERYDAY, *SCENARIOS))
                raise BypulsError(f"there is no scenario {name!r}; known are {known}")
        self.names = tuple(name for name in SCENARIOS if name in names)
        self._at = dict.fromkeys(self.names, at)
        if "new-year" in names:
            self._at["new-year"] = rhythm.midnight(at + DAY // 2)
        if "fair" in names:
            self._at["fair"] = rhythm.midnight(at) + 12 * HOUR

    def span(self, name: str) -> tuple[int, int]:
        """Return when a scenario begins and ends, microseconds since 1970."""
        one, at = SCENARIOS[name], self._at[name]
        return at + round(one.start * HOUR), at + round(one.end * HOUR)

    def calm(self, time: TimeArray) -> FloatArray:
        """Return how still the air lies, 0 to 1."""
        return self._plateau("inversion", time, 10 * HOUR)

    def storm(self, time: TimeArray) -> FloatArray:
        """Return rain on the whole basin, in mm/h."""
        if "flood" not in self._at:
            return np.zeros(time.shape)
        begin, _ = self.span("flood")
        hours = (time - begin) / HOUR
        intensity: FloatArray = SCENARIOS["flood"].size / 30 * np.sin(np.pi * np.clip(hours / 60, 0, 1)) ** 2
        return intensity

    def mild(self, time: TimeArray) -> FloatArray:
        """Return how much warm air the storm brings with it, 0 to 1; it stays for a day after the rain."""
        if "flood" not in self._at:
            return np.zeros(time.shape)
        begin, _ = self.span("flood")
        hours = (time - begin) / HOUR
        level: FloatArray = np.minimum(np.clip((hours + 18) / 18, 0, 1), np.clip((96 - hours) / 24, 0, 1))
        return level

    def fair(self, time: TimeArray, clock: Clock) -> FloatArray:
        """Return how full the fair is, 0 to 1."""
        if "fair" not in self._at:
            return np.zeros(time.shape)
        begin, end = self.span("fair")
        return rhythm.opening(clock.hour) * ((time >= begin) & (time < end))

    def visitors(self, time: TimeArray, flow: FloatArray) -> FloatArray:
        """Return how many come to the fair, or leave it, where `flow` would on a day of it."""
        if "fair" not in self._at:
            return np.zeros(time.shape)
        begin, end = self.span("fair")
        return flow * ((time >= begin) & (time < end))

    def leaking(self, time: TimeArray) -> tuple[FloatArray, FloatArray]:
        """Return what flows from the burst main now, in m3/h, and what has flowed by now, in m3."""
        if "burst-main" not in self._at:
            return np.zeros(time.shape), np.zeros(time.shape)
        begin, end = self.span("burst-main")
        size = SCENARIOS["burst-main"].size
        now: FloatArray = np.where((time >= begin) & (time < end), size, 0.0)
        return now, size * (np.clip(time, begin, end) - begin) / HOUR

    def fireworks(self, time: TimeArray) -> FloatArray:
        """Return how much is fired, 0 to 1; on each New Year's Eve, and on that of the scenario."""
        total = np.zeros(time.shape)
        for at in self._midnights(time):
            minutes = (time - at) / (HOUR / 60)
            total += np.exp(-0.5 * ((minutes - 6) / 9) ** 2) + 0.12 * np.exp(
                -0.5 * ((minutes + 40) / 60) ** 2
            )
        return total

    def smoke(self, time: TimeArray) -> FloatArray:
        """Return how much smoke of fireworks there is, 1 when there is most; it thins out within hours."""
        total = np.zeros(time.shape)
        for at in self._midnights(time):
            hours = np.maximum((time - at) / HOUR + 0.3, 0)
            total += np.where(hours > 0, (hours / 0.6) * np.exp(1 - hours / 0.6), 0)
            total += 0.25 * (hours / 2.0) * np.exp(1 - hours / 2.0)
        return total

    def _midnights(self, time: TimeArray) -> list[int]:
        if not time.size:
            return []
        first, last = int(time.min()), int(time.max())
        years = range(int(str(np.datetime64(first, "us"))[:4]), int(str(np.datetime64(last, "us"))[:4]) + 2)
        turns = [
            round(float(np.datetime64(f"{year}-01-01T00", "us").astype(np.int64))) - HOUR for year in years
        ]
        own = [self._at["new-year"]] if "new-year" in self._at else []
        return [at for at in {*turns, *own} if first - DAY < at < last + DAY]

    def _plateau(self, name: str, time: TimeArray, ramp: int) -> FloatArray:
        if name not in self._at:
            return np.zeros(time.shape)
        begin, end = self.span(name)
        up, down = np.clip((time - begin) / ramp, 0, 1), np.clip((end - time) / ramp, 0, 1)
        level: FloatArray = np.minimum(up, down)
        return level * level * (3 - 2 * level)

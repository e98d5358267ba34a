"""Whether a scenario can be seen in the platform's aggregates, and whether these are as in truth."""

from dataclasses import dataclass

import numpy as np

from bypuls.readings import SECOND, FloatArray
from simulators.platform import Platform
from simulators.town.town import Group, Town, rounded

_HOUR = 3_600 * SECOND
_CONTRAST, _DECIBEL = 0.15, 6.0
_TOLERANCE = {"increase": 0.06}
_USUAL_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Showing:
    """One stream of a scenario: an hourly statistic while it lasts and in the days before, as it is and was.

    `shown`: the platform has it as the truth does, and it stands out from the days before.
    """

    scenario: str
    stream: str
    statistic: str
    before: float | None
    truth: float | None
    platform: float | None
    shown: bool
    note: str = ""


def showings(platform: Platform, town: Town, start: int, end: int) -> list[Showing]:
    """Look at every scenario of a town within [start, end), as far as it was sent."""
    found = []
    for name in town.scene.forces.names:
        for shown in town.plan.shows.get(name, ()):
            stream, _, statistic = shown.rpartition(":")
            found.append(_look(platform, town, name, stream, statistic, start, end))
    return found


def _look(
    platform: Platform, town: Town, name: str, stream: str, statistic: str, first: int, last: int
) -> Showing:
    node, _, channel = stream.partition("/")
    start, finish = town.scene.forces.span(name)
    # Whole hours of it that were sent, and of the time before.
    begin, end = -(-max(start, first) // _HOUR) * _HOUR, min(finish, last) // _HOUR * _HOUR
    start = start // _HOUR * _HOUR
    place = next(((group, group.names.index(node)) for group in town.groups if node in group.names), None)
    # As many hours before as during it, and whole days, so that a rush hour is not taken for an event.
    earlier = start - max(-(-(end - begin) // (24 * _HOUR)), 1) * 24 * _HOUR
    if place is None or end <= begin or earlier < first:
        why = (
            "this node is not simulated"
            if place is None
            else "too little of it, or of the time before, was sent"
        )
        return Showing(name, stream, statistic, None, None, None, False, why)
    truth = _truth(town, *place, channel, statistic, begin, end)
    before = _truth(town, *place, channel, statistic, earlier, start)
    has = _over(statistic, platform.series(stream, begin, end, statistic))
    near = abs(has - truth) <= _TOLERANCE.get(statistic, _USUAL_TOLERANCE) * max(abs(truth), 1e-9)
    least = _DECIBEL if channel.startswith("sound_level") else _CONTRAST * max(abs(before), 1e-9)
    stands_out = abs(truth - before) >= least
    return Showing(name, stream, statistic, before, truth, has, bool(near and stands_out))


def _truth(town: Town, group: Group, row: int, channel: str, statistic: str, begin: int, end: int) -> float:
    phase = int(group.phase[row])
    windowed = next(one.windowed for one in group.channels if one.name == channel)
    first = -((phase - begin) // group.step) * group.step + phase
    if statistic == "increase":
        first -= group.step  # a meter's hour counts from the last reading of the one before
    stamp = np.arange(first, end, group.step, dtype=np.int64)
    rows, tick = np.array([row]), (stamp + group.step * windowed)[None, :]
    value = rounded(group, town.measure(group, rows, tick))[channel][0]
    hour = (stamp - begin) // _HOUR
    begins = np.flatnonzero(np.diff(hour, prepend=hour[0] - 1))
    counts = np.diff(begins, append=len(value))
    match statistic:
        case "max":
            hourly = np.maximum.reduceat(value, begins)
        case "min":
            hourly = np.minimum.reduceat(value, begins)
        case "increase":
            hourly = np.diff(value[np.append(begins[1:], len(value)) - 1])
        case "sum":
            hourly = np.add.reduceat(value, begins)
        case _:
            hourly = np.add.reduceat(value, begins) / counts
    return _over(statistic, hourly)


def _over(statistic: str, hourly: FloatArray) -> float:
    """Return the most that hours show of what a scenario does; NaN without any."""
    if not np.isfinite(hourly).any():
        return float("nan")
    if statistic == "min":
        return float(np.nanmin(hourly))
    return float(np.nanmean(hourly) if statistic == "mean" else np.nanmax(hourly))

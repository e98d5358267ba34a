"""What the nodes of the simulated town measure, computed without a platform."""

from collections import defaultdict
from datetime import datetime
from functools import lru_cache

import numpy as np

from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators.town import plan as plans
from simulators.town import town as towns
from simulators.town.scenarios import Forces
from simulators.town.town import Group, Town, rounded

DAY = 86_400
PLAN = plans.read("lillestrom")
NODES = towns.nodes_of(PLAN)
KINDS = sorted({node.kind for node in NODES})


def instants(start: str, seconds: float, step: float) -> TimeArray:
    """Return instants every `step` seconds from `start` (ISO 8601) on, for `seconds`."""
    first = round(datetime.fromisoformat(start).timestamp()) * SECOND
    return np.arange(first, first + round(seconds * SECOND), round(step * SECOND), dtype=np.int64)


YEAR = np.concatenate(
    [instants("2026-01-01T00:00:00+00:00", DAY, 3_600) + day * DAY * SECOND for day in range(0, 365, 6)]
)
"""The hours of every sixth day: a day's weather takes milliseconds to make."""


@lru_cache
def town(seed: int = 1, scenario: str = "everyday", at: int = 0) -> Town:
    """Return the whole town; made once for all tests of a file."""
    return Town(PLAN, NODES, seed, Forces([scenario], at))


def group_of(one: Town, kind: str) -> Group:
    """Return the first group of a kind."""
    return next(group for group in one.groups if group.kind == kind)


def measured(one: Town, kind: str, ticks: TimeArray) -> dict[str, FloatArray]:
    """Return what all nodes of a kind's first group measure at these instants, five days at a time."""
    group = group_of(one, kind)
    rows, parts = np.arange(len(group.names)), defaultdict(list)
    piece = max(round(DAY * SECOND / (ticks[1] - ticks[0])), 1)
    for begin in range(0, len(ticks), piece):
        tick = np.broadcast_to(ticks[begin : begin + piece], (len(rows), len(ticks[begin : begin + piece])))
        for channel, values in rounded(group, one.measure(group, rows, tick)).items():
            parts[channel].append(values)
    return {channel: np.concatenate(values, axis=1) for channel, values in parts.items()}

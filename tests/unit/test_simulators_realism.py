"""The simulated PM2.5 and discharge look like the recorded ones: quantiles, course of the day, memory.

Each statistic is the median over the towns of six seeds, so that what is tested is the model and not the luck
of a seed. PM2.5 is compared with five stations: the simulated stations' mean must lie within the range of the
recorded ones, widened by the tolerance that stands beside it. Discharge is compared gauge by gauge, in terms
of its median, since the basins are of different size.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators.recording import read, shipped
from simulators.town import plan as plans
from simulators.town import town as towns
from simulators.town.scenarios import Forces
from simulators.town.town import Town

HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND
SEEDS = (1, 2, 3, 4, 5, 6)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
LAGS = (1, 3, 6, 12, 24, 48, 72, 168)
"""Hours."""

RECORDED = {each.node: each for each in map(read, shipped())}


@lru_cache
def simulated(kind: str, channel: str, seed: int, nodes: tuple[str, ...]) -> tuple[TimeArray, FloatArray]:
    """Return hourly means of a year: times (n,) and values (nodes, n)."""
    known = {node.node: node for node in towns.read("lillestrom", interval=1_800)}
    town = Town(plans.read("lillestrom"), [known[node] for node in nodes], seed, Forces([], 0))
    [group] = [group for group in town.groups if group.kind == kind]
    start = int(np.datetime64("2021-01-01", "us").astype(np.int64))
    rows, parts = np.arange(len(nodes)), []
    for begin in range(start, start + 365 * DAY, 5 * DAY):
        tick = np.arange(begin, begin + 5 * DAY, group.step, dtype=np.int64)
        values = town.measure(group, rows, np.broadcast_to(tick, (len(rows), len(tick))))[channel]
        parts.append(values.reshape(len(rows), -1, 2).mean(axis=2))
    whole = np.concatenate(parts, axis=1)
    return start + np.arange(whole.shape[1]) * HOUR, whole


def memory(values: FloatArray) -> FloatArray:
    """Return the autocorrelation of the logarithm at LAGS; blanks are left out."""
    logs = np.log(np.maximum(values, 1))
    logs -= np.nanmean(logs)
    found = []
    for lag in LAGS:
        early, late = logs[:-lag], logs[lag:]
        both = ~np.isnan(early) & ~np.isnan(late)
        found.append(float(np.corrcoef(early[both], late[both])[0, 1]))
    return np.array(found)


def course(time: TimeArray, values: FloatArray) -> FloatArray:
    """Return the mean of each hour of the day (UTC+1) in terms of the mean of all."""
    hour = (time // HOUR + 1) % 24
    means: FloatArray = np.array([np.nanmean(values[hour == each]) for each in range(24)]) / np.nanmean(
        values
    )
    return means


def within(
    found: FloatArray, recorded: list[FloatArray], *, factor: float = 1.0, more: float = 0.0
) -> NDArray[np.bool_]:
    low, high = np.min(recorded, axis=0), np.max(recorded, axis=0)
    fits: NDArray[np.bool_] = (found >= low / factor - more) & (found <= high * factor + more)
    return fits


AIR = ("air-01", "air-04", "air-05", "air-06")
RIVERS = {"glomma-01": "glomma-2-17", "leira-01": "gausa-aulestad"}
STATIONS = [each for each in RECORDED.values() if "pm2_5" in each.channels]


def of_air(statistic: Callable[[TimeArray, FloatArray], FloatArray]) -> tuple[FloatArray, list[FloatArray]]:
    """Return a statistic of PM2.5: the towns' median of the stations' means, and each recorded station's."""
    towns_ = []
    for seed in SEEDS:
        time, values = simulated("air", "pm2_5", seed, AIR)
        towns_.append(np.mean([statistic(time, station) for station in values], axis=0))
    recorded = [statistic(each.time, each.channels["pm2_5"]) for each in STATIONS]
    return np.median(towns_, axis=0), recorded


def of_river(
    node: str, statistic: Callable[[TimeArray, FloatArray], FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Return a statistic of a river's discharge: the towns' median, and the recorded river's."""
    towns_ = []
    for seed in SEEDS:
        time, values = simulated("river", "discharge", seed, tuple(RIVERS))
        towns_.append(statistic(time, values[list(RIVERS).index(node)]))
    real = RECORDED[RIVERS[node]]
    return np.median(towns_, axis=0), statistic(real.time, real.channels["discharge"])


def quantiles(_: TimeArray, values: FloatArray) -> FloatArray:
    found: FloatArray = np.nanquantile(values, QUANTILES)
    return found


def test_pm2_5_is_distributed_as_at_real_stations() -> None:
    found, recorded = of_air(quantiles)
    assert within(found, recorded, factor=1.1).all(), found
    assert within(found.mean(), [each.mean() for each in recorded], factor=1.0)


def test_pm2_5_has_the_course_of_the_day_of_real_stations() -> None:
    found, recorded = of_air(course)
    assert within(found, recorded, more=0.12).all(), found
    assert np.argmax(found) in range(18, 23)
    assert np.corrcoef(found, np.mean(recorded, axis=0))[0, 1] > 0.85


def test_pm2_5_remembers_as_long_as_at_real_stations() -> None:
    found, recorded = of_air(lambda _, values: memory(values))
    assert within(found, recorded, more=0.06).all(), found


@pytest.mark.parametrize("node", RIVERS)
def test_discharge_is_distributed_as_in_a_real_river(node: str) -> None:
    found, recorded = of_river(node, lambda time, flow: quantiles(time, flow) / np.nanmedian(flow))
    # The driest weeks and the few floods differ most from year to year.
    factor = np.array([1.5, 1.25, 1, 1.25, 1.35, 1.4, 1.4])
    assert within(found, [recorded / factor, recorded * factor], factor=1.001).all(), found / recorded
    if node == "glomma-01":
        flow, real = of_river(node, lambda _, flow: np.nanmedian(flow, keepdims=True))
        assert flow == pytest.approx(real, rel=0.15)


@pytest.mark.parametrize("node", RIVERS)
def test_discharge_has_the_memory_and_no_more_course_of_the_day_than_a_real_river(node: str) -> None:
    found, recorded = of_river(node, lambda _, flow: memory(flow))
    # A day's memory is all a river's; over a week it depends on how many floods there were.
    tolerance = np.array([0.03, 0.03, 0.04, 0.05, 0.06, 0.1, 0.12, 0.15])
    assert (np.abs(found - recorded) <= tolerance).all(), found - recorded
    for each in of_river(node, course):
        assert np.abs(each - 1).max() < 0.08


@pytest.mark.parametrize("seed", SEEDS)
def test_spring_brings_the_flood_to_both_rivers(seed: int) -> None:
    time, values = simulated("river", "discharge", seed, tuple(RIVERS))
    month = time.astype("datetime64[us]").astype("datetime64[M]").astype(int) % 12
    for flow in values:
        assert flow[(month >= 3) & (month <= 5)].mean() > 1.25 * flow.mean()

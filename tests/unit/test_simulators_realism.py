"""The simulated PM2.5 and discharge look like the recorded ones: quantiles, course of the day, memory.

PM2.5 is compared with five stations: each statistic of the simulated stations' mean must lie within the range
of the recorded ones, widened by the tolerance that stands beside it. Discharge is compared gauge by gauge, in
terms of its median, since the basins are of different size.
"""

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators.recording import read, shipped
from simulators.town import town as towns
from simulators.town.scenarios import Forces
from simulators.town.town import Town

HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND
YEARS = 2
SEEDS = (1, 2)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
LAGS = (1, 3, 6, 12, 24, 48, 72, 168)
"""Hours."""

RECORDED = {each.node: each for each in map(read, shipped())}


@lru_cache
def simulated(kind: str, channel: str, seed: int, nodes: tuple[str, ...]) -> tuple[TimeArray, FloatArray]:
    """Return hourly means of YEARS years: times (n,) and values (nodes, n)."""
    known = {node.node: node for node in towns.read("lillestrom", interval=1_800)}
    town = Town([known[node] for node in nodes], seed, Forces([], 0))
    [group] = [group for group in town.groups if group.kind == kind]
    start = int(np.datetime64("2021-01-01", "us").astype(np.int64))
    rows, parts = np.arange(len(nodes)), []
    for begin in range(start, start + YEARS * 365 * DAY, 5 * DAY):
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


@pytest.mark.parametrize("seed", SEEDS)
def test_pm2_5_is_distributed_as_at_real_stations(seed: int) -> None:
    _, values = simulated("air", "pm2_5", seed, AIR)
    stations = [each.channels["pm2_5"] for each in RECORDED.values() if "pm2_5" in each.channels]
    recorded = [np.nanquantile(station, QUANTILES) for station in stations]
    found = np.mean([np.quantile(station, QUANTILES) for station in values], axis=0)
    assert within(found, recorded, factor=1.15).all(), found
    assert within(found.mean(), [each.mean() for each in recorded], factor=1.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_pm2_5_has_the_course_of_the_day_of_real_stations(seed: int) -> None:
    time, values = simulated("air", "pm2_5", seed, AIR)
    recorded = [
        course(each.time, each.channels["pm2_5"]) for each in RECORDED.values() if "pm2_5" in each.channels
    ]
    found = np.mean([course(time, station) for station in values], axis=0)
    assert within(found, recorded, more=0.12).all(), found
    assert np.argmax(found) in range(18, 23)
    assert np.corrcoef(found, np.mean(recorded, axis=0))[0, 1] > 0.85


@pytest.mark.parametrize("seed", SEEDS)
def test_pm2_5_remembers_as_long_as_at_real_stations(seed: int) -> None:
    _, values = simulated("air", "pm2_5", seed, AIR)
    recorded = [memory(each.channels["pm2_5"]) for each in RECORDED.values() if "pm2_5" in each.channels]
    found = np.mean([memory(station) for station in values], axis=0)
    assert within(found, recorded, more=0.08).all(), found


RIVERS = {"glomma-01": "glomma-2-17", "leira-01": "gausa-aulestad"}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("node", RIVERS)
def test_discharge_is_distributed_as_in_a_real_river(node: str, seed: int) -> None:
    _, values = simulated("river", "discharge", seed, tuple(RIVERS))
    flow, real = values[list(RIVERS).index(node)], RECORDED[RIVERS[node]].channels["discharge"]
    found, recorded = (np.nanquantile(each, QUANTILES) / np.nanmedian(each) for each in (flow, real))
    # A few floods make the upper quantiles, and no two years have the same.
    factor = np.array([1.7, 1.35, 1, 1.4, 1.6, 1.6, 1.8])
    assert within(found, [recorded / factor, recorded * factor], factor=1.001).all(), found / recorded
    if node == "glomma-01":
        assert np.median(flow) == pytest.approx(np.nanmedian(real), rel=0.25)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("node", RIVERS)
def test_discharge_has_the_memory_and_no_more_course_of_the_day_than_a_real_river(
    node: str, seed: int
) -> None:
    time, values = simulated("river", "discharge", seed, tuple(RIVERS))
    flow, real = values[list(RIVERS).index(node)], RECORDED[RIVERS[node]]
    # A day's memory is all a river's; over a week it depends on how many floods there were.
    tolerance = np.array([0.03, 0.03, 0.04, 0.05, 0.06, 0.1, 0.12, 0.2])
    assert (np.abs(memory(flow) - memory(real.channels["discharge"])) <= tolerance).all(), memory(flow)
    assert np.abs(course(time, flow) - 1).max() < 0.08
    assert np.abs(course(real.time, real.channels["discharge"]) - 1).max() < 0.08


def test_spring_brings_the_flood_to_both_rivers() -> None:
    time, values = simulated("river", "discharge", 1, tuple(RIVERS))
    month = time.astype("datetime64[us]").astype("datetime64[M]").astype(int) % 12
    for flow in values:
        assert flow[(month >= 3) & (month <= 5)].mean() > 1.5 * flow.mean() / 1.2
        assert month[np.argmax(flow)] in (3, 4, 5)

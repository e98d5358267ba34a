"""What people do in the simulated town keeps to hours, days and holidays; water under ice does nothing."""

from datetime import datetime
from functools import lru_cache

import numpy as np
import pytest

from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators.town import plan as plans
from simulators.town import rhythm
from simulators.town import town as towns
from simulators.town.scenarios import Forces
from simulators.town.town import Town, rounded

HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND
PLAN = plans.read("lillestrom")


@lru_cache
def town() -> Town:
    return Town(PLAN, towns.nodes_of(PLAN, interval=600), 3, Forces([], 0))


def days_from(start: str, days: int) -> TimeArray:
    """Return every ten minutes of some days, (days, 144)."""
    first = round(datetime.fromisoformat(start).timestamp()) * SECOND
    return first + np.arange(days * 144, dtype=np.int64).reshape(days, 144) * 600 * SECOND


def measured(kind: str, ticks: TimeArray) -> dict[str, FloatArray]:
    """Return what the nodes of a kind measure, (nodes, days, instants of a day)."""
    [group] = [group for group in town().groups if group.kind == kind]
    rows = np.arange(len(group.names))
    by_day = [
        rounded(group, town().measure(group, rows, np.broadcast_to(day, (len(rows), len(day)))))
        for day in ticks
    ]
    return {channel: np.stack([day[channel] for day in by_day], axis=1) for channel in by_day[0]}


def test_a_commuters_bay_is_taken_once_a_working_day_from_morning_to_afternoon() -> None:
    bays = measured("parking", days_from("2026-01-12T00:00+01:00", 5))
    station = np.stack([bay[0] for bay in bays.values()])  # (bays, days, instants): all of them commuters'
    comes = (np.diff(station, axis=2) > 0).sum(axis=2)
    assert comes.max() <= 2  # a second car only for a market at the fair
    assert (comes == 1).mean() > 0.8
    assert station[:, :, 9 * 6 : 14 * 6].mean() > 0.85
    assert station[:, :, : 5 * 6].max() == 0
    shops = np.stack([bay[3] for bay in bays.values()])
    assert (np.diff(shops, axis=2) > 0).sum(axis=2).mean() > 1.3


@pytest.mark.parametrize("start", ["2026-01-12T00:00+01:00", "2026-07-06T00:00+02:00"])
def test_bins_fill_by_day_and_are_emptied_in_the_morning(start: str) -> None:
    ticks = days_from(start, 28)
    level = measured("waste", ticks)["fill_level"]
    change = np.diff(level.reshape(len(level), -1), axis=1)
    hour = rhythm.Clock(ticks.ravel()[1:]).hour
    emptied = change < -20
    assert emptied.sum(axis=1).min() >= 2
    assert set(hour[emptied.any(axis=0)].astype(int)) <= set(range(5, 15))
    risen = np.where(emptied, 0, change)
    by_day, by_night = risen[:, (hour > 10) & (hour < 18)].mean(), risen[:, hour < 4].mean()
    assert by_day > 5 * by_night
    assert (level == 100).mean() < 0.03  # one that was forgotten may overflow


def test_trains_are_heard_from_five_to_one_on_free_days_too_and_most_often_at_the_rush() -> None:
    ticks = days_from("2026-02-02T00:00+01:00", 28)
    level = measured("noise", ticks)["sound_level"][0]
    heard = level > 64
    free = rhythm.Clock(ticks[:, 72]).free
    assert heard[:, 7:30].mean() == 0  # of ten minutes each, from a quarter past one to five
    assert heard[free][:, 21 * 6 :].mean() > 0.3
    assert heard[~free][:, 7 * 6 : 9 * 6].mean() > 1.2 * heard[~free][:, 10 * 6 : 14 * 6].mean()


def test_in_the_general_holiday_fewer_drive_to_work() -> None:
    june, july = (
        rhythm.traffic(rhythm.Clock(days_from(start, 5).ravel())).max()
        for start in ("2026-06-08T00:00+02:00", "2026-07-13T00:00+02:00")
    )
    assert 0.6 < july / june < 0.8
    weekend = [
        rhythm.traffic(rhythm.Clock(days_from(start, 2).ravel())).max()
        for start in ("2026-06-13T00:00+02:00", "2026-07-18T00:00+02:00")
    ]
    assert weekend[0] == weekend[1]


def test_water_under_ice_stays_at_freezing_and_a_small_river_warms_most_on_a_summer_day() -> None:
    winter = measured("river", days_from("2026-01-12T00:00+01:00", 7))["water_temperature"]
    assert winter.min() >= 0
    assert winter.max() < 0.6
    assert winter.std(axis=2).max() < 0.1
    summer = measured("river", days_from("2026-07-06T00:00+02:00", 14))["water_temperature"]
    by_hour = summer.mean(axis=1)
    span = by_hour.max(axis=1) - by_hour.min(axis=1)
    of = {node.node: row for row, node in enumerate(node for node in town().nodes if node.kind == "river")}
    assert span[of["leira-01"]] > 0.7 > 0.6 > span[of["glomma-01"]]
    assert np.argmax(by_hour[of["leira-01"]]) // 6 in range(15, 21)

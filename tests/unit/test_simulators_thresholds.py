"""The thresholds of the simulated river gauges, against the floods that these have."""

from functools import lru_cache

import numpy as np
import pytest

from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators.town import plan as plans
from simulators.town import rivers, town
from simulators.town.scenarios import Forces
from simulators.town.scene import Scene

DAY = 86_400 * SECOND
AT = int(np.datetime64("2026-11-20T12:00", "us").astype(np.int64))
PLAN = plans.read("lillestrom")
GAUGES = [node for node in town.read("lillestrom") if node.kind == "river"]
LEVELS = ("yellow", "orange", "red")


def test_every_river_gauge_has_thresholds_for_level_and_discharge_but_its_copies_have_none() -> None:
    for node in GAUGES:
        registered = {stream.channel: stream for stream in node.registered().stream}
        for channel in ("water_level", "discharge"):
            assert tuple(registered[channel].thresholds.given) == LEVELS
        assert registered["water_temperature"].thresholds.given == {}
    copies = [node for node in town.read("lillestrom", 200) if node.kind == "river"][len(GAUGES) :]
    assert copies
    assert not any(node.thresholds for node in copies)


@pytest.mark.parametrize("node", GAUGES, ids=lambda node: node.node)
def test_yellow_is_crossed_about_every_other_year_orange_every_fifth_and_red_hardly(node: town.Node) -> None:
    for channel, of_year in yearly_highest(node).items():
        crossed = [np.mean(of_year > node.thresholds[channel][level]) for level in LEVELS]
        assert crossed == pytest.approx([0.5, 0.2, 0.02], abs=0.1)
        assert crossed[0] > crossed[1] > crossed[2]


def test_a_flood_in_november_rises_above_orange_in_small_rivers_everyday_life_not_above_yellow() -> None:
    time = np.arange(AT - 6 * DAY, AT + 8 * DAY, 3_600 * SECOND)
    worst = {}
    for name in ("everyday", "flood"):
        flows = flowing(1, name, time)
        worst[name] = {
            node.node: {
                channel: sum(column.max() > value for value in node.thresholds[channel].values())
                for channel, column in of_gauge(node, flows).items()
            }
            for node in GAUGES
        }
    assert {level for gauge in worst["everyday"].values() for level in gauge.values()} == {0}
    for gauge in ("nitelva-01", "nitelva-02", "leira-01", "leira-02"):
        assert max(worst["flood"][gauge].values()) >= 2


@lru_cache(2)
def everyday_years() -> tuple[list[int], list[dict[str, FloatArray]]]:
    time = np.arange(AT // DAY * DAY - 2_000 * DAY, AT + 5_000 * DAY, DAY // 4)
    year = time.astype("datetime64[us]").astype("datetime64[Y]").astype(int)
    starts = np.flatnonzero(np.diff(year, prepend=0)).tolist()
    return starts, [flowing(seed, "everyday", time) for seed in range(1, 6)]


def yearly_highest(node: town.Node) -> dict[str, FloatArray]:
    starts, runs = everyday_years()
    columns = [of_gauge(node, flows) for flows in runs]
    return {
        channel: np.concatenate([np.maximum.reduceat(each[channel], starts) for each in columns])
        for channel in columns[0]
    }


def flowing(seed: int, scenario: str, time: TimeArray) -> dict[str, FloatArray]:
    scene = Scene(PLAN, seed, Forces([scenario], AT))
    return {name: scene.rivers.discharge(name, time) for name in PLAN.rivers}


def of_gauge(node: town.Node, flows: dict[str, FloatArray]) -> dict[str, FloatArray]:
    river = PLAN.river[int(node.parameters["river"])]
    flow = flows[river.name] * node.parameters["share"]
    return {"water_level": rivers.level(river, flow, flows, PLAN.rivers), "discharge": flow}


@pytest.mark.parametrize("at", ["2026-07-14T03:07", "2026-07-15T00:00", "2026-06-20T10:59"])
def test_no_river_rises_before_the_storm_and_each_rises_after_it(at: str) -> None:
    moment = int(np.datetime64(at, "us").astype(np.int64))
    begin, end = Forces(["flood"], moment).span("flood")
    before = begin - np.arange(0, 15 * DAY, DAY // 96)
    after = np.arange(begin, end, DAY // 96)
    calm, stormy = (Scene(PLAN, 3, Forces(names, moment)).rivers for names in ([], ["flood"]))
    for name in PLAN.rivers:
        assert np.array_equal(stormy.discharge(name, before), calm.discharge(name, before))
        assert stormy.discharge(name, after).max() > 1.3 * calm.discharge(name, after).max()

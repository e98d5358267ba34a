"""The town in a sentence: each scenario of the simulator is told within five minutes of being visible."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest

from api import times
from bypuls.maintenance.service import Maintenance
from bypuls.readings import SECOND, FloatArray, TimeArray
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store.database import connect
from bypuls.store.rollups import mark_range
from simulators.town import plan as plans
from simulators.town.scenarios import SCENARIOS, Forces
from simulators.town.town import Town
from testbed import Databases
from testbed.client import Client, served
from testbed.townfolk import DAY, HOUR, enrol, measure, nodes_of, series

pytestmark = pytest.mark.timeout(300)  # half a million readings are computed, stored and rolled up first

OSLO = ZoneInfo("Europe/Oslo")
MINUTE = 60 * SECOND
SEED = 1


def at(text: str) -> int:
    """Return a time of clocks in Oslo."""
    return round(datetime.fromisoformat(text).replace(tzinfo=OSLO).timestamp()) * SECOND


@dataclass(frozen=True)
class Case:
    """A scenario at its height; days of history, and hours around `at` that are measured, by these kinds."""

    name: str
    at: int
    kinds: tuple[str, ...]
    history: float
    since: float
    until: float

    @property
    def forces(self) -> Forces:
        return Forces([self.name], self.at)

    @property
    def begin(self) -> int:
        """When the scenario begins, or, of everyday life, the day."""
        return self.at if self.name == "everyday" else self.forces.span(self.name)[0]

    @property
    def start(self) -> int:
        return self.at + round(self.since * HOUR - self.history * DAY)

    @property
    def end(self) -> int:
        return self.at + round(self.until * HOUR)


# More than eight weeks apart, so that none is part of what is usual for another.
EVERYDAY = Case(
    "everyday",
    at("2023-03-13T00:00"),
    ("air", "weather", "river", "noise", "traffic", "parking", "water-meter", "pressure", "people"),
    5, 0, 24,
)  # fmt: skip
INVERSION = Case("inversion", at("2023-01-18T18:00"), ("air", "weather", "traffic"), 0.5, -60, -30)
FAIR = Case("fair", at("2023-06-15T12:00"), ("people", "visitors"), 7, -52, -40)
BURST = Case("burst-main", at("2023-09-06T12:00"), ("pressure", "water-meter"), 6, -2, 1)
FLOOD = Case("flood", at("2023-11-22T12:00"), ("river", "weather"), 0.5, -132, -90)
NEW_YEAR = Case("new-year", at("2022-11-03T00:00"), ("air", "noise", "weather"), 6, -1, 2.5)
CASES = (EVERYDAY, INVERSION, FAIR, BURST, FLOOD, NEW_YEAR)


@cache
def town_of(case: Case) -> Town:
    return Town(plans.read("lillestrom"), nodes_of(case.kinds), SEED, case.forces)


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    with databases.migrated() as url:
        enrol(url, nodes_of({kind for case in CASES for kind in case.kinds}))
        job = Maintenance(DatabaseSettings.model_validate({"url": url}), MaintainSettings())
        for case in CASES:
            measure(url, town_of(case), case.start, case.end)
            with connect(url, name="test", autocommit=True) as connection:
                mark_range(connection, case.start // HOUR, case.end // HOUR + 1)
        job.begin()
        job.make_rollups()
        job.close()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ANALYZE")
        yield url


@pytest.fixture(scope="module")
def api(url: str) -> Iterator[Client]:
    with served(url) as client:
        yield client


def told(api: Client, time: int) -> dict[str, Any]:
    summary: dict[str, Any] = api.json("summary", time=times.write(time))
    return summary


def ids(summary: dict[str, Any]) -> set[str]:
    """Return what is told, but that the nodes of other cases are silent."""
    return {clause["id"] for clause in summary["clauses"]} - {"silent"}


def trailing(time: TimeArray, value: FloatArray, width: int, how: Callable[[FloatArray], Any]) -> FloatArray:
    """Return, for each time, what `how` makes of the values of the `width` up to it."""
    first = np.searchsorted(time, time - width, side="right")
    return np.array([how(value[low : high + 1]) for high, low in enumerate(first)])


def dirty_air(case: Case) -> int:
    """Return when the mean of an hour first left the best class at a station, by Norway's bounds."""
    found = []
    for number in range(1, 9):
        for channel, bound in (("no2", 100), ("pm10", 60), ("pm2_5", 30)):
            time, value = series(town_of(case), f"air-{number:02}", channel, case.begin - HOUR, case.end)
            bad = (trailing(time, value, HOUR, np.mean) >= bound) & (time >= case.begin)
            found += time[bad][:1].tolist()
    return int(min(found))


def rise(case: Case) -> int:
    """Return when a river first stood 10 cm higher than two hours before, by means of an hour."""
    found = []
    for node in ("leira-01", "leira-02", "nitelva-01", "nitelva-02"):
        time, value = series(town_of(case), node, "water_level", case.begin - 4 * HOUR, case.end)
        mean = trailing(time, value, HOUR, np.mean)
        found += time[12:][mean[12:] - mean[:-12] >= 0.10][:1].tolist()
    return int(min(found))


def crowd(case: Case) -> int:
    """Return when in an hour 1.6 times as many walked by as in any like it of the days before."""
    time, value = series(town_of(case), "people-01", "people_count", case.start, case.end)
    hours = trailing(time, value, HOUR, np.sum)
    day = round(DAY / (time[1] - time[0]))
    for place in np.flatnonzero(time >= case.begin).tolist():
        like = [hours[place - back * day + aside] for back in range(1, 7) for aside in range(-12, 13)]
        if hours[place] >= 1.6 * max(like):
            return int(time[place])
    raise AssertionError("no crowd")


def lost_pressure(case: Case) -> int:
    """Return when the pressure was first a bar below that of the same minute on any of the days before."""
    time, value = series(town_of(case), "pressure-01", "pipe_pressure", case.start, case.end)
    day = 24 * 60
    for place in np.flatnonzero(time >= case.begin).tolist():
        if value[place] <= min(value[place - back * day] for back in range(1, 6)) - 1:
            return int(time[place])
    raise AssertionError("no loss")


@pytest.mark.parametrize(
    ("case", "visible", "expected"),
    [
        (INVERSION, dirty_air, [{"air.moderate", "air.high", "air.very_high"}, {"air.cause.inversion"}]),
        (FLOOD, rise, [{"river.rising"}]),
        (FAIR, crowd, [{"people.many"}]),
        (BURST, lost_pressure, [{"pipe.drop", "pipe.burst"}]),
        (NEW_YEAR, dirty_air, [{"air.moderate", "air.high"}, {"air.cause.fireworks"}, {"noise.high"}]),
    ],
    ids=lambda value: value.name if isinstance(value, Case) else "",
)
def test_a_scenario_is_told_within_five_minutes_of_being_visible_in_the_data(
    api: Client, case: Case, visible: Callable[[Case], int], expected: Sequence[set[str]]
) -> None:
    assert case.name in SCENARIOS
    seen = visible(case)
    before = told(api, case.begin - 3 * HOUR)
    calm = {"air.good", "river.quiet", "weather.now"}
    assert ids(before) <= calm, before["text"]
    summary = told(api, seen + 5 * MINUTE)
    for one in expected:
        assert one & ids(summary), summary["text"]
    check_links(api, summary)


def test_every_scenario_is_tested() -> None:
    assert {case.name for case in CASES} == {*SCENARIOS, "everyday"}


def test_everyday_life_is_told_as_calm_at_every_hour(api: Client) -> None:
    for hour in range(1, 24, 2):
        summary = told(api, EVERYDAY.at + hour * HOUR + 23 * MINUTE)
        assert ids(summary) - {"parking.full"} == {"air.good", "river.quiet", "weather.now"}, summary["text"]
        assert {clause["nodes"][0] for clause in summary["clauses"] if clause["id"] == "silent"} <= {
            "fair-01"
        }
        assert not summary["stale"]
        if hour == 13:
            check_links(api, summary)


def test_a_burst_main_is_told_as_such_when_the_meter_shows_it(api: Client) -> None:
    summary = told(api, BURST.begin + 45 * MINUTE)
    assert "pipe.burst" in ids(summary), summary["text"]
    [burst] = [clause for clause in summary["clauses"] if clause["id"] == "pipe.burst"]
    assert burst["nodes"] == ["pressure-01", "water-01"]
    assert "pipe.drop" not in ids(summary)
    states = {node["node"]: node for node in summary["nodes"]}
    for node, stream in (("pressure-01", "pipe_pressure"), ("water-01", "water_volume")):
        assert states[node]["level"] == 4
        assert states[node]["label"] == {"nb": "Trolig ledningsbrudd", "en": "Probable burst"}
        assert states[node]["stream"] == f"{node}/{stream}"
    [shown] = [each for each in burst["readings"] if each["statistic"] == "rate"]
    assert (states["water-01"]["value"], states["water-01"]["unit"]) == (round(shown["value"], 3), "m3/h")
    assert states["pressure-03"]["level"] == 1


def test_what_is_not_measured_any_more_is_told_and_nothing_else(api: Client) -> None:
    later = told(api, EVERYDAY.end + 3 * HOUR)
    assert ids(later) == {"town.stale"}
    assert later["stale"]
    assert all(node["level"] is None for node in later["nodes"])
    never = told(api, EVERYDAY.at - 800 * DAY)
    assert ids(never) == {"town.empty"}
    assert never["newest"] is None


def test_streams_that_are_not_open_are_in_no_summary(api: Client) -> None:
    summary = told(api, FAIR.begin + 7 * HOUR)
    assert "people.many" in ids(summary)
    assert "fair-0" not in api.ask("summary", time=times.write(FAIR.begin + 7 * HOUR)).text
    assert "people-01" in {node["node"] for node in summary["nodes"]}


def test_the_summary_of_now_is_made_once_for_all_who_ask(api: Client) -> None:
    first = api.json("summary", lang="en")
    assert api.json("summary", lang="nb")["time"] == first["time"]
    assert ids(first) == {"town.stale"}
    assert first["text"] == first["clauses"][0]["text"]["en"]


def check_links(api: Client, summary: dict[str, Any]) -> None:
    """Follow the links of each clause: what they give must make up the values that stand beside them."""
    for clause in summary["clauses"]:
        for evidence in clause["readings"][:6]:
            answer = api.get(evidence["href"])
            assert answer.status_code == 200, evidence
            body = answer.json()
            match evidence["statistic"]:
                case "usual_p10" | "usual_p50" | "usual_p90":
                    hour = body["hours"][-1]
                    assert hour["start"] == evidence["start"]
                    assert hour["n"] == evidence["n"]
                    value = hour[evidence["statistic"].removeprefix("usual_")]
                case "yellow" | "orange" | "red":
                    [stream] = [each for each in body["streams"] if each["stream"] == evidence["stream"]]
                    value = stream["thresholds"][evidence["statistic"]]
                case statistic:
                    values = body["value"]
                    assert len(values) == evidence["n"]
                    if not values:
                        assert evidence["value"] is None
                        continue
                    made = {
                        "last": values[-1],
                        "mean": np.mean(values),
                        "sum": sum(values),
                        "max": max(values),
                    }
                    if statistic == "rate":
                        first, last = (datetime.fromisoformat(body["time"][place]) for place in (0, -1))
                        made["rate"] = (values[-1] - values[0]) / ((last - first) / timedelta(hours=1))
                    value = made[statistic]
            assert evidence["value"] == pytest.approx(value, abs=2e-4)

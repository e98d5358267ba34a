"""What dashboards tell of the air and of noise, against the same rules in Python."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest

from bypuls.air_quality import BOUNDS, index
from bypuls.legal_limits import LEGAL_LIMITS, Period
from bypuls.numeric.edges import CivilUnit, civil_edges
from bypuls.readings import SECOND
from bypuls.series.air import COMPONENTS, Station, stations
from bypuls.series.exceedances import assess, year_bounds
from bypuls.series.request import SeriesRequest
from bypuls.series.step import HOUR, read_step
from bypuls.series.table import build
from bypuls.store.database import Database
from bypuls.store.facts import list_facts
from testbed.asking import ask, microseconds
from testbed.filling import register
from testbed.town_database import DAY, NOON, TownDatabase, roll_up
from testbed.writing import write

OSLO = ZoneInfo("Europe/Oslo")
NEW_YEAR = 1_735_686_000 * SECOND
"""Where 2025 begins in the town."""


def test_bounds_and_limits_are_those_of_the_regulation(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        bounds = connection.execute("SELECT * FROM dashboard.air_bounds").fetchall()
        limits = connection.execute(
            "SELECT quantity, period, limit_value, allowed FROM dashboard.legal_limits"
        ).fetchall()
    assert {key: tuple(rest) for key, *rest in bounds} == BOUNDS
    assert set(limits) == {
        (limit.quantity, limit.period.value, limit.value, limit.allowed) for limit in LEGAL_LIMITS
    }


@pytest.mark.parametrize("key", BOUNDS)
def test_the_index_of_a_value_is_that_of_the_api_with_the_bound_in_the_class_above(
    database_url: str, key: str
) -> None:
    edges = np.array(BOUNDS[key], np.float64)
    values = np.concatenate([edges, np.nextafter(edges, 0), [-5, 0, 1000, *np.linspace(0, 500, 101)]])
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT dashboard.air_index_of(v, moderate, high, very_high)"
            " FROM dashboard.air_bounds, unnest(%s::float8[]) WITH ORDINALITY AS x (v, i)"
            " WHERE quantity = %s ORDER BY i",
            [values.tolist(), key],
        ).fetchall()
    column = np.array([value for (value,) in found])
    np.testing.assert_allclose(column, index(key, values), rtol=1e-12)
    np.testing.assert_array_equal(np.floor(column), np.floor(index(key, values)))


def test_the_air_of_stations_is_that_of_the_api(everyday: TownDatabase, town: Database) -> None:
    start = NOON - 20 * DAY
    hours, found = airs(town, start, NOON)
    wanted = {
        (station.node, hour): round(float(worst), 9)
        for station in found
        for hour, worst in zip(hours.tolist(), station.index, strict=True)
        if not np.isnan(worst)
    }
    rows = ask(everyday.url, "air_index", None, start, NOON)
    assert {(row["node"], microseconds(row["time"])): round(row["index"], 9) for row in rows} == wanted
    classes = ask(everyday.url, "air_classes", None, start, NOON)
    assert {(row["node"], row["class"]): row["hours"] for row in classes} == Counter(
        (node, int(worst)) for (node, _), worst in wanted.items()
    )
    now = ask(everyday.url, "air_now", None, NOON + 600 * SECOND)
    assert {
        (row["node"], microseconds(row["time"])): round(row["index"], 9) for row in now if row["worst"]
    } == {key: value for key, value in wanted.items() if key[1] == NOON - HOUR}


def test_exceedances_are_those_of_the_api_and_a_running_period_is_not_compared(odd_air: str) -> None:
    with Database(odd_air, name="test", connections=1, statement_timeout=60.0) as database:
        for quantity in ("no2", "pm10"):
            with database.connection() as connection:
                facts = list_facts(connection, quantity=quantity, box=None, limit=10)
            wanted = {
                (each.stream.name, each.limit.period.value): each
                for each in assess(database, facts, 2025, NOON)
                if each.limit.period is not Period.YEAR
            }
            rows = [row for row in ask(odd_air, "exceedances", None, NOON) if row["quantity"] == quantity]
            compared = {f"{row['node']}/{quantity}": row for row in rows if row["period"] != "year"}
            for (name, _), each in wanted.items():
                row = compared.pop(name)
                assert (row["exceeded"], row["assessed"], row["not_assessed"], row["allowance_left"]) == (
                    len(each.time),
                    each.assessed,
                    each.not_assessed,
                    each.left,
                )
                assert microseconds(row["last_exceeded"]) == each.time[-1]
                assert row["last_value"] == pytest.approx(each.value[-1])
                times = ask(odd_air, "exceedance_times", [name.partition("/")[0]], NEW_YEAR, NOON)
                mine = [row for row in times if row["quantity"] == quantity]
                assert sorted(microseconds(row["time"]) for row in mine) == each.time.tolist()
            assert compared == {}


@pytest.mark.parametrize("rolled_up", [True, False])
def test_what_is_above_a_limit_by_rounding_only_is_not_above_it(database_url: str, rolled_up: bool) -> None:
    midnight, streams = NOON - 37 * HOUR, register(database_url, "a", "no2", "pm10")
    quarters = np.arange(midnight, midnight + DAY, 900 * SECOND)
    for channel, limit in (("no2", 200), ("pm10", 50)):
        write(database_url, streams[channel], quarters, limit + 1e-12)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE stream SET expected_interval = 900")
    if rolled_up:
        roll_up(database_url)
    assert [
        row["value"] > 50 for row in ask(database_url, "series", "pm10", None, midnight, NOON, "1 day")
    ] == [True]
    rows = [row for row in ask(database_url, "exceedances", None, NOON) if row["period"] != "year"]
    assert {(row["quantity"], row["assessed"], row["exceeded"]) for row in rows} == {
        ("no2", 24, 0),
        ("pm10", 1, 0),
    }
    assert ask(database_url, "exceedance_times", None, midnight, NOON) == []
    assert [row["value"] for row in ask(database_url, "pm10_now", None, NOON)] == [50]
    assert [row["value"] for row in ask(database_url, "no2_now", None, midnight + DAY)] == [200]


def test_until_the_year_is_over_its_mean_so_far_stands_beside_the_limit(
    everyday: TownDatabase, town: Database
) -> None:
    assert year_bounds(2025)[0] == NEW_YEAR
    with town.connection() as connection:
        facts = list_facts(connection, quantity="pm10", box=None, limit=10)
    table = build(
        town, SeriesRequest(facts, ["mean"], read_step("year"), OSLO, NEW_YEAR, NOON - 13 * HOUR, NOON)
    )
    wanted = {series.facts.name: series.values["mean"][0] for series in table.series}
    rows = ask(everyday.url, "exceedances", None, everyday.end)
    assert {
        f"{row['node']}/pm10": row["mean_so_far"]
        for row in rows
        if row["quantity"] == "pm10" and row["period"] == "year"
    } == pytest.approx(wanted, rel=1e-3)


def test_the_wind_rose_counts_each_direction_and_speed_once(everyday: TownDatabase, town: Database) -> None:
    start = NOON - 2 * DAY
    with town.connection() as connection:
        directions = list_facts(connection, quantity="wind_direction", box=None, limit=10, node="wind-01")
        speeds = list_facts(connection, quantity="wind_speed", box=None, limit=10, node="wind-01")
    table = build(
        town, SeriesRequest([*directions, *speeds], ["mean"], read_step("10m"), OSLO, start, NOON, NOON)
    )
    direction, speed = (series.values["mean"] for series in table.series)
    blown = ~np.isnan(direction)
    sector = np.rint(direction[blown] / 22.5).astype(int) % 16
    rows = ask(everyday.url, "wind_rose", ["wind-01"], start, NOON)
    assert [row["label"] for row in rows[:5]] == ["N", "NNØ", "NØ", "ØNØ", "Ø"]
    for row in rows:
        mine = speed[blown][sector == row["sector"]]
        shares = [
            np.mean((mine >= low) & (mine < high)) * len(mine) / blown.sum() if len(mine) else 0
            for low, high in ((0, 2), (2, 5), (5, 10), (10, 99))
        ]
        assert [row["calm_to_2"], row["from_2_to_5"], row["from_5_to_10"], row["above_10"]] == pytest.approx(
            shares
        )
    assert ask(everyday.url, "wind_rose", ["air-01"], start, NOON) == []


def test_lden_weighs_evening_and_night_by_the_directive_and_by_civil_hours(
    everyday: TownDatabase, town: Database
) -> None:
    days = civil_edges(
        NOON - 28 * DAY, NOON - 2 * DAY, CivilUnit.DAY, OSLO
    )  # clocks were put back among them
    with town.connection() as connection:
        facts = list_facts(connection, quantity="sound_level", box=None, limit=10)
    table = build(
        town, SeriesRequest(facts, ["mean"], read_step("1h"), OSLO, int(days[0]), int(days[-1]), NOON)
    )
    rows = {
        (row["node"], microseconds(row["time"])): row
        for row in ask(everyday.url, "lden", None, int(days[0]), int(days[-1]))
    }
    assert len(rows) == len(facts) * (len(days) - 1)
    for series in table.series:
        node = series.facts.name.partition("/")[0]
        for start, end in zip(days[:-1].tolist(), days[1:].tolist(), strict=True):
            inside = (table.time >= start) & (table.time < end)
            # Civil hours: on the day of 25 hours the one from 2 to 3 comes twice.
            hour = np.array([civil_hour(time) for time in table.time[inside].tolist()])
            energy = 10 ** (series.values["mean"][inside] / 10)
            day, evening = (hour >= 7) & (hour < 19), (hour >= 19) & (hour < 23)
            parts = [energy[which].mean() for which in (day, evening, ~day & ~evening)]
            weighed = 12 * parts[0] + 4 * parts[1] * 10**0.5 + 8 * parts[2] * 10
            row = rows[node, start]
            assert row["lden"] == pytest.approx(10 * np.log10(weighed / 24))
            assert [row["lday"], row["levening"], row["lnight"]] == pytest.approx(10 * np.log10(parts))
            assert row["coverage"] == pytest.approx(1)


def test_the_night_of_seven_hours_is_wholly_covered(database_url: str) -> None:
    (stream,) = register(database_url, "a", "sound_level").values()
    midnight = microseconds(datetime(2025, 3, 30, tzinfo=OSLO))
    write(database_url, stream, np.arange(midnight, midnight + 23 * HOUR, 600 * SECOND), 50.0)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE stream SET expected_interval = 600")
    (row,) = ask(database_url, "lden", None, midnight, midnight + 23 * HOUR)
    assert (row["lnight"], row["coverage"]) == (pytest.approx(50), 1)


def civil_hour(time: int) -> int:
    return datetime.fromtimestamp(time / 1e6, OSLO).hour


def airs(
    database: Database, start: int, end: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], list[Station]]:
    facts = []
    with database.connection() as connection:
        for quantity in COMPONENTS:
            facts += list_facts(connection, quantity=quantity, box=None, limit=100)
    hours, _, found = stations(database, facts, start, end, end, 0.85)
    return hours, found


@pytest.fixture(scope="module")
def town(everyday: TownDatabase) -> Iterator[Database]:
    with Database(everyday.url, name="test", connections=2, statement_timeout=60.0) as database:
        yield database


@pytest.fixture(scope="module")
def odd_air(databases: object) -> Iterator[str]:
    """Two stations in dirty air for weeks, with hours and days of which too little was measured."""
    with databases.migrated() as url:  # type: ignore[attr-defined]
        rng = np.random.default_rng(5)
        for node in ("a", "b"):
            for channel, stream in register(url, node, "no2", "pm10").items():
                time = np.arange(NOON - 20 * DAY, NOON + DAY, 600 * SECOND)
                time = time[rng.uniform(size=len(time)) < 0.93]
                level = {"no2": 150, "pm10": 45}[channel]
                daily = 1 + 0.5 * np.sin(time / (3 * DAY))
                write(url, stream, time, level * daily * rng.lognormal(0, 0.3, len(time)))
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE stream SET expected_interval = 600")
        roll_up(url)
        yield url

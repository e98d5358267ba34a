"""What dashboards tell of water, traffic, parking, lights and waste, and what is unusual in the town."""

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest

from bypuls.instants import to_datetime
from bypuls.readings import SECOND
from bypuls.series.step import HOUR
from testbed.asking import Row, ask, microseconds
from testbed.filling import put, register
from testbed.town_database import DAY, NOON, TownDatabase
from testbed.writing import write

OSLO = ZoneInfo("Europe/Oslo")
Befallen = Callable[[str], TownDatabase]


def test_everyday_life_has_nothing_unusual(befallen: Befallen) -> None:
    url = befallen("everyday").url
    for hours in range(-72, 24, 8):
        assert ask(url, "findings", None, NOON + hours * HOUR) == []
    assert {row["severity"] for row in ask(url, "map", None, NOON)} == {0}
    (calm,) = ask(url, "unusual", None, NOON)
    assert (calm["severity"], calm["what"]) == (0, "Ingenting uvanlig")
    (nobody,) = ask(url, "unusual", ["nobody"], NOON)
    assert (nobody["severity"], nobody["what"]) == (0, "Ingen noder i registeret for dette utvalget")


def test_a_flood_shows_at_the_gauges_since_when_and_above_which_threshold(befallen: Befallen) -> None:
    url, at = befallen("flood").url, NOON - 72 * HOUR
    found = ask(url, "findings", None, at)
    listed = ask(url, "unusual", None, at)
    assert [row["what"] for row in listed] == [row["what"] for row in found]
    assert listed[0]["told"] == f"{found[0]['value']:.0f} m³/s"
    assert {row["kind"] for row in found} <= {"river-level", "river-high", "river-rise"}
    worst = next(row for row in found if row["node"] == "leira-01" and row["unit"] == "m")
    assert (worst["severity"], worst["what"]) == (3, "Vannstand over oransje terskel (5,8 m)")
    levels = ask(url, "series", "water_level", ["leira-01"], at - 3 * DAY, at, "1 hour")
    crossed = min(row["time"] for row in levels if row["value"] > 5.8)
    assert worst["since"] == crossed
    (now,) = (row for row in ask(url, "river_now", ["leira-01"], at) if row["quantity"] == "water_level")
    assert (now["yellow"], now["orange"], now["red"], now["level"]) == (5.23, 5.8, 6.58, 2)
    (marked,) = (row for row in ask(url, "map", None, at) if row["node"] == "leira-01")
    assert marked["severity"] == 3
    assert "Vannføring over oransje terskel" in marked["what"]


def test_the_rate_of_rise_is_that_of_the_level_over_three_hours(befallen: Befallen) -> None:
    url, start, end = befallen("flood").url, NOON - 6 * DAY, NOON - 3 * DAY
    levels = {
        row["time"]: row["value"]
        for row in ask(url, "series", "water_level", ["leira-01"], start - DAY, end, "1 hour")
    }
    rises = ask(url, "rise", "water_level", ["leira-01"], start, end, "1 hour")
    assert len(rises) >= 72
    for row in rises:
        before = levels[row["time"] - timedelta(hours=3)]
        assert row["value"] == pytest.approx((levels[row["time"]] - before) / 3)
    assert 0.05 < max(row["value"] for row in rises) < 1
    for step in ("15 minutes", "2 hours", "1 day"):
        steepest = max(
            row["value"] for row in ask(url, "rise", "water_level", ["leira-01"], start, end, step)
        )
        assert 0.03 < steepest < 1


def test_a_burst_main_shows_as_low_pressure_and_high_flow_in_its_zone_only(befallen: Befallen) -> None:
    url = befallen("burst-main").url
    rows = ask(url, "burst", None, NOON - 2 * DAY, NOON + 6 * HOUR, "15 minutes")
    assert {row["meter"] for row in rows if row["node"] == "pressure-01"} == {"water-01"}
    burst = {
        (row["node"], microseconds(row["time"]))
        for row in rows
        if row["drop"] > 0.5 and row["flow_factor"] > 1.5
    }
    assert {node for node, _ in burst} == {"pressure-01"}
    # It lasts from two hours before its height to six after.
    times = [time for _, time in burst]
    assert NOON - 2 * HOUR - 900 * SECOND <= min(times) <= NOON - 2 * HOUR + 900 * SECOND
    assert len(times) > 20
    (found,) = ask(url, "findings", None, NOON)
    assert (found["severity"], found["kind"], found["node"]) == (3, "pipe-burst", "pressure-01")
    assert ask(url, "findings", None, NOON + 12 * HOUR) == []


def test_a_burst_over_months_is_the_greatest_drop_of_each_civil_day(everyday: TownDatabase) -> None:
    start, middle, end = NOON - 60 * DAY, NOON - 30 * DAY, NOON
    greatest: dict[tuple[object, str], tuple[float, ...]] = {}
    for since, until in ((start, middle), (middle, end)):
        for row in ask(everyday.url, "burst", None, since, until, "1 hour"):
            key = (row["time"].astimezone(OSLO).date(), row["node"])
            greatest[key] = max(greatest.get(key, (-np.inf,)), numbers_of(row))
    rows = ask(everyday.url, "burst", None, start, end, "6 hours")
    assert {(row["time"].astimezone(OSLO).date(), row["node"]): numbers_of(row) for row in rows} == greatest
    assert len(rows) == len(greatest) > 60
    assert {row["time"].astimezone(OSLO).hour for row in rows} == {0}


def test_gauges_and_bays_asked_together_are_told_as_each_by_itself(database_url: str) -> None:
    # An odd number of gauges, each with two meters beside it: no half of the pairs is one of the gauges.
    rng, time = np.random.default_rng(5), np.arange(NOON - 9 * DAY, NOON, 900 * SECOND)
    for number in range(3):
        where = {"latitude": 59.9 + number / 10, "longitude": 11.0}
        (gauge,) = register(database_url, f"pressure-{number}", "pipe_pressure", **where).values()
        write(database_url, gauge, time, rng.normal(5, 1, len(time)))
        for meter in register(
            database_url, f"water-{number}", "a/water_volume", "b/water_volume", **where
        ).values():
            write(database_url, meter, time, np.cumsum(rng.uniform(0, 1, len(time))))
        for bay in register(database_url, f"parking-{number}", "a/occupancy", "b/occupancy").values():
            write(database_url, bay, time, rng.integers(0, 2, len(time)))
    for step in ("15 minutes", "1 hour"):
        for function, kind in (("burst", "pressure"), ("parking", "parking")):
            asked = [
                ask(database_url, function, nodes, NOON - DAY, NOON, step)
                for nodes in (None, *([f"{kind}-{number}"] for number in range(3)))
            ]
            together, *each = [
                {(row["time"], row["node"]): numbers_of(row) for row in rows} for rows in asked
            ]
            assert len(asked[0]) == len(together) == 3 * (96 if step == "15 minutes" else 24)
            assert together == each[0] | each[1] | each[2]


@pytest.mark.parametrize("function", ["burst", "parking"])
def test_both_halves_are_made_at_the_same_time(everyday: TownDatabase, function: str) -> None:
    plans: list[str] = []
    with psycopg.connect(everyday.url) as connection:
        connection.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
        connection.execute(
            "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET client_min_messages = log;"
            "SET auto_explain.log_nested_statements = on; SET max_parallel_workers_per_gather = 2"
        )
        since, until = to_datetime(NOON - 10 * DAY), to_datetime(NOON)
        statement = f"SELECT count(*) FROM dashboard.{function}(NULL, %s, %s, '1 hour')"  # noqa: S608
        connection.execute(statement.encode(), [since, until])
    (plan,) = (plan for plan in plans if "->  Parallel Append" in plan)
    assert plan.count(f"Function Scan on {function}_of") == 2


def numbers_of(row: Row) -> tuple[float, ...]:
    """Return what a row of a burst or of bays tells, but for the order in which it was summed up."""
    return tuple(round(row[name], 9) for name in ("drop", "flow_factor", "pressure", "share") if name in row)


def test_flow_at_night_is_that_of_two_civil_hours(everyday: TownDatabase) -> None:
    rows = ask(everyday.url, "night_flow", ["water-01"], NOON - 28 * DAY, NOON)
    assert [row["time"].astimezone(OSLO).hour for row in rows] == [0] * 28
    hours = [
        (row["time"].astimezone(OSLO), row["value"])  # once there are two from 2 to 3
        for row in ask(everyday.url, "series", "water_volume", ["water-01"], NOON - 28 * DAY, NOON, "1 hour")
    ]
    for row in rows:
        day = row["time"].astimezone(OSLO).date()
        mine = [value for time, value in hours if time.date() == day and time.hour in (2, 3)]
        assert row["value"] == pytest.approx(np.mean(mine))
        assert row["coverage"] == pytest.approx(1)


def test_threshold_lines_reach_over_the_whole_range(everyday: TownDatabase) -> None:
    lines = ask(everyday.url, "threshold_lines", "water_level", ["leira-01"], NOON - DAY, NOON)
    assert {(row["metric"], row["value"]) for row in lines} == {
        ("Leira ved Leirsund (leira-01): gul", 5.23),
        ("Leira ved Leirsund (leira-01): oransje", 5.80),
        ("Leira ved Leirsund (leira-01): rød", 6.58),
    }
    assert {microseconds(row["time"]) for row in lines} == {NOON - DAY, NOON}


def test_bays_are_counted_and_shared(everyday: TownDatabase) -> None:
    rows = ask(everyday.url, "parking", ["parking-01"], NOON - DAY, NOON, "1 hour")
    assert {row["bays"] for row in rows} == {16}
    for row in rows:
        assert row["share"] == pytest.approx(row["occupied"] / 16)
    (now,) = ask(everyday.url, "parking_now", ["parking-01"], NOON)
    newest = ask(everyday.url, "latest", "occupancy", ["parking-01"], NOON)
    assert (now["bays"], now["occupied"]) == (16, sum(row["value"] for row in newest))
    assert now["free"] == 16 - now["occupied"]


def test_a_fair_fills_its_halls_by_day_and_they_are_empty_at_night(befallen: Befallen) -> None:
    rows = ask(befallen("fair").url, "inside", None, NOON - DAY, NOON, "15 minutes")
    by_hour = {row["time"].astimezone(OSLO).hour: row["value"] for row in rows}
    assert by_hour[13] > 500
    assert by_hour[3] < by_hour[13] / 20


def test_lamps_that_do_not_as_the_others_are_told(everyday: TownDatabase) -> None:
    for at, lit in ((NOON, False), (NOON + 11 * HOUR, True)):
        rows = ask(everyday.url, "lamps", None, at)
        assert {(row["lit"], row["should_be_lit"], row["wrong"]) for row in rows} == {(lit, lit, False)}


def test_a_lamp_that_stays_dark_is_wrong(database_url: str) -> None:
    for number in range(5):
        stream = register(database_url, f"light-{number}", "lamp_state")["lamp_state"]
        put(database_url, stream, [NOON - HOUR], [float(number > 0)])
    rows = {row["node"]: row["wrong"] for row in ask(database_url, "lamps", None, NOON)}
    assert rows == {"light-0": True} | {f"light-{number}": False for number in range(1, 5)}


def test_a_container_tells_when_it_was_emptied_and_when_it_is_full(database_url: str) -> None:
    stream = register(database_url, "waste-1", "fill_level", place="Torvet")["fill_level"]
    time = np.arange(NOON - 6 * DAY, NOON, HOUR)
    days = (time - time[0]) / DAY
    put(database_url, stream, time, np.where(days < 4, 10 + 20 * days, 5 + 15 * (days - 4)))
    with psycopg.connect(database_url) as connection:
        marks = [stream] * len(time), (time // HOUR).tolist()
        connection.execute("INSERT INTO dirty_hours (generation, streams, hours) VALUES (0, %s, %s)", marks)
    (row,) = ask(database_url, "waste", None, NOON)
    assert microseconds(row["emptied_at"]) == NOON - 2 * DAY
    assert row["rise_per_day"] == pytest.approx(15)
    assert row["days_to_full"] == pytest.approx((100 - row["fill"]) / 15)


def test_energy_by_day_adds_up_to_what_the_meter_rose(everyday: TownDatabase) -> None:
    end = NOON - 13 * HOUR
    days = ask(everyday.url, "energy_days", "energy", ["light-01"], end - 10 * DAY, end)
    assert len(days) == 10
    with psycopg.connect(everyday.url) as connection:
        stood = [
            connection.execute(
                "SELECT value FROM reading JOIN stream USING (stream_id) JOIN node USING (node_id)"
                " WHERE node = 'light-01' AND channel = 'energy' AND time < to_timestamp(%s)"
                " ORDER BY time DESC LIMIT 1",
                [at / SECOND],
            ).fetchall()[0][0]
            for at in (end - 10 * DAY, end)
        ]
    assert sum(row["value"] for row in days) == pytest.approx(stood[1] - stood[0])

"""The series of the dashboards' SQL against those of the numeric core."""

from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest

from bypuls.instants import to_datetime
from bypuls.quantities import QUANTITIES, Kind
from bypuls.readings import SECOND
from bypuls.series.request import SeriesRequest
from bypuls.series.step import HOUR, read_step
from bypuls.series.table import Table, build
from bypuls.store.database import Database
from bypuls.store.facts import StreamFacts, list_facts
from testbed.asking import ask, microseconds
from testbed.filling import register
from testbed.town_database import DAY, NOON, TownDatabase, roll_up
from testbed.writing import write

OSLO = ZoneInfo("Europe/Oslo")
MIDNIGHT = NOON + 11 * HOUR - DAY
"""Between two civil days."""

OF_A_KIND = ("no2", "wind_direction", "sound_level", "rainfall", "energy", "occupancy")
RANGES = {
    "raw": (NOON - DAY, NOON, "10m"),
    "hours": (NOON - 29 * DAY, NOON, "1h"),
    "six hours": (NOON - 24 * DAY, NOON, "6h"),
    "days over a change of clocks": (MIDNIGHT - 29 * DAY - HOUR, MIDNIGHT, "day"),
    "a year of days": (MIDNIGHT - 340 * DAY, MIDNIGHT, "day"),
}
CHANGES_OF_CLOCKS = [("2025-03-28", "2025-04-03"), ("2025-10-24", "2025-10-30")]
RANDOM_RANGES = {"1m": 2, "30m": 3, "1h": 6, "12h": 6, "day": 6}
"""Steps, and of how many days."""


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("quantity", OF_A_KIND)
def test_series_of_the_town_are_those_of_the_numeric_core(
    everyday: TownDatabase, reader: Callable[[str], Database], quantity: str, name: str
) -> None:
    start, end, step = RANGES[name]
    assert compare(everyday.url, reader(everyday.url), quantity, start, end, step) > 30


@pytest.mark.parametrize("step", RANDOM_RANGES)
@pytest.mark.parametrize("quantity", OF_A_KIND)
def test_series_of_odd_readings_are_those_of_the_numeric_core(
    odd: str, reader: Callable[[str], Database], quantity: str, step: str
) -> None:
    end = NOON - 12 * HOUR if step == "12h" else MIDNIGHT
    assert compare(odd, reader(odd), quantity, end - RANDOM_RANGES[step] * DAY, end, step) >= 6


@pytest.mark.parametrize(("first", "last"), CHANGES_OF_CLOCKS)
@pytest.mark.parametrize(("step", "days"), [("5m", 3), ("1h", 5), ("6h", 5), ("day", 6)])
def test_states_told_seldom_are_those_of_the_numeric_core(
    seldom: str, reader: Callable[[str], Database], step: str, days: int, first: str, last: str
) -> None:
    start, end = midnight(first), midnight(last)
    if step != "day":  # from a midnight of UTC on, where all of these steps begin
        start = start // DAY * DAY + DAY
        end = start + days * DAY
    assert compare(seldom, reader(seldom), "occupancy", start, end, step) > days


@pytest.mark.parametrize("quantity", OF_A_KIND)
def test_nothing_after_the_end_is_looked_at(everyday: TownDatabase, quantity: str) -> None:
    cut = NOON + 20 * 60 * SECOND
    for since in (NOON - DAY, NOON - 10 * DAY):
        rows = {
            until: {
                (row["time"], row["metric"]): row["value"]
                for row in ask(everyday.url, "series", quantity, None, since, until, "1 hour")
            }
            for until in (cut, NOON + HOUR)
        }
        whole = {key: value for key, value in rows[cut].items() if microseconds(key[0]) < NOON}
        assert whole.items() <= rows[NOON + HOUR].items()
        running = {key: value for key, value in rows[cut].items() if microseconds(key[0]) >= NOON}
        assert running
        by_minute = ask(everyday.url, "series", quantity, None, NOON, cut, "1 minute")
        assert {row["metric"] for row in by_minute} == {metric for _, metric in running}


def test_a_step_is_the_next_standard_one_and_long_ranges_have_at_least_hours(database_url: str) -> None:
    def step(days: float, wanted: str | None) -> float:
        (row,) = ask(database_url, "step_of", NOON - round(days * DAY), NOON, wanted)
        found = row["step_of"]
        assert hasattr(found, "total_seconds")
        return float(found.total_seconds())

    assert step(1 / 24, "1s") == 10
    assert step(1, "7m") == 600
    assert step(1, None) == 300
    assert step(3.1, "1m") == 3_600
    assert step(30, "2h30m") == 10_800
    assert step(365, "13h") == 86_400
    assert step(365, None) == 86_400


def test_kinds_and_names_are_those_of_the_catalogue(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for key, quantity in QUANTITIES.items():
            found = connection.execute(
                "SELECT dashboard.kind(%s), dashboard.quantity_name(%s)", [key, key]
            ).fetchone()
            assert found == (quantity.kind.value, quantity.nb)


def test_series_choose_streams_by_node_and_a_rate_is_by_the_hour(everyday: TownDatabase) -> None:
    range_ = (NOON - 6 * HOUR, NOON, "15 minutes")
    sums = ask(everyday.url, "series", "vehicle_count", ["traffic-01", "traffic-02"], *range_)
    assert {row["node"] for row in sums} == {"traffic-01", "traffic-02"}
    assert {row["metric"].partition("·")[2] for row in sums} == {" inbound", " outbound"}
    rates = ask(everyday.url, "rate", "vehicle_count", ["traffic-01", "traffic-02"], *range_)
    by_key = {(row["time"], row["metric"]): row["value"] for row in rates}
    assert by_key == {(row["time"], row["metric"]): pytest.approx(4 * row["value"]) for row in sums}
    assert ask(everyday.url, "series", "vehicle_count", [], *range_) == []
    # Counts of a quarter of an hour are no counts of a minute.
    fine = ask(
        everyday.url, "rate", "vehicle_count", ["traffic-01", "traffic-02"], NOON - 6 * HOUR, NOON, "1m"
    )
    assert {(row["time"], row["metric"]): row["value"] for row in fine} == by_key


def test_what_retention_removed_is_told_from_rollups(everyday: TownDatabase) -> None:
    start = everyday.start - 2 * DAY
    rows = ask(everyday.url, "series", "no2", ["air-01"], start, start + DAY, "1 minute")
    assert [microseconds(row["time"]) for row in rows] == list(range(start, start + DAY, HOUR))


def test_a_meter_flows_as_fast_in_the_window_that_has_just_begun(database_url: str) -> None:
    number = register(database_url, "water-01", "water_volume")["water_volume"]
    quarters = NOON + np.arange(-12, 1) * HOUR // 4
    write(database_url, number, quarters, 2.5 * np.arange(13))
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE stream SET expected_interval = 900")
    for minutes in (1, 2, 5, 15):
        rows = ask(
            database_url, "rate", "water_volume", None, NOON - HOUR, NOON + minutes * HOUR // 60, "15 minutes"
        )
        assert {round(row["value"], 9) for row in rows} == {10}
        assert len(rows) == 5
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE stream SET expected_interval = NULL")
    rows = ask(database_url, "rate", "water_volume", None, NOON - HOUR, NOON + HOUR // 60, "15 minutes")
    assert [row["value"] for row in rows] == [10] * 4  # how long its last reading stands for nobody knows


def test_coverage_is_unknown_where_no_interval_is(database_url: str) -> None:
    number = register(database_url, "air-01", "no2")["no2"]
    write(database_url, number, NOON + np.arange(360) * 10 * SECOND, 7.5)
    [row] = ask(database_url, "series", "no2", None, NOON, NOON + HOUR, "1 hour")
    assert (row["n"], row["coverage"]) == (360, None)


def compare(url: str, database: Database, quantity: str, start: int, end: int, step: str) -> int:
    """Assert that SQL and numeric core give the same; return how many windows have a value."""
    with database.connection() as connection:
        facts = list_facts(connection, quantity=quantity, box=None, limit=500)
    table = build(
        database, SeriesRequest(facts, statistics(facts[0]), read_step(step), OSLO, start, end, end)
    )
    wanted, compared = by_window(table), 0
    rows = ask(url, "series", quantity, None, start, end, {"day": "1 day"}.get(step, step))
    for row in rows:
        key = (f"{row['node']}/{row['channel']}", microseconds(row["time"]))
        mine = wanted.pop(key)
        if row["value"] is None:
            assert np.isnan(mine["mean"]), key
        elif quantity == "wind_direction":
            assert (row["value"] - mine["mean"] + 180) % 360 == pytest.approx(180, abs=1e-6), key
            assert 0 <= row["value"] < 360
        else:
            assert row["value"] == pytest.approx(mine["mean"], rel=1e-9, abs=1e-6), key
        assert row["n"] == mine["n"], key
        assert row["coverage"] == pytest.approx(mine["coverage"], abs=1e-9), key
        if QUANTITIES[quantity].kind in (Kind.LINEAR, Kind.ENERGETIC, Kind.TOTAL):
            assert (row["minimum"], row["maximum"]) == (mine["min"], mine["max"]), key
        compared += row["value"] is not None
    # What has no row has nothing to tell.
    assert not [key for key, mine in wanted.items() if not np.isnan(mine["mean"])]
    return compared


def statistics(facts: StreamFacts) -> list[str]:
    ranged = facts.kind in (Kind.LINEAR, Kind.ENERGETIC, Kind.TOTAL)
    return ["mean", "n", "coverage", *(["min", "max"] if ranged else [])]


def by_window(table: Table) -> dict[tuple[str, int], dict[str, float]]:
    return {
        (series.facts.name, time): {name: column[at].item() for name, column in series.values.items()}
        for series in table.series
        for at, time in enumerate(table.time.tolist())
    }


@pytest.fixture(scope="module")
def reader() -> Iterator[Callable[[str], Database]]:
    opened: dict[str, Database] = {}

    def read(url: str) -> Database:
        if url not in opened:
            opened[url] = Database(url, name="test", connections=2, statement_timeout=60.0)
            opened[url].__enter__()
        return opened[url]

    yield read
    for database in opened.values():
        database.__exit__()


@pytest.fixture(scope="module")
def odd(databases: object) -> Iterator[str]:
    """Readings at odd times, flagged, voided, after gaps of days, of meters that were reset or roll over.

    The first days are rolled up; then late readings came, and the last days.
    """
    with databases.migrated() as url:  # type: ignore[attr-defined]
        rng = np.random.default_rng(3)
        numbers = {
            (node, quantity): register(url, f"{node}-{quantity.replace('_', '-')}", quantity)[quantity]
            for node in ("a", "b")
            for quantity in OF_A_KIND
        }
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE stream SET expected_interval = 600")
            connection.execute(
                "UPDATE stream SET modulus = 1000 WHERE stream_id = %s", [numbers["b", "energy"]]
            )
        streams, times, values, flags = [], [], [], []
        for (_, quantity), number in numbers.items():
            time = np.unique(rng.integers(MIDNIGHT - 7 * DAY, MIDNIGHT + DAY, 900))
            gap = MIDNIGHT - 4 * DAY
            time = time[(time < gap) | (time > gap + 30 * HOUR)]
            streams.append(np.full(len(time), number, np.int32))
            times.append(time)
            values.append(odd_values(quantity, len(time), rng))
            flags.append(rng.choice([0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32], len(time)))
        stream, time = np.concatenate(streams), np.concatenate(times)
        value, flag = np.concatenate(values), np.concatenate(flags)
        early = (time < MIDNIGHT - 2 * DAY) & (rng.uniform(size=len(time)) < 0.9)
        for part in (early, ~early):
            write(url, stream[part], time[part], value[part], flag[part])
            if part is early:
                roll_up(url)
        with psycopg.connect(url) as connection:
            voided = to_datetime(int(time[0]))
            connection.execute("UPDATE reading SET value = 'NaN' WHERE time = %s", [voided])
        yield url


@pytest.fixture(scope="module")
def seldom(databases: object) -> Iterator[str]:
    """States over changes of clocks: told every five hours or so, once before a range, first within it.

    Half of the readings came after the rollups had been made.
    """
    with databases.migrated() as url:  # type: ignore[attr-defined]
        rng = np.random.default_rng(7)
        often, once, late, short = (
            register(url, f"parking-{number}", "occupancy")["occupancy"] for number in range(4)
        )
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE stream SET expected_interval = 600")
        # Nothing but the day of 23 hours lies between these two.
        parts = [(short, np.array([midnight("2025-03-30") - HOUR // 2, midnight("2025-03-31") + HOUR // 2]))]
        for first, last in CHANGES_OF_CLOCKS:
            start, end = midnight(first), midnight(last)
            time = start - 2 * DAY + np.cumsum(rng.exponential(5 * HOUR, 60).astype(np.int64))
            gap = start + 3 * DAY
            time = time[((time < gap) | (time > gap + 40 * HOUR)) & (time < end + DAY)]
            before = np.array([start, start // DAY * DAY + DAY]) - 3 * HOUR
            after = np.array([start + 5 * DAY // 2, end - 30 * HOUR])
            parts += [(often, time), (once, before), (late, after)]
        stream = np.concatenate([np.full(len(time), number) for number, time in parts])
        time = np.concatenate([time for _, time in parts])
        value = rng.integers(0, 2, len(time))
        early = rng.uniform(size=len(time)) < 0.5
        for part in (early, ~early):
            write(url, stream[part], time[part], value[part])
            if part is early:
                roll_up(url)
        yield url


def midnight(day: str) -> int:
    return round(datetime.fromisoformat(day).replace(tzinfo=OSLO).timestamp()) * SECOND


def odd_values(
    quantity: str, size: int, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    match quantity:
        case "wind_direction":
            return rng.uniform(-5, 5, size) % 360
        case "energy":
            return np.cumsum(rng.uniform(0, 20, size)) % 1000
        case "occupancy":
            return rng.integers(0, 2, size).astype(np.float64)
        case "rainfall":
            return rng.exponential(0.3, size)
    return rng.normal(50, 15, size)

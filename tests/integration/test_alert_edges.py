"""Alert rules and the overview's list at the edges: slow, odd and few nodes, and values beside a limit."""

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from bypuls.instants import to_datetime
from testbed.alert_evaluation import Alert, Rows, evaluate
from testbed.alerting import RULES, asking, beyond, listed
from testbed.asking import ask, microseconds
from testbed.filling import register
from testbed.town_database import DAY, NOON, roll_up
from testbed.writing import write

MINUTE, HOUR = 60_000_000, 3_600_000_000
PLACE = {"latitude": 59.95, "longitude": 11.05, "place": "Torvet"}
Values = Callable[[NDArray[np.int64]], NDArray[np.float64]]


def measured(url: str, stream: int, start: int, end: int, seconds: int, values: Values | float) -> None:
    """Write a reading every so many seconds of [start, end), and note the interval."""
    times = np.arange(start, end, seconds * 1_000_000)
    write(url, stream, times, values(times) if callable(values) else np.full(len(times), values))
    run(url, "UPDATE stream SET expected_interval = %s WHERE stream_id = %s", seconds, stream)


def run(url: str, statement: str, *parameters: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), parameters)


def fired(
    url: str, uid: str, start: int, end: int, minutes: int, before: Callable[[int], object] = id
) -> list[Alert]:
    """Return the alerts of a rule that is asked every so many minutes of [start, end)."""
    with asking(url) as made:

        def asked(sql: str, moment: datetime) -> Rows:
            before(microseconds(moment))
            return made(sql, moment)

        return evaluate(RULES[uid], asked, map(to_datetime, range(start, end, minutes * MINUTE)))


def water_main(url: str, number: int, meter: int, burst: bool, gauge: int = 900) -> None:
    """Write what a gauge and its meter measured, by their intervals in seconds; at NOON it may burst."""
    where = {"latitude": 59.95 + number / 10, "longitude": 11.05}
    pressure = register(url, f"pressure-{number}", "pipe_pressure", **where)["pipe_pressure"]
    volume = register(url, f"water-{number}", "water_volume", **where)["water_volume"]
    start, end = NOON - 9 * DAY, NOON + 6 * HOUR
    measured(url, pressure, start, end, gauge, lambda time: np.where(burst & (time >= NOON), 4.0, 5.0))
    measured(
        url,
        volume,
        start,
        end,
        meter,
        lambda time: np.cumsum(np.where(burst & (time >= NOON), 4.0, 1.0) * meter / 900),
    )


@pytest.mark.parametrize(("gauge", "meter"), [(900, 900), (900, 1800), (900, 3600), (3600, 900)])
def test_a_burst_is_one_alarm_that_stands_while_it_lasts_however_seldom_meters_are_read(
    database_url: str, gauge: int, meter: int
) -> None:
    water_main(database_url, 0, meter, burst=True, gauge=gauge)
    water_main(database_url, 1, 3600, burst=False)
    [alert] = fired(database_url, "pipe-burst", NOON, NOON + 5 * HOUR, 5)
    assert alert.labels["node"] == "pressure-0"
    assert alert.firing is not None
    assert alert.firing <= to_datetime(NOON + 2 * HOUR + 15 * MINUTE)
    assert alert.ended is None


def pressure_and_flow(url: str, low: Values, flow: Values) -> None:
    pressure = register(url, "pressure-0", "pipe_pressure", **PLACE)["pipe_pressure"]
    volume = register(url, "water-0", "water_volume", **PLACE)["water_volume"]
    measured(
        url,
        pressure,
        NOON - 9 * DAY,
        NOON + 12 * HOUR,
        900,
        lambda time: 5 - np.where(time < NOON, 0, low(time)),
    )
    measured(url, volume, NOON - 9 * DAY, NOON + 12 * HOUR, 900, lambda time: np.cumsum(flow(time)))


def test_a_pressure_that_wavers_around_its_limit_is_one_alarm(database_url: str) -> None:
    pressure_and_flow(
        database_url,
        lambda time: np.where(time // HOUR % 2, 0.6, 0.4),
        lambda time: np.where(time < NOON, 1.0, 3.0),
    )
    assert len(fired(database_url, "pipe-burst", NOON, NOON + 12 * HOUR, 15)) == 1


def test_a_burst_began_when_both_pressure_and_flow_were_odd(database_url: str) -> None:
    pressure_and_flow(
        database_url,
        lambda time: np.full(len(time), 1.0),
        lambda time: np.where(time < NOON + HOUR, 1.0, 3.0),
    )
    (now,) = ask(database_url, "burst_now", None, NOON + 3 * HOUR)
    assert now["since"] == to_datetime(NOON + HOUR)
    assert now["severity"] == pytest.approx(2)


def test_flow_where_there_is_none_else_is_a_burst_and_a_small_drop_is_none(database_url: str) -> None:
    pressure_and_flow(
        database_url,
        lambda time: np.where(time < NOON + 6 * HOUR, 3.0, 0.3),
        lambda time: np.where(time < NOON, 0.0, 5.0),
    )
    with asking(database_url) as made:
        for hours, told in ((1, {("pipe-burst", 3, "pressure-0")}), (8, set())):
            moment = to_datetime(NOON + hours * HOUR)
            assert of(beyond(made, moment), "pipe-burst") == of(listed(made, moment), "pipe-burst") == told


def of(found: set[tuple[str, int, str | None]], *uids: str) -> set[tuple[str, int, str | None]]:
    return {one for one in found if one[0] in uids}


@pytest.mark.parametrize(
    ("thresholds", "told"),
    [
        ({"yellow": 1.0, "red": 2.0}, {"river-level", "river-high"}),
        ({"red": 2.0}, {"river-level", "river-high"}),
        ({"yellow": 0.0}, {"river-level"}),
        ({"yellow": -5.0, "orange": 3.5}, {"river-level"}),
        ({}, set()),
    ],
)
def test_a_gauge_is_told_of_by_the_thresholds_that_it_has(
    database_url: str, thresholds: dict[str, float], told: set[str]
) -> None:
    (stream,) = register(database_url, "river", "water_level", **PLACE).values()
    measured(database_url, stream, NOON - DAY, NOON, 900, 3.0)
    for level, value in thresholds.items():
        run(database_url, "INSERT INTO threshold VALUES (%s, %s, %s)", stream, level, value)
    with asking(database_url) as made:
        found = of(beyond(made, to_datetime(NOON)), "river-level", "river-high")
        assert {uid for uid, _, _ in found} == told
        assert of(listed(made, to_datetime(NOON)), "river-level", "river-high") == found
    # Since the gauge was heard first, for nobody knows what was before.
    assert {
        row["since"] for row in ask(database_url, "findings", None, NOON) if row["kind"].startswith("river")
    } <= {to_datetime(NOON - DAY)}


def test_ripples_around_a_threshold_are_one_alarm(database_url: str) -> None:
    (stream,) = register(database_url, "river", "water_level", **PLACE).values()
    rng = np.random.default_rng(3)
    measured(database_url, stream, NOON, NOON + DAY, 900, lambda time: 0.31 + rng.normal(0, 0.01, len(time)))
    run(database_url, "INSERT INTO threshold VALUES (%s, 'yellow', 0.3)", stream)
    [alert] = fired(database_url, "river-level", NOON, NOON + DAY, 15)
    assert alert.ended is None
    assert alert.labels["unit"] == "cm"


def test_a_gauge_that_is_read_hourly_rises_and_an_odd_reading_is_no_rise(database_url: str) -> None:
    hourly, odd = (
        register(database_url, node, "water_level", **PLACE)["water_level"] for node in ("hourly", "odd")
    )
    measured(database_url, hourly, NOON - DAY, NOON + 9 * HOUR, 3600, lambda time: (time - NOON) / HOUR * 0.2)
    measured(
        database_url,
        odd,
        NOON - DAY,
        NOON + 9 * HOUR,
        900,
        lambda time: np.where(time == NOON + HOUR, 3.7, 3.0),
    )
    [alert] = fired(database_url, "river-rise", NOON, NOON + 9 * HOUR, 5)
    assert (alert.labels["node"], alert.ended) == ("hourly", None)
    assert alert.value == pytest.approx(20)


def jittered(url: str, stream: int, start: int, end: int, seconds: int, off: int, values: Values) -> None:
    """Write readings that are up to `off` seconds before or after their times; values are of the times."""
    times = np.arange(start, end, seconds * 1_000_000)
    shift = np.random.default_rng(11).integers(-off, off + 1, len(times)) * 1_000_000
    write(url, stream, times + shift, values(times + shift))


@pytest.mark.parametrize("hours", [1, 2])
def test_a_gauge_whose_clock_wavers_rises_as_it_does(database_url: str, hours: int) -> None:
    (stream,) = register(database_url, "n", "water_level", **PLACE).values()
    jittered(database_url, stream, NOON - DAY, NOON + DAY, hours * 3600, 20, lambda time: time / HOUR * 0.2)
    [alert] = fired(database_url, "river-rise", NOON, NOON + DAY, 10)
    assert alert.ended is None
    assert alert.value == pytest.approx(20, rel=0.01)


@pytest.mark.parametrize(("seconds", "known"), [(3600, False), (900, True)])
def test_pressure_that_falls_alone_is_no_burst_however_a_meter_is_read(
    database_url: str, seconds: int, known: bool
) -> None:
    pressure = register(database_url, "pressure", "pipe_pressure", **PLACE)["pipe_pressure"]
    volume = register(database_url, "water", "water_volume", **PLACE)["water_volume"]
    start, end = NOON - 9 * DAY, NOON + 8 * HOUR
    measured(database_url, pressure, start, end, 900, lambda time: np.where(time < NOON, 5.0, 4.0))
    jittered(database_url, volume, start, end, seconds, 30, lambda time: (time - start) / HOUR * 12)
    run(database_url, "UPDATE stream SET expected_interval = CASE WHEN %s THEN 900 END", known)
    gone = to_datetime(NOON + 3 * HOUR), to_datetime(NOON + 5 * HOUR)
    run(database_url, "DELETE FROM reading WHERE stream_id = %s AND time BETWEEN %s AND %s", volume, *gone)
    assert fired(database_url, "pipe-burst", NOON, end, 5) == []


@pytest.mark.parametrize("seconds", [600, 900])
def test_hours_whose_readings_slip_over_the_edge_are_three_in_a_row(database_url: str, seconds: int) -> None:
    (stream,) = register(database_url, "air", "no2", **PLACE).values()
    jittered(
        database_url, stream, NOON - DAY, NOON + 8 * HOUR, seconds, 5, lambda time: np.full(len(time), 450.0)
    )
    run(database_url, "UPDATE stream SET expected_interval = %s", seconds)
    [alert] = fired(database_url, "no2-three-hours", NOON, NOON + 8 * HOUR, 10)
    assert alert.ended is None


def test_since_when_is_never_in_the_future_and_goes_back_as_far_as_it_lasts(database_url: str) -> None:
    (stream,) = register(database_url, "river", "water_level", **PLACE).values()
    half = NOON + HOUR // 2
    measured(database_url, stream, NOON - DAY, NOON + DAY, 600, lambda time: np.where(time < half, 1.0, 1.2))
    run(database_url, "INSERT INTO threshold VALUES (%s, 'yellow', 1.1)", stream)
    pressure_and_flow(
        database_url,
        lambda time: np.full(len(time), 1.0),
        lambda time: np.where(time < NOON, 1.0, 3.0),
    )
    since: dict[str, int] = {}
    for at in (half, half + 20 * MINUTE, NOON + 10 * HOUR):
        since |= {row["kind"]: microseconds(row["since"]) for row in ask(database_url, "findings", None, at)}
        assert half <= since["river-level"] <= min(at, NOON + HOUR)
    assert since["pipe-burst"] == NOON


def test_channels_that_look_alike_are_told_apart(database_url: str) -> None:
    streams = register(
        database_url, "n", *(f"inlet{mark}{key}" for mark in "/:" for key in ("water_level", "no2")), **PLACE
    )
    for channel, stream in streams.items():
        measured(database_url, stream, NOON - DAY, NOON, 600, 450.0 if "/" in channel else 20.0)
        if "water_level" in channel:
            run(database_url, "INSERT INTO threshold VALUES (%s, 'yellow', 1)", stream)
    with asking(database_url) as made:
        assert beyond(made, to_datetime(NOON)) >= {
            ("river-level", 2, "n"),
            ("no2-hour", 2, "n"),
            ("no2-three-hours", 3, "n"),
        }
    assert sorted(row["value"] for row in ask(database_url, "no2_now", None, NOON)) == [20, 450]
    kinds = [row["kind"] for row in ask(database_url, "findings", None, NOON)]
    assert kinds.count("no2-hour") == kinds.count("no2-three-hours") == 1


def test_an_hour_far_above_its_limit_is_as_grave_in_the_list_as_in_the_alert(database_url: str) -> None:
    (stream,) = register(database_url, "air", "no2", **PLACE).values()
    measured(
        database_url, stream, NOON - DAY, NOON, 600, lambda time: np.where(time < NOON - HOUR, 20.0, 450.0)
    )
    with asking(database_url) as made:
        moment = to_datetime(NOON)
        told = {("no2-hour", 2, "air")}
        assert of(beyond(made, moment), "no2-hour", "no2-three-hours") == told
        assert of(listed(made, moment), "no2-hour", "no2-three-hours") == told
    rows = {row["kind"]: row for row in ask(database_url, "findings", None, NOON)}
    assert rows["air-class"]["severity"] == 3
    assert rows["no2-hour"]["since"] == to_datetime(NOON - HOUR)


@pytest.mark.parametrize(
    ("missing", "value", "three"),
    [((), 450, 450), ((2,), 450, None), ((1,), 450, 450), ((1, 2, 3), None, None)],
)
def test_three_hours_are_in_a_row_and_an_hour_is_new(
    database_url: str, missing: tuple[int, ...], value: float | None, three: float | None
) -> None:
    (stream,) = register(database_url, "air", "no2", **PLACE).values()
    times = np.arange(NOON - DAY, NOON, 10 * MINUTE)
    gone = np.isin((NOON - times - 1) // HOUR + 1, missing)
    write(database_url, stream, times[~gone], np.full(int((~gone).sum()), 450.0))
    run(database_url, "UPDATE stream SET expected_interval = 600")
    (row,) = ask(database_url, "no2_now", None, NOON)
    assert (row["value"], row["three_hours"]) == (value, three)


def test_a_day_of_dust_is_told_until_the_next_day_is_over_though_its_station_dies(database_url: str) -> None:
    (stream,) = register(database_url, "air", "pm10", **PLACE).values()
    midnight = NOON - 13 * HOUR
    measured(database_url, stream, midnight - DAY, midnight, 600, 60.0)
    [alert] = fired(database_url, "pm10-day", midnight - 2 * HOUR, midnight + 3 * DAY, 60)
    assert alert.labels["day"] == "19.11."
    assert alert.ended == to_datetime(midnight + DAY)


@pytest.mark.parametrize(("interval", "report"), [(10, 60), (60, 600), (60, 900)])
def test_a_node_that_reports_seldom_is_neither_silent_nor_is_ingest_when_there_is_no_other(
    database_url: str, interval: int, report: int
) -> None:
    (stream,) = register(database_url, "n", "sound_level", **PLACE).values()
    measured(database_url, stream, NOON - DAY, NOON, interval, 50.0)
    noted(database_url, range(-1440, 240, max(report // 60, 1)))

    def reports(moment: int) -> None:
        # Ten seconds after the minute that the rules are asked at.
        seen = (moment - 10_000_000) // (report * 1_000_000) * report + 10
        run(database_url, "UPDATE node SET last_seen = to_timestamp(%s)", seen)

    for uid in ("node-silent", "ingest-lag"):
        assert fired(database_url, uid, NOON, NOON + 2 * HOUR, 1, reports) == [], uid


def noted(url: str, minutes: Sequence[int], readings: int = 1) -> None:
    """Note that ingest stored so many readings of a message in each of these minutes, counted from NOON."""
    run(
        url,
        "INSERT INTO intake_minute (minute, backend, messages, readings, quarantined, repeats, conflicts,"
        " batches, lag_seconds, lag_seconds_max, commits, commit_seconds, commit_seconds_max)"
        " SELECT %s::timestamptz + minute * interval '1 minute', %s, 1, %s, 0, 0, 0, 1, 0, 0, 1, 0, 0"
        " FROM unnest(%s::int[]) AS minute",
        to_datetime(NOON),
        readings,
        readings,
        list(minutes),
    )


def test_a_town_that_reports_in_a_bunch_once_an_hour_is_not_late_whatever_strangers_send(
    database_url: str,
) -> None:
    (stream,) = register(database_url, "n", "sound_level", **PLACE).values()
    measured(database_url, stream, NOON - DAY, NOON, 3600, 50.0)
    bunch = [hour * 60 + minute for hour in range(-24, 3) for minute in range(14)]
    noted(database_url, bunch)
    noted(database_url, range(-1440, 180), readings=0)

    def reports(moment: int) -> None:
        minute = max(each for each in bunch if NOON + each * MINUTE <= moment)
        run(database_url, "UPDATE node SET last_seen = %s", to_datetime(NOON + minute * MINUTE))

    assert fired(database_url, "ingest-lag", NOON, NOON + 3 * HOUR, 1, reports) == []
    run(database_url, "UPDATE node SET last_seen = %s", to_datetime(NOON))
    (lag,) = ask(database_url, "lag_now", NOON + 2 * HOUR)
    assert lag["overdue_seconds"] == 7200 - 47 * 60, "when it does stop, it is told"


def test_a_node_that_died_days_ago_makes_no_town_late(database_url: str) -> None:
    for node, interval, heard in (("slow", 3600, NOON - 50 * MINUTE), ("dead", 60, NOON - 25 * HOUR)):
        (stream,) = register(database_url, node, "sound_level", last_seen=to_datetime(heard)).values()
        measured(database_url, stream, heard - DAY, heard, interval, 50.0)
    (lag,) = ask(database_url, "lag_now", NOON)
    assert (lag["seconds"], lag["overdue_seconds"]) == (3000, -600)
    (lag,) = ask(database_url, "lag_now", NOON - 2 * HOUR)
    assert lag["overdue_seconds"] == lag["seconds"] - 60


def test_what_the_list_says_of_nodes_without_interval_or_readings(database_url: str) -> None:
    (stream,) = register(database_url, "stranger", "no2", last_seen=to_datetime(NOON)).values()
    write(database_url, stream, np.arange(NOON - DAY, NOON, 10 * MINUTE), np.full(144, 450.0))
    for node, hours in (("never", 2), ("new", 0)):
        register(database_url, node, "no2", enrolled_at=to_datetime(NOON - hours * HOUR))
    rows = {row["node"]: (row["kind"], row["what"]) for row in ask(database_url, "findings", None, NOON)}
    assert rows == {
        "stranger": (
            "interval-unknown",
            "Måleintervallet er ukjent: lufta kan ikke vurderes mot grenseverdiene",
        ),
        "never": ("coverage-low", "Noden er registrert, men har aldri sendt noe"),
    }


def test_a_marker_tells_the_gravest_first_and_values_are_written_as_norwegians_do(database_url: str) -> None:
    streams = register(database_url, "n", "water_level", "sound_level", **PLACE)
    measured(database_url, streams["water_level"], NOON - 2 * HOUR, NOON, 600, 3.25)
    measured(database_url, streams["sound_level"], NOON - 2 * HOUR, NOON, 1, 50.0)
    run(database_url, "INSERT INTO threshold VALUES (%s, 'red', 2)", streams["water_level"])
    run(
        database_url,
        "DELETE FROM reading WHERE stream_id = %s AND time < %s",
        streams["sound_level"],
        to_datetime(NOON - HOUR),
    )
    roll_up(database_url)
    (marker,) = ask(database_url, "map", None, NOON)
    assert (marker["severity"], marker["value"]) == (3, "3,25 m")
    assert marker["what"].startswith("Vannstand over rød terskel (2 m)")
    with psycopg.connect(database_url) as connection:
        told = connection.execute(
            "SELECT array_agg(dashboard.told(value, unit)) FROM (VALUES (119.9, 'min'), (150, 'min'),"
            " (3000, 'min'), (0.125, 'bar'), (1234.5, 'm³/s'), (NULL, 'm'), (12, NULL)) AS x (value, unit)"
        ).fetchone()
    assert told == (["120 min", "2 t", "2 døgn", "0,13 bar", "1235 m³/s", None, "12"],)

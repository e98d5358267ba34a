"""Alerts of bursts and rivers, and what the list says, at the edges: slow gauges, values beside a limit."""

import numpy as np
import pytest

from bypuls.instants import to_datetime
from testbed.alerting import asking, beyond, fired, listed, of
from testbed.asking import ask, microseconds
from testbed.filling import register
from testbed.measuring import HOUR, MINUTE, PLACE, Values, jittered, measured, run
from testbed.town_database import DAY, NOON


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


@pytest.mark.parametrize("hours", [1, 2])
def test_a_gauge_whose_clock_wavers_rises_as_it_does(database_url: str, hours: int) -> None:
    (stream,) = register(database_url, "n", "water_level", **PLACE).values()
    jittered(database_url, stream, NOON - DAY, NOON + DAY, hours * 3600, 20, lambda time: time / HOUR * 0.2)
    [alert] = fired(database_url, "river-rise", NOON, NOON + DAY, 10)
    assert alert.ended is None
    assert alert.value == pytest.approx(20, rel=0.01)


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

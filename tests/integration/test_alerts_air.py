"""Alerts of the air, and what the list says, at the edges of hours, days and limits."""

import numpy as np
import pytest

from bypuls.instants import to_datetime
from testbed.alerting import asking, beyond, fired, listed, of
from testbed.asking import ask
from testbed.filling import register
from testbed.measuring import HOUR, MINUTE, PLACE, jittered, measured, run
from testbed.town_database import DAY, NOON
from testbed.writing import write


@pytest.mark.parametrize("seconds", [600, 900])
def test_hours_whose_readings_slip_over_the_edge_are_three_in_a_row(database_url: str, seconds: int) -> None:
    (stream,) = register(database_url, "air", "no2", **PLACE).values()
    jittered(
        database_url, stream, NOON - DAY, NOON + 8 * HOUR, seconds, 5, lambda time: np.full(len(time), 450.0)
    )
    run(database_url, "UPDATE stream SET expected_interval = %s", seconds)
    [alert] = fired(database_url, "no2-three-hours", NOON, NOON + 8 * HOUR, 10)
    assert alert.ended is None


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

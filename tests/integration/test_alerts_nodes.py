"""Alerts of nodes and ingest, and what the list says of nodes: few, slow, odd, silent."""

from collections.abc import Sequence

import numpy as np
import psycopg
import pytest

from bypuls.instants import to_datetime
from testbed.alerting import asking, beyond, fired
from testbed.asking import ask
from testbed.filling import register
from testbed.measuring import HOUR, MINUTE, PLACE, measured, run
from testbed.town_database import DAY, NOON, roll_up
from testbed.writing import write


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

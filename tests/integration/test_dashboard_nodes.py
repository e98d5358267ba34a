"""What dashboards tell of nodes and of the platform, and what their role can't see."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psycopg
import pytest

from bypuls.maintenance.service import Maintenance
from bypuls.quarantine import Fault, Reason
from bypuls.readings import SECOND
from bypuls.series.step import HOUR
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store.commit import Commit, Message, PackSeen
from bypuls.store.writer import Writer
from testbed import as_role
from testbed.asking import ask, microseconds
from testbed.filling import register
from testbed.town_database import DAY, NOON, TownDatabase, roll_up
from testbed.writing import write

MIDNIGHT = NOON - 13 * HOUR


def test_a_node_tells_silence_battery_missing_packs_and_flagged_share(database_url: str) -> None:
    streams = register(database_url, "n", "no2", "battery_voltage", place="Torvet", owner="NILU")
    run(database_url, "UPDATE stream SET expected_interval = 60")
    seen = NOON - 600 * SECOND
    times = np.arange(MIDNIGHT, seen, 60 * SECOND)
    kept = np.delete(times, slice(100, 280))
    for channel, value in (("no2", 20.0), ("battery_voltage", 3.61)):
        flags = np.where(kept >= NOON - 600 * SECOND - 1800 * SECOND, 2, 0)
        write(database_url, streams[channel], kept, value, flags if channel == "no2" else 0)
    run(database_url, "UPDATE node SET last_seen = to_timestamp(%s)", seen / 1e6)
    with Writer(as_role(database_url, "bypuls_ingest"), "test") as writer:
        pack = PackSeen("n", seqs=[1, 2, 5], dropped=[(3, 3)], received=seen)
        writer.write(Commit([], packs={(1, "log"): pack}))
    roll_up(database_url)
    (row,) = ask(database_url, "node_status", None, NOON)
    assert (row["node"], row["place"], row["owner"]) == ("n", "Torvet", "NILU")
    assert (row["silent_seconds"], row["interval_seconds"], row["silent_intervals"]) == (600, 60, 10)
    assert (row["battery"], row["missing_packs"], row["dropped_packs"]) == (3.61, 1, 1)
    expected = (NOON - MIDNIGHT) / SECOND / 60 - 2
    assert row["coverage_today"] == pytest.approx(len(kept) / expected)
    inside = kept[kept > NOON - 3 * HOUR]
    assert row["flagged_share"] == pytest.approx(30 / (2 * len(inside)))
    assert row["clock_offset_seconds"] == 60
    for late, told in ((0, "coverage-low"), (181, "node-silent")):
        found = ask(database_url, "findings", None, NOON + late * SECOND)
        assert {row["kind"] for row in found} == {told, "ingest-lag"}


def test_a_node_enrolled_on_sight_is_silent_ten_minutes_after_three_intervals_of_15(
    database_url: str,
) -> None:
    write(database_url, register(database_url, "n", "no2")["no2"], [NOON], 1.0)
    for minutes, found in (
        (19, {"interval-unknown"}),
        (54, {"interval-unknown", "ingest-lag"}),
        (56, {"node-silent", "ingest-lag"}),
    ):
        at = NOON + minutes * 60 * SECOND
        (lag,) = ask(database_url, "lag_now", at)
        assert lag["overdue_seconds"] == lag["seconds"] - 900 == (minutes - 15) * 60
        (row,) = ask(database_url, "node_status", None, at)
        assert row["silent_intervals"] == pytest.approx(minutes / 15)
        assert (row["interval_seconds"], row["coverage_today"]) == (None, None)
        assert {one["kind"] for one in ask(database_url, "findings", None, at)} == found


def test_asked_of_the_past_a_node_was_heard_when_it_measured_last(everyday: TownDatabase) -> None:
    at = NOON - 5 * DAY
    (row,) = ask(everyday.url, "node_status", ["traffic-01"], at)
    assert at - 900 * SECOND < microseconds(row["last_seen"]) <= at
    assert row["silent_intervals"] < 1
    assert row["clock_offset_seconds"] is None
    (lag,) = ask(everyday.url, "lag_now", at)
    assert 0 <= lag["seconds"] < 60


@pytest.mark.parametrize("rolled_up", [True, False])
def test_coverage_by_civil_day_is_what_came_by_what_was_expected(database_url: str, rolled_up: bool) -> None:
    stream = register(database_url, "n", "no2")["no2"]
    run(database_url, "UPDATE stream SET expected_interval = 600")
    start = MIDNIGHT - 3 * DAY
    times = np.arange(start, NOON, 600 * SECOND)
    times = times[(times < start + 6 * HOUR) | (times >= start + 2 * DAY)]
    flags = np.where((times >= MIDNIGHT) & (times < MIDNIGHT + HOUR), 8, 0)
    write(database_url, stream, times, np.arange(len(times)), flags)
    if rolled_up:
        roll_up(database_url)
    rows = {microseconds(row["time"]): row for row in ask(database_url, "coverage", None, start, NOON)}
    assert [rows[start + day * DAY]["coverage"] for day in range(4)] == [0.25, 0.0, 1.0, 1.0]
    assert rows[MIDNIGHT]["excluded_share"] == pytest.approx(6 / (13 * 6))


def test_flags_are_counted_by_what_they_mean(database_url: str) -> None:
    stream = register(database_url, "n", "no2")["no2"]
    times = NOON - np.arange(10) * HOUR
    write(database_url, stream, times, 1.0, [0, 0, 0, 0, 1, 2, 3, 32, 16, 8])
    rows = {
        row["flag"]: (row["readings"], row["share"]) for row in ask(database_url, "flag_counts", None, NOON)
    }
    assert rows == {
        "out_of_range": (2, 0.2),
        "step": (2, 0.2),
        "spike": (0, 0.0),
        "stuck": (1, 0.1),
        "gap": (1, 0.1),
        "clock": (1, 0.1),
    }


def test_variables_offer_what_there_is(everyday: TownDatabase) -> None:
    owners = [row["__value"] for row in ask(everyday.url, "owner_list")]
    assert "NILU (simulated)" in owners
    assert owners == sorted(owners)
    places = {row["__value"] for row in ask(everyday.url, "place_list", ["NILU (simulated)"])}
    assert places == {"Lillestrøm stasjon", "Riksvei 159 ved Strømmen"}
    quantities = {row["__value"]: row["__text"] for row in ask(everyday.url, "quantity_list")}
    assert quantities["water_level"] == "Vannstand"
    nodes = ask(everyday.url, "node_list", None, ["Lillestrøm stasjon"], ["no2", "sound_level"])
    assert [(row["__text"], row["__value"]) for row in nodes] == [
        ("Lillestrøm stasjon (air-01)", "air-01"),
        ("Lillestrøm stasjon (noise-01)", "noise-01"),
    ]


def test_ingest_notes_what_it_took_in_how_late_and_how_long_the_commit_before_took(database_url: str) -> None:
    stream = register(database_url, "n", "no2")["no2"]
    began = time.time()
    now = round(began) * SECOND
    with Writer(as_role(database_url, "bypuls_ingest"), "test") as writer:
        for part in range(3):
            made = commit(stream, now - (100 + np.arange(10) * 10 + part) * SECOND)
            made.faults = [(0, Fault(Reason.MALFORMED, "no"))] * (part == 2)
            writer.write(made)
    run(database_url, "UPDATE intake_minute SET minute = (SELECT min(minute) FROM intake_minute)")
    minute = datetime.fromtimestamp(began // 60 * 60, UTC)
    (row,) = ask(
        database_url, "intake", minute, datetime.fromtimestamp(began // 60 * 60 + 60, UTC), "1 minute"
    )
    assert row["readings_per_second"] == pytest.approx(30 / 60)
    assert row["messages_per_second"] == pytest.approx(3 / 60)
    assert (row["quarantined"], row["repeats"], row["conflicts"], row["commits"]) == (1, 0, 0, 2)
    assert 0 < row["commit_seconds"] <= row["commit_seconds_max"] < 10
    assert row["lag_seconds"] == pytest.approx(146, abs=10)
    assert row["lag_seconds_max"] == pytest.approx(192, abs=10)


def test_what_ingest_noted_is_forgotten_after_90_days(database_url: str) -> None:
    stream = register(database_url, "n", "no2")["no2"]
    write(database_url, stream, [NOON], 1.0)
    run(
        database_url,
        "INSERT INTO intake_minute"
        " SELECT now() - interval '91 days', backend, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0 FROM intake_minute",
    )
    job = Maintenance(DatabaseSettings.model_validate({"url": database_url}), MaintainSettings())
    job.forget_intake()
    job.close()
    with psycopg.connect(database_url) as connection:
        left = connection.execute("SELECT minute > now() - interval '1 hour' FROM intake_minute").fetchall()
    assert left == [(True,)]


def test_quarantine_is_counted_by_reason_and_time_of_its_first_arrival(database_url: str) -> None:
    with Writer(as_role(database_url, "bypuls_ingest"), "test") as writer:
        for number in range(12):
            received = NOON - (number + 1) * 240 * SECOND
            message = Message("bypuls/v1/x/up", b"secret %d" % (number // 2), received)
            reason = Reason.MALFORMED if number < 8 else Reason.UNIT
            writer.write(Commit([message], faults=[(0, Fault(reason, "detail"))]))
    rows = ask(database_url, "quarantine_reasons", NOON - HOUR, NOON)
    assert {row["reason"]: (row["kinds"], row["messages"]) for row in rows} == {
        Reason.MALFORMED.value: (4, 8),
        Reason.UNIT.value: (2, 4),
    }
    assert sum(row["value"] for row in ask(database_url, "quarantine_series", NOON - HOUR, NOON, "10m")) == 6


def test_the_backlog_counts_hours_that_are_over_and_not_rolled_up(database_url: str) -> None:
    stream = register(database_url, "n", "no2")["no2"]
    write(database_url, stream, NOON - np.array([0, 1, 61, 121, 122]) * 60 * SECOND, 1.0)
    (row,) = ask(database_url, "backlog", NOON + 120 * SECOND)
    assert (row["hours_waiting"], row["marks"], row["age_seconds"]) == (3, 4, 0)
    for marked, age in ((NOON - 4 * HOUR, 2 * 3600 + 60), (NOON + 20 * SECOND, 100)):
        run(database_url, "UPDATE dirty_hours SET marked_at = to_timestamp(%s)", marked / SECOND)
        (row,) = ask(database_url, "backlog", NOON + 120 * SECOND)
        assert (microseconds(row["oldest"]), row["age_seconds"]) == (NOON - 3 * HOUR, age)
        assert microseconds(row["waiting_since"]) == NOON + 120 * SECOND - age * SECOND
    roll_up(database_url)
    (row,) = ask(database_url, "backlog", NOON + 2 * HOUR)
    assert (row["hours_waiting"], row["oldest"], row["age_seconds"]) == (0, None, 0)


def test_sizes_count_chunks_to_their_table(everyday: TownDatabase) -> None:
    with psycopg.connect(as_role(everyday.url, "bypuls_grafana")) as connection:
        sizes = {row[0]: row[1:] for row in connection.execute("SELECT * FROM dashboard.sizes")}
    whole, readings = sizes["database"][0], sizes["reading"]
    assert 10_000_000 < readings[0] < whole
    assert readings[1] == pytest.approx(
        sum(24 * 4 * 31 * len(node.channels) for node in everyday.nodes), rel=0.1
    )
    assert sum(size for name, (size, _) in sizes.items() if name != "database") < whole


DOCUMENT = Path(__file__).parents[2] / "docs" / "dashboard-functions.md"

FORBIDDEN = (
    "SELECT payload FROM quarantine",
    "SELECT count(*) FROM quarantine",
    "SELECT payload FROM dashboard.quarantined",
    "SELECT * FROM pack_log",
    "SELECT * FROM intake_minute",
    "SELECT * FROM bypuls_migration",
    "SELECT * FROM dirty_generation",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "INSERT INTO reading VALUES (now(), 1, 1, 0)",
    "UPDATE node SET place = 'x'",
    "UPDATE dashboard.intake_minutes SET readings = 0",
    "DELETE FROM dashboard.quarantined",
    "DELETE FROM dirty_hours",
    "TRUNCATE reading_hour",
    "CREATE TABLE public.mine (x int)",
    "CREATE TABLE dashboard.mine (x int)",
    "CREATE FUNCTION dashboard.f() RETURNS int LANGUAGE sql RETURN 1",
    "CREATE SCHEMA mine",
    "SET ROLE bypuls_ingest",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_advisory_lock(hashtext('bypuls.dirty_generation'))",
    "SELECT pg_try_advisory_xact_lock_shared(1, 2)",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "COPY reading TO '/tmp/reading'",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_role_of_grafana_is_refused(database_url: str, statement: str) -> None:
    with (
        psycopg.connect(as_role(database_url, "bypuls_grafana")) as connection,
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedColumn)),
    ):
        connection.execute(statement.encode())


def test_the_role_of_grafana_reads_these_tables_and_views_and_no_other(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT relnamespace::regnamespace || '.' || relname AS name FROM pg_class"
            " WHERE relkind IN ('r', 'v', 'm', 'p', 'f')"
            " AND relnamespace::regnamespace::text IN ('public', 'dashboard')"
            " AND has_table_privilege('bypuls_grafana', oid, 'SELECT') ORDER BY 1"
        ).fetchall()
        writable = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v', 'p')"
            " AND relnamespace::regnamespace::text IN ('public', 'dashboard')"
            " AND has_table_privilege('bypuls_grafana', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')"
        ).fetchall()
    assert [name for (name,) in found] == [
        "dashboard.air_bounds",
        "dashboard.intake_minutes",
        "dashboard.legal_limits",
        "dashboard.pack_counts",
        "dashboard.quarantined",
        "dashboard.sizes",
        "dashboard.stream",
        "dashboard.thresholds",
        "public.dirty_hours",
        "public.node",
        "public.reading",
        "public.reading_hour",
        "public.retention",
        "public.stream",
        "public.threshold",
    ]
    assert writable == []


def test_what_the_documentation_names_is_there(database_url: str) -> None:
    table = re.findall(r"^\| (?:views )?(`.*?) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    named = {name for row in table for name in re.findall(r"`(\w+)`", row)}
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT proname, obj_description(oid, 'pg_proc') FROM pg_proc"
            " WHERE pronamespace = 'dashboard'::regnamespace"
            " UNION ALL SELECT relname, obj_description(oid, 'pg_class') FROM pg_class"
            " WHERE relnamespace = 'dashboard'::regnamespace AND relkind = 'v'"
        ).fetchall()
    described = {name for name, comment in rows if comment}
    assert len(named) > 30
    assert named - described <= {"owner_list", "place_list", "quantity_list"}


def commit(stream: int, times: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Commit:
    from bypuls.readings import ReadingBatch

    size = len(times)
    readings = ReadingBatch(
        np.full(size, stream, np.int32), np.sort(times), np.ones(size), np.zeros(size, np.int16)
    )
    made = Commit(
        [Message("t", b"p", NOON)], readings, np.zeros(size, np.int32), np.arange(size, dtype=np.int32)
    )
    made.encode()
    return made


def run(url: str, statement: str, *parameters: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), parameters)

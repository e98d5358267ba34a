"""Hourly rollups: always what the raw readings give, however these came."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg
import pytest

from bypuls.channels import of_channel
from bypuls.errors import StoreUnavailable
from bypuls.maintenance.service import Maintenance
from bypuls.numeric.merging import merge
from bypuls.quality import Flag
from bypuls.readings import ReadingBatch
from bypuls.registry import RegisteredNode, RegisteredStream
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store import registration
from bypuls.store.commit import Commit
from bypuls.store.database import connect
from bypuls.store.facts import StreamFacts, find_facts
from bypuls.store.hours import HOUR, hour_edges, read_hours, summarise_readings
from bypuls.store.writer import Writer
from testbed import as_role
from testbed.filling import put, register
from testbed.writing import raw

CHANNELS = ("no2", "wind_direction", "sound_level", "rainfall", "energy", "lamp_state", "unheard_of")
START = 1_767_225_600_000_000 // HOUR
"""Hour 2026-01-01T00 (UTC), since 1970."""
HOURS = 30 * 24


@pytest.fixture
def streams(database_url: str) -> dict[str, int]:
    return register(database_url, "town-01", *CHANNELS)


@pytest.fixture
def job(database_url: str) -> Iterator[Maintenance]:
    made = maintenance(database_url)
    yield made
    made.close()


def maintenance(url: str) -> Maintenance:
    return Maintenance(DatabaseSettings.model_validate({"url": url}), MaintainSettings())


def facts(streams: dict[str, int]) -> list[StreamFacts]:
    return [
        StreamFacts(number, f"town-01/{channel}", None, "", "1", of_channel(channel).kind, np.nan)
        for channel, number in streams.items()
    ]


def commit(readings: ReadingBatch) -> Commit:
    order = np.lexsort((readings.time, readings.stream))
    size = len(readings)
    made = Commit([], readings.take(order), np.zeros(size, np.int32), np.zeros(size, np.int32))
    made.encode()
    return made


def stored(url: str) -> dict[tuple[int, int], dict[str, Any]]:
    """Return every rollup as it stands in the table, by stream and hour."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        rows = cursor.execute(
            "SELECT stream_id, (extract(epoch FROM hour) / 3600)::int, n, n_excluded, resets, changes,"
            " mean, m2, minimum, maximum, first, last, cosine, sine, energy, sum, increase, held,"
            " held_seconds FROM reading_hour ORDER BY 1, 2"
        ).fetchall()
        names = [column.name for column in cursor.description or ()]
    return {(row[0], row[1]): dict(zip(names[2:], row[2:], strict=True)) for row in rows}


def assert_rollups_equal_raw(url: str, streams: dict[str, int]) -> None:
    averagings = {each.stream_id: each.averaging for each in facts(streams)}
    edges = hour_edges(START - 48, START + HOURS + 48)
    found, expected = stored(url), 0
    for _, summary in summarise_readings(raw(url), averagings, edges):
        expected += len(summary)
        columns = {"n": summary.n, "n_excluded": summary.n_excluded} | summary.columns()
        for row in range(len(summary)):
            rollup = found[int(summary.stream[row]), int(summary.window[row]) + START - 48]
            for name, column in columns.items():
                if not name.endswith("_time"):
                    assert np.array_equal(column[row], rollup[name], equal_nan=True), (name, row)
    assert len(found) == expected


def month(rng: np.random.Generator, streams: dict[str, int], size: int) -> ReadingBatch:
    instants = rng.choice(HOURS * 360, size, replace=False) * 10_000_000 + START * HOUR
    stream = rng.choice(list(streams.values()), size).astype(np.int32)
    flags = rng.choice(np.array([0, 0, 0, Flag.OUT_OF_RANGE, Flag.STEP], np.int16), size)
    value = np.round(rng.uniform(0, 90, size), 1)
    lamps = stream == streams["lamp_state"]
    value[lamps] = value[lamps] > 45
    return ReadingBatch(stream, instants, value, flags)


def test_rollups_equal_raw_readings_after_a_month_in_random_order_with_corrections_and_kills(
    database_url: str, streams: dict[str, int]
) -> None:
    rng, dice = np.random.default_rng(7), random.Random(7)
    readings = month(rng, streams, 60_000)
    batches = np.array_split(np.arange(len(readings)), 300)
    done = threading.Event()
    failures: list[BaseException] = []

    def write(part: list[Any]) -> None:
        try:
            with Writer(as_role(database_url, "bypuls_ingest"), "test") as writer:
                for which in part:
                    writer.write(commit(readings.take(which)))
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    def correct() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            while not done.wait(0.05):
                at = datetime.fromtimestamp((START + dice.randrange(HOURS)) * 3600, UTC)
                what = dice.choice(["UPDATE reading SET value = value + 1", "DELETE FROM reading"])
                stream = dice.choice(list(streams.values()))
                connection.execute(
                    f"{what} WHERE stream_id = %s AND time BETWEEN %s AND %s + INTERVAL '20 min'".encode(),
                    [stream, at, at],
                )

    writers = [threading.Thread(target=write, args=(batches[number::3],)) for number in range(3)]
    corrector = threading.Thread(target=correct)
    for thread in (*writers, corrector):
        thread.start()
    kills = 0
    while any(writer.is_alive() for writer in writers) or kills < 5:
        with maintain(database_url) as process:
            time.sleep(dice.uniform(0.4, 2.0))
            process.kill()
        kills += 1
    done.set()
    for thread in (*writers, corrector):
        thread.join()
    assert not failures
    settle(database_url)
    assert_rollups_equal_raw(database_url, streams)


def maintain(url: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "bypuls", "maintain"],
        env={"BYPULS_DATABASE_URL": url, "BYPULS_MAINTAIN_INTERVAL": "1", "PATH": "/usr/bin:/bin"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def settle(url: str) -> None:
    """Work off what is left; the server may take a moment to notice that a killed job is gone."""
    deadline = time.monotonic() + 20
    while True:
        job = maintenance(url)
        try:
            job.make_rollups()
            return
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        finally:
            job.close()


def test_an_hour_that_is_not_over_waits(database_url: str, streams: dict[str, int], job: Maintenance) -> None:
    now = int(time.time() * 1e6)
    with Writer(database_url, "test") as writer:
        stream = np.array([streams["no2"]] * 2, np.int32)
        times = np.array([now - 3 * HOUR, now], np.int64)
        writer.write(commit(ReadingBatch(stream, times, np.ones(2), np.zeros(2, np.int16))))
    assert job.make_rollups() == 1
    assert job.make_rollups() == 0
    assert [hour for _, hour in stored(database_url)] == [now // HOUR - 3]
    assert job.metrics.registry.get_sample_value("bypuls_maintain_backlog_hours") == 1


def test_hours_are_read_from_raw_while_their_rollup_is_due(
    database_url: str, streams: dict[str, int], job: Maintenance
) -> None:
    rng = np.random.default_rng(3)
    readings = month(rng, streams, 5_000)
    with Writer(database_url, "test") as writer:
        for which in np.array_split(np.arange(len(readings)), 2):
            writer.write(commit(readings.take(which)))
            with connect(as_role(database_url, "bypuls_api"), name="test", autocommit=True) as reader:
                before = read_hours(reader, facts(streams), START, START + HOURS)
            job.make_rollups()
            with connect(as_role(database_url, "bypuls_api"), name="test", autocommit=True) as reader:
                after = read_hours(reader, facts(streams), START, START + HOURS)
            assert before.keys() == after.keys()
            for kind, summary in before.items():
                for name in ("stream", "window", "n", "n_excluded", *summary.columns()):
                    column = getattr(summary, name)
                    assert np.array_equal(column, getattr(after[kind], name), equal_nan=column.dtype == float)


def test_a_rebuild_makes_what_was_spoilt_again(
    database_url: str, streams: dict[str, int], job: Maintenance
) -> None:
    put(database_url, streams["no2"], np.arange(100) * HOUR // 4 + START * HOUR)
    assert job.make_rollups() == 0, "readings put in past the platform are marked by nobody"
    assert job.rebuild(START, START + 10) == 10
    assert job.make_rollups() == 10
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE reading_hour SET mean = 99")
        connection.execute("CREATE TEMPORARY TABLE stray AS SELECT * FROM reading_hour LIMIT 1")
        connection.execute("UPDATE stray SET hour = hour + INTERVAL '100 h'")
        connection.execute("INSERT INTO reading_hour SELECT * FROM stray")
    job.rebuild(START, START + HOURS)
    job.make_rollups()
    assert_rollups_equal_raw(database_url, streams)


def test_a_meter_rolls_over_where_the_registry_says_and_its_rollups_follow(
    database_url: str, job: Maintenance
) -> None:
    shown = [99_990.0, 99_996.0, 4.0, 8.0]
    meter = put_in_registry(database_url, 100_000.0)
    put(database_url, meter, START * HOUR + np.arange(4) * HOUR // 2, shown)
    job.rebuild(START, START + 2)
    job.make_rollups()
    assert increase(database_url, 100_000.0) == (6.0 + 8.0 + 4.0, 0)
    put_in_registry(database_url, None)
    assert increase(database_url, None) == (6.0 + 4.0 + 4.0, 1), "read from raw while the rollups are due"
    assert job.make_rollups() == 2
    assert increase(database_url, None) == (6.0 + 4.0 + 4.0, 1)


def test_a_meter_changed_while_its_rollup_is_made_is_made_again(database_url: str, job: Maintenance) -> None:
    meter = put_in_registry(database_url, None)
    put(database_url, meter, START * HOUR + np.arange(3) * HOUR // 4, [99_990.0, 99_996.0, 4.0])
    job.rebuild(START, START + 1)
    with ThreadPoolExecutor(2) as pool, psycopg.connect(database_url) as holder:
        holder.execute(
            "LOCK TABLE reading_hour IN SHARE MODE"
        )  # the job stops where it has read the registry
        made = pool.submit(job.make_rollups)
        wait_for_lock(database_url, "bypuls maintain")
        changed = pool.submit(put_in_registry, database_url, 100_000.0)
        wait_for_lock(database_url, "bypuls nodes")
        holder.rollback()
        assert made.result(30) == 1
        changed.result(30)
    job.make_rollups()
    assert increase(database_url, 100_000.0, hours=1) == (14.0, 0)


def wait_for_lock(url: str, application: str) -> None:
    waiting = "SELECT FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 20
    with psycopg.connect(url, autocommit=True) as connection:
        while not connection.execute(waiting, [application]).rowcount:
            assert time.monotonic() < deadline, f"{application} does not wait for a lock"
            time.sleep(0.02)


def put_in_registry(url: str, modulus: float | None) -> int:
    stream = RegisteredStream(channel="energy", modulus=modulus)
    registration.register(url, [RegisteredNode(node="meter-01", stream=[stream])])
    with connect(url, name="test", autocommit=True) as connection:
        return find_facts(connection, ["meter-01/energy"])["meter-01/energy"].stream_id


def increase(url: str, modulus: float | None, hours: int = 2) -> tuple[float, int]:
    """Return increase and resets of some hours together, as the API's role sees them."""
    with connect(as_role(url, "bypuls_api"), name="test", autocommit=True) as reader:
        known = find_facts(reader, ["meter-01/energy"])["meter-01/energy"]
        (found,) = read_hours(reader, [known], START, START + hours).values()
    assert known.modulus == modulus
    edges = hour_edges(START, START + hours)
    columns = merge(found, edges, edges[::hours], modulus=modulus).columns()
    return float(columns["increase"][0]), int(columns["resets"][0])


def test_retention_removes_raw_readings_and_keeps_their_rollups(
    database_url: str, streams: dict[str, int]
) -> None:
    settings = MaintainSettings.model_validate({"raw_days": "sound_level=1,no2=2"})
    job = Maintenance(DatabaseSettings.model_validate({"url": database_url}), settings)
    now = int(time.time() * 1e6)
    midnight = now // (24 * HOUR) * 24 * HOUR
    instants = midnight + HOUR // 2 - np.arange(1, 5) * 24 * HOUR
    for channel in ("sound_level", "no2", "rainfall"):
        put(database_url, streams[channel], instants)
    job.rebuild((midnight // HOUR) - 200, now // HOUR)
    waiting = job.remove_old()
    assert [(each.quantity, each.readings, each.waits) for each in waiting] == [
        ("no2", 0, True),
        ("sound_level", 0, True),
    ]
    job.make_rollups()
    before = repr(stored(database_url))  # in which NaN equals NaN
    told = job.remove_old(dry_run=True)
    assert [(each.quantity, each.readings) for each in told] == [("no2", 2), ("sound_level", 3)]
    assert len(raw(database_url)) == 12, "a dry run removes nothing"
    assert [each.readings for each in job.remove_old()] == [2, 3]
    left = raw(database_url)
    assert sorted(left.stream.tolist()) == sorted(
        [streams["sound_level"]] + [streams["no2"]] * 2 + [streams["rainfall"]] * 4
    )
    assert job.make_rollups() == 0, "what retention removes makes no hour dirty"
    put(database_url, streams["sound_level"], [int(instants[-1]) + 1])
    job.rebuild((midnight // HOUR) - 200, now // HOUR)
    job.make_rollups()
    assert repr(stored(database_url)) == before, "a rollup whose readings are gone is final"
    job.close()


def test_late_readings_from_before_the_horizon_are_not_lost(
    database_url: str, streams: dict[str, int]
) -> None:
    settings = MaintainSettings.model_validate({"raw_days": "default=100"})
    job = Maintenance(DatabaseSettings.model_validate({"url": database_url}), settings)
    old = int(time.time() * 1e6) // HOUR * HOUR - 300 * 24 * HOUR
    put(database_url, streams["no2"], [old, old + HOUR])
    job.rebuild(old // HOUR, old // HOUR + 2)
    job.make_rollups()
    assert [each.readings for each in job.remove_old() if each.readings] == [2]
    before = repr(stored(database_url))
    with Writer(database_url, "test") as writer:
        late = np.array([streams["no2"], streams["energy"]], np.int32)
        writer.write(
            commit(ReadingBatch(late, np.array([old + 1, old + 2]), np.ones(2), np.zeros(2, np.int16)))
        )
    assert job.make_rollups() == 1, "an hour without a rollup gets one, the other keeps what it has"
    assert before[1:-1] in repr(stored(database_url))
    assert sum(each.readings for each in job.remove_old()) == 0
    assert len(raw(database_url)) == 2
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE stream SET quantity = 'pm10' WHERE channel = 'no2'")
    job.rebuild(old // HOUR, old // HOUR + 2)
    job.make_rollups()
    assert before[1:-1] in repr(stored(database_url)), "another quantity costs no history"
    job.close()


def test_a_reading_voided_by_nan_does_not_count(
    database_url: str, streams: dict[str, int], job: Maintenance
) -> None:
    put(database_url, streams["no2"], np.arange(4) * HOUR // 4 + START * HOUR, [1.0, 2.0, 3.0, 4.0])
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE reading SET value = 'NaN' WHERE value = 4")
    job.make_rollups()
    [rollup] = stored(database_url).values()
    assert (rollup["n"], rollup["n_excluded"], rollup["mean"]) == (3, 1, 2.0)


def test_a_transaction_that_stays_open_holds_the_job_up_and_not_ingest(
    database_url: str, streams: dict[str, int], job: Maintenance
) -> None:
    put(database_url, streams["no2"], [START * HOUR, START * HOUR + 1])
    readings = ReadingBatch(
        np.array([streams["no2"]], np.int32), np.array([START * HOUR + 2]), np.ones(1), np.zeros(1, np.int16)
    )
    with psycopg.connect(database_url) as connection, Writer(database_url, "test") as writer:
        connection.execute("UPDATE reading SET value = 7")
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            job.make_rollups()
        assert writer.write(commit(readings)).stored == 1


def test_a_second_job_is_told_that_one_is_enough(database_url: str, job: Maintenance) -> None:
    job.make_rollups()
    other = maintenance(database_url)
    with pytest.raises(Exception, match="another `bypuls maintain` works on this database"):
        other.make_rollups()
    job.close()
    assert other.make_rollups() == 0
    other.close()

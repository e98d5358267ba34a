"""Readings of several streams in a range, and what came before it."""

from collections.abc import Iterator

import numpy as np
import psycopg
import pytest

from bypuls.maintenance.service import Maintenance
from bypuls.quality import Flag
from bypuls.readings import SECOND
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store.database import Connection, connect
from bypuls.store.ranges import Estimate, estimate_readings, read_last_before, read_readings
from testbed import as_role
from testbed.filling import NEW_YEAR, put, register

HOUR = 3600 * SECOND
START = NEW_YEAR // HOUR


@pytest.fixture
def streams(database_url: str) -> list[int]:
    return list(register(database_url, "air-01", "no2", "pm10", "energy").values())


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect(as_role(database_url, "bypuls_api"), name="test", autocommit=True) as connection:
        yield connection


def sum_up(url: str) -> None:
    job = Maintenance(DatabaseSettings.model_validate({"url": url}), MaintainSettings())
    job.rebuild(START - 24, START + 24)
    job.make_rollups()
    job.close()


def test_readings_come_by_stream_and_time_with_start_and_without_end(
    database_url: str, connection: Connection, streams: list[int]
) -> None:
    one, two, _ = streams
    put(database_url, two, [NEW_YEAR, NEW_YEAR + 1, NEW_YEAR + 2], [1, 2, 3])
    put(database_url, one, [NEW_YEAR - 1, NEW_YEAR + 1], [4, 5], [0, 7])
    found = read_readings(connection, [two, one], NEW_YEAR, NEW_YEAR + 2)
    assert found.stream.tolist() == [one, two, two]
    assert found.time.tolist() == [NEW_YEAR + 1, NEW_YEAR, NEW_YEAR + 1]
    assert (found.value.tolist(), found.flags.tolist()) == ([5, 1, 2], [7, 0, 0])
    assert len(read_readings(connection, [], NEW_YEAR, NEW_YEAR + 2)) == 0


def test_the_last_reading_before_is_the_newest_that_is_not_certainly_wrong(
    database_url: str, connection: Connection, streams: list[int]
) -> None:
    one, two, three = streams
    put(
        database_url,
        one,
        [NEW_YEAR - 3, NEW_YEAR - 2, NEW_YEAR - 1, NEW_YEAR],
        [1, 2, 3, 4],
        [0, Flag.STEP, Flag.SPIKE, 0],
    )
    put(database_url, two, [NEW_YEAR - 3_700 * 24 * HOUR])
    put(database_url, three, [NEW_YEAR - 1], [9])
    found = read_last_before(connection, [three, two, one], NEW_YEAR)
    assert found.stream.tolist() == [one, two, three]
    assert found.time.tolist() == [NEW_YEAR - 2, NEW_YEAR - 3_700 * 24 * HOUR, NEW_YEAR - 1]
    assert found.value.tolist() == [2, 0, 9]
    assert read_last_before(connection, [one], NEW_YEAR, include_flagged=True).value.tolist() == [3]


def test_where_raw_readings_were_removed_the_rollups_tell_the_last_one(
    database_url: str, connection: Connection, streams: list[int]
) -> None:
    put(database_url, streams[0], [NEW_YEAR - 2 * HOUR, NEW_YEAR - 2 * HOUR + 5], [1, 2])
    sum_up(database_url)
    with psycopg.connect(database_url) as admin:
        admin.execute("SET LOCAL bypuls.retention = 'on'")
        admin.execute("DELETE FROM reading")
        admin.execute(
            "INSERT INTO retention SELECT stream_id, '2026-01-01Z' FROM stream WHERE quantity = 'no2'"
        )
    found = read_last_before(connection, streams, NEW_YEAR)
    assert (found.time.tolist(), found.value.tolist()) == ([NEW_YEAR - 2 * HOUR + 5], [2])


def test_the_estimate_counts_rollups_and_whole_hours_where_one_is_due(
    database_url: str, connection: Connection, streams: list[int]
) -> None:
    put(database_url, streams[0], NEW_YEAR + np.arange(100) * 36 * SECOND)
    sum_up(database_url)
    assert estimate_readings(connection, streams, NEW_YEAR, NEW_YEAR + HOUR) == Estimate(0, 100)
    assert estimate_readings(connection, streams[1:], NEW_YEAR, NEW_YEAR + HOUR) == Estimate(0, 0)
    with psycopg.connect(database_url) as admin:
        admin.execute("UPDATE stream SET expected_interval = 60")
        admin.execute(
            "INSERT INTO dirty_hours (generation, streams, hours) VALUES (1, %s, %s)",
            [streams[1:], [START, START + 5]],
        )
    assert estimate_readings(connection, streams, NEW_YEAR, NEW_YEAR + HOUR) == Estimate(60, 100)
    with psycopg.connect(
        database_url
    ) as admin:  # marked twice, and with a rollup that tells more than the interval
        admin.execute(
            "INSERT INTO dirty_hours (generation, streams, hours) VALUES (1, %s, %s)",
            [[streams[0], streams[0]], [START, START]],
        )
    assert estimate_readings(connection, streams, NEW_YEAR, NEW_YEAR + HOUR) == Estimate(160, 0)

"""Old chunks in the columnstore where the server has one; the same readings everywhere."""

import time
from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from psycopg import sql

from bypuls.maintenance.service import Maintenance
from bypuls.quarantine import Reason
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store.hours import HOUR
from testbed.filling import put, register
from testbed.writing import raw, rollups, write

WEEK = 7 * 24 * HOUR
START = int(time.time() * 1e6) // WEEK * WEEK - 20 * WEEK
"""A chunk of some months ago begins here."""
STREAMS = 150
TIMES = START + np.arange(0, 24 * HOUR, HOUR // 30)
"""720 a stream: all have more than 100,000, TimescaleDB's own limit of what late readings may touch."""


@pytest.fixture
def streams(database_url: str) -> list[int]:
    numbers = register(database_url, "town-01", *(f"{number}/no2" for number in range(STREAMS)))
    streams = np.repeat(np.array(list(numbers.values())), len(TIMES))
    values = np.round(np.random.default_rng(1).normal(20, 5, len(streams)), 1)
    write(database_url, streams, np.tile(TIMES, STREAMS), values)
    put(database_url, numbers["0/no2"], [int(time.time() * 1e6)])
    return list(numbers.values())


@pytest.fixture
def job(database_url: str) -> Iterator[Maintenance]:
    made = maintenance(database_url)
    yield made
    made.close()


def maintenance(url: str, **settings: object) -> Maintenance:
    return Maintenance(
        DatabaseSettings.model_validate({"url": url}),
        MaintainSettings.model_validate({"columnstore_days": 30} | settings),
    )


def offered(url: str) -> bool:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_setting('timescaledb.license') = 'timescale'").fetchone()
    return bool(row and row[0])


def plain_rows(url: str) -> int:
    """Count the readings of the old chunk that lie outside of the columnstore."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT chunk_schema, chunk_name FROM timescaledb_information.chunks ORDER BY range_start"
        ).fetchone()
        assert row is not None
        statement = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(*row))
        counted = connection.execute(statement).fetchone()
    return int(counted[0]) if counted else 0


def assert_rollups_equal_raw(url: str) -> None:
    readings = raw(url)
    old = readings.time < START + WEEK
    keys = (readings.stream[old].astype(np.int64) << 32) | readings.time[old] // HOUR
    found = rollups(url)
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    assert len(found) == len(counts)
    values = readings.value[old]
    for at, count in zip(first, counts, strict=True):
        part = values[at : at + count]
        number, _, least, most = found[int(readings.stream[old][at]), int(readings.time[old][at] // HOUR)]
        assert (number, least, most) == (count, part.min(), part.max())


def same(left: object, right: object) -> bool:
    names = ("stream", "time", "value", "flags")
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in names)


def test_old_chunks_move_where_the_server_has_a_columnstore_and_stay_elsewhere(
    database_url: str, streams: list[int], job: Maintenance
) -> None:
    job.make_rollups()
    before = raw(database_url)
    assert job.has_columnstore() == offered(database_url)
    assert len(job.movable()) == offered(database_url)
    assert plain_rows(database_url) == STREAMS * len(TIMES), "to tell is not to do"
    moved = job.move_chunks()
    assert len(moved) == offered(database_url), "and not the chunk of this week"
    assert plain_rows(database_url) == (0 if moved else STREAMS * len(TIMES))
    for move in moved:
        assert move.after < move.before / 3
    assert same(raw(database_url), before)
    assert job.move_chunks() == []
    assert job.make_rollups() == 0, "moving changes no hour"
    assert_rollups_equal_raw(database_url)


def test_a_chunk_in_which_hours_wait_for_their_rollup_stays(
    database_url: str, streams: list[int], job: Maintenance
) -> None:
    job.make_rollups()
    write(database_url, streams[0], [START + WEEK - 1], 5.0)
    assert job.move_chunks() == []
    job.make_rollups()
    assert len(job.move_chunks()) == offered(database_url)


def test_nothing_moves_before_its_time_or_where_it_is_not_wanted(
    database_url: str, streams: list[int], job: Maintenance
) -> None:
    job.make_rollups()
    for days in (0, 365):
        other = maintenance(database_url, columnstore_days=days)
        assert other.movable() == []
    assert not maintenance(database_url, columnstore_days=0).has_columnstore()


def test_late_readings_of_a_moved_chunk_are_stored_exactly(
    database_url: str, streams: list[int], job: Maintenance
) -> None:
    job.make_rollups()
    job.move_chunks()
    before = raw(database_url)
    every = np.array(streams, np.int32)
    at = np.searchsorted(before.stream, every) + 100
    again = write(database_url, every, before.time[at], before.value[at])
    assert (again.stored, again.repeats, again.faults) == (0, STREAMS, [])
    other = write(database_url, every, before.time[at + 1], before.value[at + 1] + 1)
    [(_, fault)] = other.faults
    assert (other.stored, other.repeats, fault.reason) == (0, 0, Reason.CONFLICT)
    assert sorted(fault.records or ()) == list(range(STREAMS))
    assert same(raw(database_url), before), "neither repeats nor conflicts change what is stored"
    assert job.make_rollups() == 0, "nor do they make an hour dirty"
    late = np.concatenate([before.time[at] + 1, before.time[at + 2], before.time[at + 3]])
    values = np.concatenate([np.full(STREAMS, 7.0), before.value[at + 2], before.value[at + 3] + 1])
    mixed = write(database_url, np.tile(every, 3), late, values)
    assert (mixed.stored, mixed.repeats) == (STREAMS, STREAMS)
    assert [len(fault.records or ()) for _, fault in mixed.faults] == [STREAMS]
    assert write(database_url, every, before.time[at] + 1, 7.0).repeats == STREAMS
    assert len(raw(database_url)) == len(before) + STREAMS
    assert job.make_rollups() == STREAMS
    assert_rollups_equal_raw(database_url)
    stored = raw(database_url)
    assert len(job.move_chunks()) == offered(database_url), "what came late follows"
    assert plain_rows(database_url) == (0 if offered(database_url) else len(stored) - 1)
    assert same(raw(database_url), stored)


def test_a_gap_in_a_moved_chunk_can_be_filled(
    database_url: str, streams: list[int], job: Maintenance
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "DELETE FROM reading WHERE stream_id = %s"
            " AND time >= to_timestamp(%s) AND time < to_timestamp(%s)",
            [streams[3], START / 1e6 + 7_200, START / 1e6 + 8 * 3_600],
        )
    job.make_rollups()
    job.move_chunks()
    gap = TIMES[(TIMES >= START + 2 * HOUR) & (TIMES < START + 8 * HOUR)]
    for part in np.array_split(gap, 4):
        assert write(database_url, streams[3], part, 3.0).stored == len(part)
    assert job.make_rollups() == 6
    assert_rollups_equal_raw(database_url)


def test_corrections_of_a_moved_chunk_mark_their_hours(
    database_url: str, streams: list[int], job: Maintenance
) -> None:
    job.make_rollups()
    job.move_chunks()
    with psycopg.connect(database_url) as connection:
        of_hour = b"WHERE stream_id = %s AND time >= to_timestamp(%s) AND time < to_timestamp(%s)"
        hour = [START / 1e6 + 7_200, START / 1e6 + 10_800]
        changed = connection.execute(
            b"UPDATE reading SET value = value + 100 " + of_hour, [streams[1], *hour]
        )
        gone = connection.execute(b"DELETE FROM reading " + of_hour, [streams[2], *hour])
        assert (changed.rowcount, gone.rowcount) == (30, 30)
    assert job.make_rollups() == 2
    found = rollups(database_url)
    assert found[streams[1], START // HOUR + 2][2] > 50
    assert (streams[2], START // HOUR + 2) not in found
    assert_rollups_equal_raw(database_url)


def test_retention_removes_from_a_moved_chunk_and_drops_it_whole(
    database_url: str, streams: list[int], job: Maintenance
) -> None:
    loud = register(database_url, "town-02", "sound_level")["sound_level"]
    write(database_url, loud, TIMES, 50.0)
    job.make_rollups()
    job.move_chunks()
    before = rollups(database_url)
    job.close()
    rows = maintenance(database_url, raw_days={"sound_level": 7})
    assert [each.readings for each in rows.remove_old()] == [len(TIMES)]
    assert (raw(database_url).stream != loud).all()
    assert len(raw(database_url)) == STREAMS * len(TIMES) + 1
    rows.close()
    whole = maintenance(database_url, raw_days={"default": 60, "sound_level": 7})
    assert sum(each.readings for each in whole.remove_old()) == STREAMS * len(TIMES)
    assert len(raw(database_url)) == 1
    assert rollups(database_url) == before
    whole.close()

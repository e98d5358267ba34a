"""Reading from the store: whole pages, newest readings, and what holds when nothing is there."""

import time
from collections.abc import Iterator
from threading import Timer
from typing import Any

import numpy as np
import psycopg
import pytest

from bypuls.errors import QueryTooSlow, StoreUnavailable
from bypuls.readings import SECOND
from bypuls.store import catalog
from bypuls.store.database import Database
from bypuls.store.readings import Points, read_points, stream_points
from bypuls.store.sql import load
from testbed import Databases, DatabaseServer, as_role
from testbed.filling import NEW_YEAR, put, register

WEEK = 7 * 86_400 * SECOND
FOREVER = 4_102_444_800 * SECOND


MANY_STREAMS = """
    ALTER TABLE node SET (autovacuum_enabled = off);
    ALTER TABLE stream SET (autovacuum_enabled = off);
    INSERT INTO node (node) SELECT 'node-' || lpad(n::text, 4, '0') FROM generate_series(1, 2000) AS n;
    INSERT INTO stream (node_id, channel, quantity, unit)
    SELECT node_id, 'c' || c, 'no2', 'ug/m3' FROM node, generate_series(0, 9) AS c;
    INSERT INTO reading
    SELECT '2024-01-01Z'::timestamptz + w * interval '7 days', stream_id, w, 0
    FROM stream, generate_series(0, 9) AS w;
"""


DTYPES = (np.dtype(np.int64), np.dtype(np.float64), np.dtype(np.int16))


def opened(url: str, statement_timeout: float = 30) -> Database:
    return Database(
        as_role(url, "bypuls_api"), name="test", connections=2, statement_timeout=statement_timeout
    )


@pytest.fixture(scope="module")
def long_stream(databases: Databases) -> Iterator[tuple[str, int, Points]]:
    """One stream over 30 chunks with gaps, beside another one that must not be seen."""
    generator = np.random.default_rng(3)
    time = NEW_YEAR + np.cumsum(generator.integers(1, WEEK // 50, 3_000))
    value = generator.normal(size=len(time))
    flags = generator.integers(-(2**15), 2**15, len(time)).astype(np.int16)
    with databases.migrated() as url:
        numbers = register(url, "air-01", "no2", "pm10")
        put(url, numbers["pm10"], time + 1)
        put(url, numbers["no2"], time, value, flags)
        yield url, numbers["no2"], Points(time, value, flags)


@pytest.mark.parametrize("page", [1, 7, 1_000, 2_999, 3_000, 3_001])
def test_pages_of_any_size_hold_each_reading_once_in_order(
    long_stream: tuple[str, int, Points], page: int
) -> None:
    url, number, expected = long_stream
    with opened(url) as database:
        pages = list(stream_points(database, number, 0, FOREVER, page))
    assert all(len(each) == page for each in pages[:-1])
    assert 0 < len(pages[-1]) <= page
    np.testing.assert_array_equal(np.concatenate([each.time for each in pages]), expected.time)
    np.testing.assert_array_equal(np.concatenate([each.value for each in pages]), expected.value)
    np.testing.assert_array_equal(np.concatenate([each.flags for each in pages]), expected.flags)


def test_a_page_is_of_native_arrays_that_numpy_is_quick_with(long_stream: tuple[str, int, Points]) -> None:
    url, number, _ = long_stream
    with opened(url) as database, database.connection() as connection:
        points = read_points(connection, number, 0, FOREVER, 10)
    assert (points.time.dtype, points.value.dtype, points.flags.dtype) == DTYPES


def test_a_stream_that_is_not_there_is_empty(long_stream: tuple[str, int, Points]) -> None:
    url, _, _ = long_stream
    with opened(url) as database:
        assert list(stream_points(database, 999_999, 0, FOREVER)) == []


def test_no_connection_is_held_between_pages(long_stream: tuple[str, int, Points]) -> None:
    url, number, _ = long_stream
    with opened(url) as database:
        readers = [stream_points(database, number, 0, FOREVER, 100) for _ in range(10)]
        assert [len(next(reader)) for reader in readers] == [100] * 10  # of a pool of two


def test_a_query_longer_than_the_limit_is_too_slow(long_stream: tuple[str, int, Points]) -> None:
    url, number, _ = long_stream
    with psycopg.connect(url) as other, opened(url, statement_timeout=0.2) as database:
        other.execute("LOCK TABLE reading IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(QueryTooSlow):
            next(stream_points(database, number, 0, FOREVER))


def test_a_database_that_freezes_amid_a_query_is_away_once_the_limit_is_long_over(
    timescale: DatabaseServer, long_stream: tuple[str, int, Points]
) -> None:
    url, number, _ = long_stream
    with psycopg.connect(url) as other, opened(url, statement_timeout=1.5) as database:
        other.execute("LOCK TABLE reading IN ACCESS EXCLUSIVE MODE")
        freeze = Timer(0.5, timescale.pause)
        freeze.start()
        began = time.monotonic()
        try:
            with pytest.raises(StoreUnavailable):
                next(stream_points(database, number, 0, FOREVER))
        finally:
            freeze.join()
            timescale.resume()
        assert 1.5 < time.monotonic() - began < 20


def test_a_database_without_the_schema_is_not_readable(databases: Databases) -> None:
    with (
        databases.empty() as url,
        Database(url, name="test", connections=1, statement_timeout=5) as database,
        pytest.raises(StoreUnavailable),
        database.connection() as connection,
    ):
        catalog.check_readable(connection)


def test_newest_readings_are_looked_up_only_for_the_streams_of_the_page(databases: Databases) -> None:
    """Twenty thousand streams, no statistics yet; the plan tells how often it looked into the readings."""
    with databases.migrated() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(MANY_STREAMS)
        with opened(url) as database, database.connection() as connection:
            page = catalog.list_latest(connection, limit=100, after=("node-1000", "c4"))
            position = {"after_node": "node-1000", "after_channel": "c4", "limit": 100}
            nothing = dict.fromkeys(("node", "quantity", "open", "west", "south", "east", "north"))
            explain = b"EXPLAIN (ANALYZE, FORMAT json) " + load("catalog")["latest"]
            [[[plan]]] = connection.execute(explain, position | nothing).fetchall()
    assert [(each.node, each.channel) for each in page[:2]] == [("node-1000", "c5"), ("node-1000", "c6")]
    assert len(page) == 100
    assert all(each.value == 9 for each in page)
    assert loops_of_limits(plan["Plan"]) == [1, 100]


def loops_of_limits(plan: dict[str, Any]) -> list[int]:
    """Return how often each LIMIT was carried out: that of the page, and those of newest readings."""
    own = [plan["Actual Loops"]] if plan["Node Type"] == "Limit" else []
    return own + [count for child in plan.get("Plans", []) for count in loops_of_limits(child)]

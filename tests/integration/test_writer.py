"""The writer: what a transaction leaves behind, and what a second one adds."""

from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bypuls.errors import StoreError, StoreUnavailable
from bypuls.instants import to_datetime
from bypuls.quarantine import Fault, Reason
from bypuls.readings import ReadingBatch
from bypuls.store.commit import Commit, Message, PackSeen
from bypuls.store.writer import Writer
from testbed import Databases, as_role

HOUR = 3_600_000_000
START = 1_780_000_000_000_000 // HOUR * HOUR

Row = tuple[int, int, float]
"""Stream, microseconds after START, value."""


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    with databases.migrated() as made:
        yield made


@pytest.fixture
def database(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE reading, quarantine, pack_log, dirty_hours, stream, node RESTART IDENTITY CASCADE"
        )
        connection.execute("INSERT INTO node (node) VALUES ('one'), ('two')")
        yield connection


@pytest.fixture
def writer(url: str, database: psycopg.Connection) -> Iterator[Writer]:
    with Writer(as_role(url, "bypuls_ingest"), "test") as made:
        yield made


def commit(rows: list[Row], **more: object) -> Commit:
    """Make a commit of one message whose record k is row k."""
    stream = np.array([row[0] for row in rows], np.int32)
    time = np.array([row[1] for row in rows], np.int64)
    value = np.array([row[2] for row in rows], np.float64)
    order = np.lexsort((time, stream))
    made = Commit(
        [Message("bypuls/v1/one/up", b"payload", START)],
        ReadingBatch(
            stream[order],
            START + time[order],
            value[order],
            np.zeros(len(rows), np.int16),
        ),
        np.zeros(len(rows), np.int32),
        order.astype(np.int32),
        **more,  # type: ignore[arg-type]
    )
    made.encode()
    return made


def stored(database: psycopg.Connection) -> dict[tuple[int, int], float]:
    query = "SELECT stream_id, (extract(epoch FROM time) * 1000000)::bigint, value FROM reading"
    return {(stream, time - START): value for stream, time, value in database.execute(query)}


rows = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 3), st.sampled_from([1.0, 2.0, -0.5])), max_size=8
)


@given(st.lists(rows, min_size=1, max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_first_value_of_an_instant_stays_and_each_other_row_is_a_repeat_or_a_conflict(
    writer: Writer, database: psycopg.Connection, batches: list[list[Row]]
) -> None:
    database.execute("TRUNCATE reading, quarantine")
    expected: dict[tuple[int, int], float] = {}
    for batch in batches:
        new = repeats = 0
        conflicts: set[int] = set()
        for record, (stream, time, value) in enumerate(batch):  # the slow, obvious twin
            if (stream, time) not in expected:
                expected[stream, time] = value
                new += 1
            elif expected[stream, time] == value:
                repeats += 1
            else:
                conflicts.add(record)
        outcome = writer.write(commit(batch))
        told = {record for _, fault in outcome.faults for record in fault.records or ()}
        assert (outcome.stored, outcome.repeats, told) == (new, repeats, conflicts)
        assert stored(database) == expected


def test_hours_are_marked_dirty_once_a_generation(writer: Writer, database: psycopg.Connection) -> None:
    marks = "SELECT unnest(streams), unnest(hours), generation FROM dirty_hours ORDER BY 3, 1, 2"
    writer.write(commit([(1, 0, 1.0), (1, HOUR - 1, 1.0), (1, HOUR, 1.0), (2, 5, 1.0)]))
    hour = START // HOUR
    first = [(1, hour, 1), (1, hour + 1, 1), (2, hour, 1)]
    assert database.execute(marks).fetchall() == first
    writer.write(commit([(1, 1, 1.0)]))
    assert database.execute(marks).fetchall() == first
    database.execute("UPDATE dirty_generation SET generation = 2")
    try:
        writer.write(commit([(1, 2, 1.0)]))
        assert database.execute(marks).fetchall() == [*first, (1, hour, 2)]
    finally:
        database.execute("UPDATE dirty_generation SET generation = 1")


def test_the_sequence_log_tells_seen_and_dropped_packs(writer: Writer, database: psycopg.Connection) -> None:
    writer.write(commit([], packs={(1, "a"): PackSeen("one", [3, 1, 2, 7], [(4, 5)], START)}))
    writer.write(commit([], packs={(1, "a"): PackSeen("one", [8], [], START + 1)}))
    query = "SELECT seen::text, dropped::text, last_received FROM pack_log ORDER BY block"
    assert database.execute(query).fetchall() == [("{[1,4),[7,9)}", "{[4,6)}", to_datetime(START + 1))]


def test_a_node_whose_seqs_jump_makes_no_row_of_the_sequence_log_large(
    writer: Writer, database: psycopg.Connection
) -> None:
    jumping = PackSeen("one", list(range(0, 40_000, 2)), [(1, 1), (4_097, 10_001)], START)
    writer.write(commit([], packs={(1, "a"): jumping}))
    query = "SELECT block, lower(seen), upper(seen), dropped::text FROM pack_log ORDER BY block"
    rows = database.execute(query).fetchall()
    assert rows[:2] == [(0, 0, 4_095, "{[1,2)}"), (1, 4_096, 8_191, "{[4097,10002)}")]
    assert len(rows) == 10
    writer.write(commit([], packs={(1, "a"): jumping}))
    assert database.execute(query).fetchall() == rows, "and what comes again changes nothing"


def test_what_is_refused_leaves_nothing_behind(writer: Writer, database: psycopg.Connection) -> None:
    database.execute("ALTER TABLE reading ADD CONSTRAINT planted CHECK (value <> 99)")
    try:
        with pytest.raises(StoreError, match="planted") as caught:
            writer.write(
                commit([(1, 0, 1.0), (1, 1, 99.0)], packs={(1, "a"): PackSeen("one", [1], [], START)})
            )
        assert not isinstance(caught.value, StoreUnavailable)
    finally:
        database.execute("ALTER TABLE reading DROP CONSTRAINT planted")
    assert stored(database) == {}
    assert database.execute("SELECT count(*) FROM pack_log").fetchone() == (0,)
    assert writer.write(commit([(1, 0, 1.0)])).stored == 1, "and the writer goes on"


def test_a_connection_that_breaks_is_made_again(writer: Writer, database: psycopg.Connection) -> None:
    writer.write(commit([(1, 0, 1.0)]))
    database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'")
    with pytest.raises(StoreUnavailable):
        writer.write(commit([(1, 1, 1.0)]))
    assert writer.write(commit([(1, 1, 1.0)])).stored == 1


def test_a_fault_is_kept_with_its_bytes_cut_to_the_limit(
    writer: Writer, database: psycopg.Connection
) -> None:
    made = commit([])
    made.messages = [Message("any\0topic", b"\0\xff" * 200_000, START)]
    made.faults = [(0, Fault(Reason.TOO_LARGE, "nul \0 here"))]
    writer.write(made)
    query = "SELECT topic, detail, length(payload), payload_size FROM quarantine"
    assert database.execute(query).fetchall() == [("any\\0topic", "nul \\0 here", 262_144, 400_000)]

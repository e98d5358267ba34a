"""Readings written as ingest writes them, and what became of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from bypuls.readings import ReadingBatch
from bypuls.store.binary_copy import EPOCH
from bypuls.store.commit import Commit, Message, Outcome
from bypuls.store.hours import unpack
from bypuls.store.writer import Writer
from testbed.ingest import as_role


def write(
    url: str,
    stream: NDArray[np.int32] | Sequence[int] | int,
    time: NDArray[np.int64] | Sequence[int],
    value: Any,
    flags: Any = 0,
) -> Outcome:
    """Commit one message with these readings, as the role of ingest."""
    time = np.asarray(time, np.int64)
    stream, value = np.broadcast_to(stream, len(time)), np.broadcast_to(value, len(time))
    order = np.lexsort((time, stream))
    readings = ReadingBatch(
        stream[order].astype(np.int32),
        time[order],
        value[order].astype(np.float64),
        np.broadcast_to(np.asarray(flags, np.int16), len(time))[order],
    )
    message = Message("bypuls/v1/town-01/up", b"payload", int(time[0]))
    made = Commit([message], readings, np.zeros(len(time), np.int32), order.astype(np.int32))
    made.encode()
    with Writer(as_role(url, "bypuls_ingest"), "test") as writer:
        return writer.write(made)


def raw(url: str) -> ReadingBatch:
    """Return all raw readings, in order of stream and time."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT string_agg(int4send(stream_id), ''::bytea),"
            " string_agg(timestamptz_send(time), ''::bytea),"
            " string_agg(float8send(value), ''::bytea),"
            " string_agg(int2send(flags), ''::bytea)"
            " FROM (SELECT * FROM reading ORDER BY stream_id, time) AS r",
            binary=True,
        ).fetchone()
    stream, time, value, flags = unpack(row, (">i4", ">i8", ">f8", ">i2"))
    return ReadingBatch(stream, time + EPOCH, value, flags)


def rollups(url: str) -> dict[tuple[int, int], tuple[Any, ...]]:
    """Return number, mean, least and most of every rollup, by stream and hour since 1970."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT stream_id, (extract(epoch FROM hour) / 3600)::int, n + n_excluded, mean, minimum, maximum"
            " FROM reading_hour ORDER BY 1, 2"
        ).fetchall()
    return {(row[0], row[1]): row[2:] for row in rows}

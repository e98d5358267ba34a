"""Nodes, streams and readings put straight into a database."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from bypuls.channels import of_channel
from bypuls.readings import SECOND
from bypuls.store.binary_copy import encode, postgres_time

NEW_YEAR = 1_767_225_600 * SECOND
"""2026-01-01T00:00:00Z in microseconds since 1970."""


def register(url: str, node: str, *channels: str, **columns: Any) -> dict[str, int]:
    """Register a node, with these columns of its row, and its channels; return their stream numbers."""
    row = {"node": node, **columns}
    numbers: dict[str, int] = {}
    with psycopg.connect(url) as connection:
        statement = f"INSERT INTO node ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})"  # noqa: S608
        connection.execute(f"{statement} RETURNING node_id".encode(), list(row.values()))
        for channel in channels:
            what = of_channel(channel)
            key, unit = (what.quantity.key, what.quantity.unit) if what.quantity else (None, "1")
            made = connection.execute(
                "INSERT INTO stream (node_id, channel, quantity, statistic, unit)"
                " SELECT node_id, %s, %s, %s, %s FROM node WHERE node = %s RETURNING stream_id",
                [channel, key, what.statistic, unit, node],
            ).fetchone()
            assert made is not None
            numbers[channel] = made[0]
    return numbers


def put(
    url: str, stream: int, time: NDArray[np.int64] | Sequence[int], value: Any = None, flags: Any = None
) -> None:
    """Copy readings of a stream in; times in microseconds, values 0, 1, 2 ... and flags 0 if not given."""
    size = len(time)
    data = encode(
        postgres_time(np.asarray(time, np.int64)),
        np.full(size, stream, np.int32),
        np.asarray(np.arange(size) if value is None else value, np.float64),
        np.asarray(np.zeros(size) if flags is None else flags, np.int16),
    )
    statement = "COPY reading (time, stream_id, value, flags) FROM STDIN (FORMAT binary)"
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(data)

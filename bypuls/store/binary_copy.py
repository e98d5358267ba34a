"""Whole arrays in PostgreSQL's binary COPY format.

Layout of a row: a field count (int16), then for each field its length (int32) and its bytes, all big-endian
(PostgreSQL documentation, COPY, "Binary Format"). Fixed-size rows make a numpy record array of it.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.readings import TimeArray

HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)

EPOCH = 946_684_800_000_000
"""PostgreSQL counts microseconds from 2000-01-01; this is that instant in ours, since 1970."""


def encode(*columns: NDArray[Any]) -> bytes:
    """Write arrays of one length as the columns of a whole binary COPY stream, without nulls.

    Binary COPY never casts: int16, int32, int64 and float64 must meet int2, int4, int8 and float8; a
    timestamptz takes int64, see `postgres_time`.
    """
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for index, column in enumerate(columns):
        layout += [(f"size{index}", ">i4"), (f"value{index}", column.dtype.newbyteorder(">").str)]
    rows = np.empty(len(columns[0]), np.dtype(layout))
    rows["fields"] = len(columns)
    for index, column in enumerate(columns):
        rows[f"size{index}"] = column.dtype.itemsize
        rows[f"value{index}"] = column
    return HEADER + rows.tobytes() + TRAILER


def postgres_time(time: TimeArray) -> TimeArray:
    """Turn microseconds since 1970 into PostgreSQL's, since 2000."""
    return time - EPOCH

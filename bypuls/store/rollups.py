"""Keeping the hourly rollups equal to what the raw readings give.

Every transaction that writes readings marks their hours. The job raises the generation of the marks, gathers
the older ones, and works them off in portions: one transaction reads the raw readings of a portion's hours,
writes their rollups and clears the marks. Killed at any time, it has done a portion wholly or not at all.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.channels import Averaging, of_channel
from bypuls.instants import to_datetime
from bypuls.numeric.kinds import Kind
from bypuls.numeric.summary import NO_TIME, Summary
from bypuls.store.array_text import array_text
from bypuls.store.binary_copy import EPOCH, encode
from bypuls.store.database import Connection, translated
from bypuls.store.hours import COLUMNS, HOUR, PAIRS, hour_edges, read_pairs, summarise_readings, unpack
from bypuls.store.sql import load

GRACE = 60
"""Seconds after its end in which an hour is left alone: its last readings are on their way."""


def lock(connection: Connection) -> bool:
    """Become the one job that keeps rollups, until the connection ends; False if there is another."""
    with translated():
        row = connection.execute(load("rollups")["try_lock"]).fetchone()
    return bool(row and row[0])


def gather(connection: Connection, due_before: int) -> list[int]:
    """Put all marks set so far in order, without repeats; return the rows whose hours are due.

    A row keeps since when the first of its marks has waited, its hour being due.

    Hours from `due_before` on (since 1970) are not over: their marks wait, or they would be summed up again
    and again. Raises StoreUnavailable, StoreError.
    """
    queries = load("rollups")
    with translated():
        with connection.transaction():
            connection.execute(queries["wait_briefly"])
            connection.execute(queries["lock_generation"])
            row = connection.execute(queries["raise_generation"]).fetchone()
            assert row is not None, "the migrations put the one row there"
        with connection.transaction():
            marks = connection.execute(queries["take_marks"], {"generation": row[0]}, binary=True).fetchone()
            streams, hours, marked = unpack(marks, (">i4", ">i4", ">i8"))
            since = np.maximum(marked, (hours.astype(np.int64) + 1) * 3600 + GRACE)
            # The hour in front: portions then lie close together in time. Of repeats the oldest stays.
            keys = (hours.astype(np.int64) << 32) | streams
            order = np.lexsort((since, keys))
            keys, first = np.unique(keys[order], return_index=True)
            since = since[order][first]
            size = int(np.searchsorted(keys, due_before << 32))
            _put(connection, keys[size:], marked)
            parts = [slice(at, min(at + PAIRS, size)) for at in range(0, size, PAIRS)]
            return [_put(connection, keys[part], since[part]) for part in parts]


def work_off(connection: Connection, dirty_id: int) -> tuple[int, int]:
    """Make the rollups of one row of marks, in one transaction; return how many were made, and left.

    Hours whose raw readings were removed by retention keep the rollup they have: it can't be made again.
    Raises StoreUnavailable, StoreError.
    """
    queries = load("rollups")
    with translated(), connection.transaction():
        row = connection.execute(queries["lock_marks"], {"dirty_id": dirty_id}, binary=True).fetchone()
        if row is None:
            return 0, 0
        streams, hours = np.array(row[0], np.int32), np.array(row[1], np.int32)
        pairs = {"streams": array_text(row[0]), "hours": array_text(row[1])}
        final = [place for (place,) in connection.execute(queries["final_hours"], pairs)]
        streams, hours = np.delete(streams, final), np.delete(hours, final)
        if len(streams):
            averagings = _averagings(connection, streams)
            pairs = {"streams": array_text(streams.tolist()), "hours": array_text(hours.tolist())}
            connection.execute(queries["delete_hours"], pairs)
            first, last = int(hours.min()), int(hours.max()) + 1
            for readings in read_pairs(connection, streams, hours):
                for _, summary in summarise_readings(readings, averagings, hour_edges(first, last)):
                    write_hours(connection, summary, first)
        connection.execute(queries["clear_marks"], {"dirty_id": dirty_id})
        return len(streams), len(final)


def write_hours(connection: Connection, summary: Summary, first: int) -> None:
    """Write summaries of hours as new rollups; `first` is the hour (since 1970) of window 0."""
    with connection.cursor() as cursor, cursor.copy(load("rollups")["copy_hours"]) as copy:
        copy.write(_rows(summary, first))


def mark_range(connection: Connection, start: int, end: int) -> int:
    """Mark all hours from `start` on, before `end` (hours since 1970), that have readings or rollups."""
    bounds = {"start": to_datetime(start * HOUR), "end": to_datetime(end * HOUR)}
    with translated():
        row = connection.execute(load("rollups")["mark_range"], bounds).fetchone()
    return int(row[0]) if row else 0


def backlog(connection: Connection) -> tuple[int, float | None]:
    """Return how many marks wait, and since when the first does: seconds since 1970, ahead if none is due."""
    with translated():
        row = connection.execute(load("rollups")["backlog"], {"grace": GRACE}).fetchone()
    return (int(row[0]), row[1]) if row else (0, None)


def _put(connection: Connection, keys: NDArray[np.int64], since: NDArray[np.int64]) -> int:
    if not len(keys):
        return 0
    streams, hours = (keys & 0xFFFFFFFF).tolist(), (keys >> 32).tolist()
    marks = {"streams": array_text(streams), "hours": array_text(hours), "since": int(since.min())}
    row = connection.execute(load("rollups")["put_marks"], marks).fetchone()
    assert row is not None, "RETURNING gives the row"
    return int(row[0])


def _averagings(connection: Connection, streams: NDArray[np.int32]) -> dict[int, Averaging]:
    wanted = np.unique(streams).tolist()
    found = connection.execute(load("rollups")["meanings_of_streams"], {"streams": array_text(wanted)})
    deleted = dict.fromkeys(wanted, Averaging(Kind.LINEAR))
    return deleted | {
        stream: Averaging(of_channel(channel, quantity).kind, modulus)
        for stream, channel, quantity, modulus in found
    }


def _rows(summary: Summary, first: int) -> bytes:
    """Write summaries as rows of `reading_hour`; `first` is the hour of window 0."""
    given: dict[str, NDArray[Any]] = {
        "stream_id": summary.stream,
        "hour": (summary.window + first) * HOUR - EPOCH,
        "n": summary.n,
        "n_excluded": summary.n_excluded,
        **summary.columns(),
    }
    for name in ("first_time", "last_time"):
        given[name] = np.where(given[name] == NO_TIME, NO_TIME, given[name] - EPOCH)
    return encode(*(_column(given.get(name), layout, len(summary)) for name, layout in COLUMNS.items()))


def _column(given: NDArray[Any] | None, layout: str, rows: int) -> NDArray[Any]:
    kind = np.dtype(layout).newbyteorder("=")
    if given is None:
        return np.full(rows, np.nan if kind.kind == "f" else 0, kind)
    return given.astype(kind)

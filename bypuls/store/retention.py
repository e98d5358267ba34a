"""Removing old raw readings; their hourly rollups stay.

Only readings that a rollup sums up are removed, and the transaction that removes them makes the rollups of
their hours final (`retention.raw_from`). So whatever lies before a stream's `raw_from` came later, is in no
rollup, and stays. Killed at any time, a portion is removed wholly or not at all; the next round goes on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.errors import LockNotAvailable

from bypuls.store.array_text import array_text
from bypuls.store.chunks import Chunk, chunks
from bypuls.store.database import Connection, translated
from bypuls.store.sql import load

PORTION = 100_000
"""Readings removed in one transaction, about; at least those of a stream and day."""

ATTEMPTS = 5
"""At dropping a chunk, each of which waits briefly for whoever is in the way."""

GROUP = 100
"""Streams whose rollups are added up at once."""

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Removal:
    """What retention removes, or would remove, of one quantity; `readings` counts them."""

    quantity: str
    raw_from: datetime
    readings: int
    waiting: int
    """hours whose rollups are not made yet; their readings have to wait"""

    @property
    def waits(self) -> bool:
        """Whether readings have to wait."""
        return self.waiting > 0


def quantities(connection: Connection) -> list[str]:
    """Return the quantities that streams measure; "" stands for streams without one."""
    with translated():
        return list(_streams(connection))


def count_old(
    connection: Connection, horizons: Mapping[str, datetime], tell: Tell = lambda done, total: None
) -> list[Removal]:
    """Tell what would be removed, from the rollups; `tell` hears of streams done, and of their total."""
    with translated():
        plan = _Plan(connection, horizons)
        total, done, removals = sum(len(plan.streams[each]) for each in plan.ends), 0, []
        for quantity, until in plan.ends.items():
            streams, readings = plan.streams[quantity], 0
            for at in range(0, len(streams), GROUP):
                readings += sum(_counts(connection, streams[at : at + GROUP], None, until).values())
                tell(done + min(at + GROUP, len(streams)), total)
            done += len(streams)
            removals.append(Removal(quantity, until, readings, _hours_waiting(connection, streams, until)))
        return removals


def remove_old(connection: Connection, horizons: Mapping[str, datetime]) -> Iterator[Removal]:
    """Remove the raw readings before each quantity's horizon, a midnight in UTC, portion by portion.

    Tells of each portion, and in the end of what waits: streams of which older hours have no rollup yet are
    left alone. Where every quantity has a horizon, chunks that are older than all of them are dropped whole,
    and the quantities that are kept longest go in that way only. Raises StoreUnavailable, StoreError.
    """
    with translated():
        plan = _Plan(connection, horizons)
        for chunk in plan.chunks:
            if _has_work(connection, plan.all_streams, chunk.end):
                counts = _counts(connection, plan.all_streams, chunk.start, chunk.end)
                held = _held(connection, chunk)
                if held.items() <= counts.items():
                    if not _drop(connection, chunk, plan.all_streams):
                        break
                    for quantity, streams in plan.streams.items():
                        removed = sum(held.get(stream, 0) for stream in streams)
                        yield Removal(quantity, chunk.end, removed, 0)
                else:  # some of it must stay
                    for quantity, streams in plan.streams.items():
                        yield from _remove_rows(connection, quantity, streams, chunk.end)
        for quantity, until in plan.ends.items():
            streams = plan.streams[quantity]
            if quantity not in plan.by_chunk:
                yield from _remove_rows(connection, quantity, streams, until)
            yield Removal(quantity, until, 0, _hours_waiting(connection, streams, until))


class _Plan:
    """Which chunks may go whole, and up to when the readings of each quantity may go."""

    def __init__(self, connection: Connection, horizons: Mapping[str, datetime]) -> None:
        self.streams = _streams(connection)
        self.all_streams = [stream for streams in self.streams.values() for stream in streams]
        self.chunks: list[Chunk] = []
        self.by_chunk: set[str] = set()
        self.ends = dict(horizons)
        there = chunks(connection)
        if there and self.ends.keys() == self.streams.keys():
            first = min(self.ends.values())
            self.chunks = [chunk for chunk in there if chunk.end <= first and _is_hour(chunk.end)]
            self.by_chunk = {quantity for quantity, until in self.ends.items() if until == first}
            for quantity in self.by_chunk:
                if self.chunks:
                    self.ends[quantity] = self.chunks[-1].end
                else:
                    del self.ends[quantity]


def _drop(connection: Connection, chunk: Chunk, streams: Sequence[int]) -> bool:
    """Drop a chunk of which every reading was found in a rollup; False if one may have come since.

    Ingest stores a late reading, which may make a chunk, before it waits to mark its hour: then each waits
    for the other, and this one gives way.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(LockNotAvailable):
            return _drop_now(connection, chunk, streams)
    return _drop_now(connection, chunk, streams)


def _drop_now(connection: Connection, chunk: Chunk, streams: Sequence[int]) -> bool:
    queries = load("retention")
    with connection.transaction():
        connection.execute(load("rollups")["wait_briefly"])
        connection.execute(load("rollups")["lock_generation"])
        if _value(connection, "marked", until=chunk.end):
            return False
        connection.execute(load("chunks")["drop_chunk"], {"start": chunk.start, "end": chunk.end})
        connection.execute(queries["set_horizon"], _parameters(streams, until=chunk.end))
        return True


def _remove_rows(
    connection: Connection, quantity: str, streams: Sequence[int], until: datetime
) -> Iterator[Removal]:
    """Remove rows day by day, and each day in portions."""
    if not _has_work(connection, streams, until):
        return
    start: datetime | None = None
    while (start := _value(connection, "next_hour", streams, start=start, until=until)) is not None:
        end = min(start.replace(hour=0) + timedelta(days=1), until)
        for portion in _portions(_counts(connection, streams, start, end)):
            yield Removal(quantity, end, _remove(connection, portion, start, end), 0)
        start = end
    _remove(connection, streams, until, until)  # those that had nothing to remove


def _remove(connection: Connection, streams: Sequence[int], start: datetime, until: datetime) -> int:
    """Remove what streams have in a range, and make its rollups final, but where one is still to be made."""
    queries = load("retention")
    with _settled(connection, streams, until) as ready:
        parameters = _parameters(ready, start=start, until=until)
        connection.execute(queries["keep_rollups"])
        removed = (
            connection.execute(queries["remove"], parameters, prepare=False).rowcount if start < until else 0
        )
        connection.execute(queries["set_horizon"], parameters)
    return removed


@contextmanager
def _settled(connection: Connection, streams: Sequence[int], until: datetime) -> Iterator[list[int]]:
    """Begin a transaction on a snapshot in which each reading has its mark; give the streams without marks.

    Ingest waits only until the snapshot is taken. What it writes later is not seen, and so not removed.
    """
    queries = load("retention")
    connection.execute(queries["lock_marks_out"])
    locked = True
    try:
        with connection.transaction():
            connection.execute(queries["one_snapshot"])
            rows = connection.execute(queries["without_marks"], _parameters(streams, until=until)).fetchall()
            connection.execute(queries["let_marks_in"])
            locked = False
            yield [stream for (stream,) in rows]
    finally:
        if locked and not connection.closed:
            connection.execute(queries["let_marks_in"])


def _portions(counts: Mapping[int, int]) -> Iterator[list[int]]:
    portion: list[int] = []
    size = 0
    for stream, readings in counts.items():
        if portion and size + readings > PORTION:
            yield portion
            portion, size = [], 0
        portion.append(stream)
        size += readings
    if portion:
        yield portion


def _streams(connection: Connection) -> dict[str, list[int]]:
    return dict(connection.execute(load("retention")["streams"]).fetchall())


def _counts(
    connection: Connection, streams: Sequence[int], start: datetime | None, until: datetime
) -> dict[int, int]:
    parameters = _parameters(streams, start=start, until=until)
    return dict(connection.execute(load("retention")["counts"], parameters).fetchall())


def _held(connection: Connection, chunk: Chunk) -> dict[int, int]:
    parameters = {"start": chunk.start, "until": chunk.end}
    return dict(connection.execute(load("retention")["held"], parameters).fetchall())


def _has_work(connection: Connection, streams: Sequence[int], until: datetime) -> bool:
    return bool(_value(connection, "has_work", streams, until=until))


def _hours_waiting(connection: Connection, streams: Sequence[int], until: datetime) -> int:
    return int(_value(connection, "hours_waiting", streams, until=until))


def _value(connection: Connection, query: str, streams: Sequence[int] = (), **what: datetime | None) -> Any:
    row = connection.execute(load("retention")[query], _parameters(streams, **what)).fetchone()
    return row[0] if row else None


def _parameters(streams: Sequence[int], **what: datetime | None) -> dict[str, Any]:
    return {"streams": array_text(streams), **what}


def _is_hour(time: datetime) -> bool:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0) == time

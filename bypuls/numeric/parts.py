"""Parts: readings cut between groups into pieces, which two threads work through."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from bypuls.numeric.buckets import Buckets
from bypuls.numeric.edges import windows_of
from bypuls.numeric.groups import Columns, Groups, Mask, Streams, Times, Values, group
from bypuls.numeric.ordering import order_of
from bypuls.numeric.pairs import Pairs, pairs_of
from bypuls.numeric.survey import Run, Survey, survey

FEWEST = 200_000
"""Fewer readings than this are no work for a second thread."""

PIECE = 131_072
"""Readings in work at once: few enough for the cache, and enough that two threads seldom wait for the
interpreter (of 65,536, two were no faster than one)."""

_LARGEST = 4
"""Times as large a piece of readings in order of time may get, since it is cut where a window begins."""

Readings = tuple[Streams, Times, Values, Mask | None]
Work = Callable[[Groups, Columns], None]
Room = Callable[[int], Columns]


def in_parts(work: Work, room: Room, readings: Readings, edges: Times, *, timed: bool) -> Columns:
    """Return the columns that `work` fills for the groups of all readings, which come in any order.

    `room` makes empty columns of a number of rows; `work` is given groups, part by part, and their rows of
    those columns (cut along the last axis). The rows ascend by (stream, window). `timed`: the groups must
    have times; they have them too where their readings aren't in order of time. numpy lets go of the
    interpreter in its loops, so that two threads can share the work. Raises ValueError for a value that isn't
    finite.
    """
    if not len(readings[0]):
        return room(0)
    with ThreadPoolExecutor(2, thread_name_prefix="numeric") as pool:
        found = survey(*readings[:3], PIECE, map if len(readings[0]) < FEWEST else pool.map)
        ordered, timely = found.ordered, found.timely
        stream, time, value, excluded = _inside(readings, edges, found)
        run = map if len(stream) < FEWEST else pool.map
        pairs = pairs_of(found.streams, edges)
        columns: Columns = {"value": value} | ({} if excluded is None else {"excluded": excluded})
        if timed or not timely:
            columns["time"] = time

        def piece(part: slice, pairs: Pairs) -> Groups:
            some = {"pair": pairs.of(stream[part], time[part])}
            some |= {name: column[part] for name, column in columns.items()}
            return group(pairs, some, ordered=ordered, timely=timely)

        if run is map:
            parts = [piece(slice(None), pairs)]
        elif ordered:
            parts = list(run(lambda part: piece(part, pairs), _pieces(stream, time, edges)))
        elif timely and (spans := _spans(time, edges)):
            parts = list(run(lambda span: piece(span.part, pairs_of(found.streams, *span.windows)), spans))
            return _by_stream(_filled(work, room, parts, run), run)
        else:
            buckets = Buckets(pairs, stream, time, columns, PIECE, pool)
            parts = list(
                run(
                    lambda one: group(pairs, buckets[one], ordered=False, timely=timely), range(buckets.count)
                )
            )
        return _filled(work, room, parts, run)


def _inside(readings: Readings, edges: Times, found: Survey) -> Readings:
    """Leave out the readings before the first edge, and those from the last one on."""
    stream, time, value, excluded = readings
    if found.times[0] >= edges[0] and found.times[1] < edges[-1]:
        return readings
    inside = (time >= edges[0]) & (time < edges[-1])
    return stream[inside], time[inside], value[inside], None if excluded is None else excluded[inside]


def _pieces(stream: Streams, time: Times, edges: Times) -> Iterator[slice]:
    """Cut ordered readings into pieces of about one size, each where a window of a stream begins."""
    count = round(len(stream) / PIECE)
    cuts = {0, len(stream)}
    for at in (len(stream) * i // count for i in range(1, count)):
        begin = int(np.searchsorted(stream, stream[at]))
        window = max(0, int(np.searchsorted(edges, time[at], side="right")) - 1)
        cuts.add(begin + int(np.searchsorted(time[begin:at], edges[window])))
    return (slice(begin, end) for begin, end in pairwise(sorted(cuts)))


class _Span(NamedTuple):
    """Readings in a row, and the edges of the windows they lie in, with the number of the first one."""

    part: slice
    windows: tuple[Times, int]


def _spans(time: Times, edges: Times) -> list[_Span]:
    """Cut readings in order of time into pieces, each where a window begins; none if one is too large."""
    count = round(len(time) / PIECE)
    looked = time[np.append(len(time) * np.arange(count) // count, len(time) - 1)]
    windows = windows_of(looked, edges)
    first = np.unique(windows[:-1])
    cuts = np.append(np.searchsorted(time, edges[first]), len(time))
    if np.diff(cuts).max() > _LARGEST * PIECE:
        return []
    last = np.append(first[1:], windows[-1] + 1).tolist()
    return [
        _Span(slice(begin, end), (edges[window : after + 1], window))
        for (begin, end), window, after in zip(pairwise(cuts.tolist()), first.tolist(), last, strict=True)
    ]


def _by_stream(columns: Columns, run: Run) -> Columns:
    """Bring rows that ascend by window, and by stream in pieces of them, into their order."""
    order = order_of(columns["stream"])
    return dict(zip(columns, run(lambda column: column.take(order, axis=-1), columns.values()), strict=True))


def _filled(work: Work, room: Room, parts: list[Groups], run: Callable[..., Iterator[None]]) -> Columns:
    ends = np.cumsum([len(part.n) for part in parts]).tolist()
    columns = room(ends[-1])

    def fill(part: Groups, end: int) -> None:
        rows = slice(end - len(part.n), end)
        work(part, {name: column[..., rows] for name, column in columns.items()})

    for _ in run(fill, parts, ends):
        pass
    return columns

"""Parts: readings put in order and cut between groups into pieces, which two threads work through."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from bypuls.numeric.groups import Column, Columns, Groups, Readings, Times, group
from bypuls.numeric.ordering import is_ordered, order_of, put_in_order

FEWEST = 200_000
"""Fewer readings than this are no work for a second thread."""

PIECE = 131_072
"""Readings in work at once: few enough for the cache, and enough that two threads seldom wait for the
interpreter (of 65,536, two were no faster than one)."""

Work = Callable[[Groups, Columns], None]
Room = Callable[[int], Columns]


def in_parts(work: Work, room: Room, readings: Readings, edges: Times) -> Columns:
    """Return the columns that `work` fills for the groups of all readings, which come in any order.

    `room` makes empty columns of a number of rows; `work` is given groups, part by part, and their rows of
    those columns (cut along the last axis). The rows ascend by (stream, window). numpy lets go of the
    interpreter in its loops, so that two threads can share the work.
    """
    columns: list[Column] = [column for column in readings if column is not None]
    if len(columns[0]) < FEWEST:
        if not is_ordered(columns[0], columns[1]):
            order = order_of(columns[0], columns[1])
            columns = [column[order] for column in columns]
        return _filled(work, room, [_group(columns, edges)], map)
    with ThreadPoolExecutor(2, thread_name_prefix="numeric") as pool:
        if not _is_ordered(columns, pool):
            columns = put_in_order(columns, PIECE, pool)
        parts = pool.map(lambda piece: _group(piece, edges), _pieces(columns, edges))
        return _filled(work, room, list(parts), pool.map)


def _is_ordered(columns: list[Column], pool: ThreadPoolExecutor) -> bool:
    def ordered(begin: int) -> bool:
        stream, time = (column[begin : begin + PIECE + 1] for column in columns[:2])
        return is_ordered(stream, time)

    return ordered(0) and all(pool.map(ordered, range(0, len(columns[0]), PIECE)))


def _pieces(columns: list[Column], edges: Times) -> Iterator[list[Column]]:
    """Cut ordered readings into pieces of about one size, each where a window of a stream begins."""
    stream, time = columns[:2]
    count = round(len(stream) / PIECE)
    cuts = {0, len(stream)}
    for at in (len(stream) * i // count for i in range(1, count)):
        begin = int(np.searchsorted(stream, stream[at]))
        window = max(0, int(np.searchsorted(edges, time[at], side="right")) - 1)
        cuts.add(begin + int(np.searchsorted(time[begin:at], edges[window])))
    for begin, end in pairwise(sorted(cuts)):
        yield [column[begin:end] for column in columns]


def _group(columns: list[Column], edges: Times) -> Groups:
    stream, time, value, *excluded = columns
    return group(stream, time, value, edges, excluded[0] if excluded else None)


def _filled(work: Work, room: Room, parts: list[Groups], run: Callable[..., Iterator[None]]) -> Columns:
    ends = np.cumsum([len(part.n) for part in parts]).tolist()
    columns = room(ends[-1])

    def fill(part: Groups, end: int) -> None:
        rows = slice(end - len(part.n), end)
        work(part, {name: column[..., rows] for name, column in columns.items()})

    for _ in run(fill, parts, ends):
        pass
    return columns

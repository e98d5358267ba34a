"""Parts: readings put in order and cut at streams into pieces, which two threads work through."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.ordering import is_ordered, order_of

Streams = NDArray[np.int32]
Times = NDArray[np.int64]
Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
Readings = tuple[Streams, Times, Values, Mask | None]
Result = TypeVar("Result")

FEWEST = 200_000
"""Fewer readings than this are no work for a second thread."""

PIECE = 131_072
"""Readings in work at once, as far as streams allow, so that what is derived from them stays in the cache."""

_SAMPLE = 1000


def in_parts(
    work: Callable[[Streams, Times, Values, Mask | None], Result],
    stream: Streams,
    time: Times,
    value: Values,
    excluded: Mask | None,
) -> list[Result]:
    """Return what `work` makes of pieces of the readings, each ordered by (stream, time); all (n,).

    A stream lies whole in one piece, and the pieces ascend by stream. numpy lets go of the interpreter in its
    loops, so two threads are twice as fast.
    """
    readings = (stream, time, value, excluded)
    ordered = is_ordered(stream, time)
    if len(stream) < FEWEST:
        return [work(*(readings if ordered else _in_order(readings)))]
    with ThreadPoolExecutor(2, thread_name_prefix="numeric") as pool:
        halves = [readings] if ordered else list(pool.map(_in_order, _halves(readings)))
        pieces = [piece for half in halves for piece in _pieces(half)]
        return list(pool.map(lambda piece: work(*piece), pieces))


def _take(readings: Readings, which: slice | Mask | NDArray[np.intp]) -> Readings:
    stream, time, value, excluded = readings
    return stream[which], time[which], value[which], None if excluded is None else excluded[which]


def _in_order(readings: Readings) -> Readings:
    return _take(readings, order_of(readings[0], readings[1]))


def _halves(readings: Readings) -> Iterator[Readings]:
    """Part the lower streams from the higher ones, at the middle one of a sample."""
    stream = readings[0]
    sample = stream[:: len(stream) // _SAMPLE]
    lower = stream < np.partition(sample, len(sample) // 2)[len(sample) // 2]
    yield _take(readings, lower)
    yield _take(readings, ~lower)


def _pieces(readings: Readings) -> Iterator[Readings]:
    stream = readings[0]
    marks = np.searchsorted(stream, stream[PIECE::PIECE])
    cuts = np.unique(np.concatenate([[0], marks, [len(stream)]])).tolist()
    for begin, end in pairwise(cuts):
        yield _take(readings, slice(begin, end))

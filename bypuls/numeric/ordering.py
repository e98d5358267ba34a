"""Order of readings by stream and time: told cheaply, made quickly."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Streams = NDArray[np.int32]
Times = NDArray[np.int64]
Order = NDArray[np.intp]
Column = NDArray[Any]

_SAMPLE = 64
"""Readings looked at for each bucket, so that they come out about as large as they should."""

_TABLE = 1 << 20
"""The widest range of streams for which a table tells the bucket of each: 2 MB, and no search by reading."""


def is_ordered(stream: Streams, time: Times) -> bool:
    """Tell whether readings stand ordered by (stream, time); both (n,)."""
    before, after = stream[:-1], stream[1:]
    return bool(((after > before) | ((after == before) & (time[1:] >= time[:-1]))).all())


def order_of(stream: Streams, time: Times) -> Order:
    """Return the positions that put readings in order by (stream, time), equal ones in their given order.

    Shapes: both (n,). Stream, time and position are packed into one int64 and sorted as plain numbers, the
    time with as many of its bits as there is room for; readings that this can't tell apart are sorted again.
    """
    count = len(stream)
    if count == 0:
        return np.empty(0, np.intp)
    shift = (count - 1).bit_length()
    low, first = int(stream.min()), int(time.min())
    width = max(1, (int(time.max()) - first).bit_length())
    room = 63 - shift - (int(stream.max()) - low).bit_length()
    cut = max(0, width - room)
    key = stream.astype(np.int64)
    key -= low
    key <<= width - cut
    since = time - first
    since >>= cut
    key |= since
    key <<= shift
    key |= np.arange(count)
    key.sort()
    order: Order = key & ((1 << shift) - 1)
    key >>= shift
    return _settle(order, key, stream, time) if cut else order


def put_in_order(columns: list[Column], size: int, pool: ThreadPoolExecutor) -> list[Column]:
    """Return readings in order by (stream, time), the first two of their columns (n,), equal ones as given.

    First they are brought into buckets of neighbouring streams, block by block, then each bucket is sorted:
    both fit into the cache with `size` readings, and two threads share them. A stream lies in one bucket.
    """
    count = len(columns[0])
    bucket_of = _Buckets(columns[0], size)
    near = [np.empty_like(column) for column in columns]
    done = [np.empty_like(column) for column in columns]

    def bring(begin: int) -> list[int]:
        block = slice(begin, begin + size)
        bucket = bucket_of(columns[0][block])
        # Of 16-bit numbers the stable sort is a radix sort.
        order = np.argsort(bucket, kind="stable")
        for column, room in zip(columns, near, strict=True):
            column[block].take(order, out=room[block], mode="clip")
        sizes = np.bincount(bucket, minlength=bucket_of.count)
        return [begin, *(begin + np.cumsum(sizes)).tolist()]

    ends = np.array(list(pool.map(bring, range(0, count, size))))

    def sort(bucket: int, end: int) -> None:
        parts = ends[:, bucket : bucket + 2].tolist()
        joined = [np.concatenate([column[a:b] for a, b in parts]) for column in near]
        order = order_of(joined[0], joined[1])
        for column, room in zip(joined, done, strict=True):
            column.take(order, out=room[end - len(order) : end], mode="clip")

    for _ in pool.map(sort, range(bucket_of.count), np.cumsum(np.diff(ends).sum(axis=0)).tolist()):
        pass
    return done


class _Buckets:
    """Ranges of streams that hold about `size` readings each, as far as a sample tells."""

    def __init__(self, stream: Streams, size: int) -> None:
        sample = np.sort(stream[:: max(1, size // _SAMPLE)])
        self._begins = np.unique(sample[_SAMPLE::_SAMPLE])
        self._low, high = int(stream.min()), int(stream.max())
        self._table = self._search(np.arange(self._low, high + 1)) if high - self._low < _TABLE else None
        self.count = len(self._begins) + 1

    def __call__(self, stream: Streams) -> NDArray[np.uint16]:
        return self._search(stream) if self._table is None else self._table[stream - self._low]

    def _search(self, stream: NDArray[Any]) -> NDArray[np.uint16]:
        return np.searchsorted(self._begins, stream, side="right").astype(np.uint16)


def _settle(order: Order, key: NDArray[np.int64], stream: Streams, time: Times) -> Order:
    """Sort those that share a cut key with a neighbour; they keep their places among the others."""
    tied = np.zeros(len(key), np.bool_)
    same = key[1:] == key[:-1]
    tied[1:] |= same
    tied[:-1] |= same
    some = order[tied]
    order[tied] = some[np.lexsort((time[some], stream[some]))]
    return order

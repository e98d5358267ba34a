"""Buckets: readings in any order parted by the groups they belong to, so that a part fits into the cache."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bypuls.numeric.groups import Column, Columns
from bypuls.numeric.pairs import Pairs

_SAMPLE = 64
"""Readings looked at for each bucket, so that they come out about as large as they should."""

_CELLS = 1 << 16
"""Ranges of pairs, of which a table tells the bucket; it stays in the cache."""


class Buckets:
    """Readings parted by ranges of pairs, `size` or so in each; in their given order inside a bucket.

    `columns` (n,) come along with the "pair" of stream and time; block by block, so that what is in work fits
    into the cache, and the threads of `pool` share the blocks.
    """

    def __init__(
        self,
        pairs: Pairs,
        stream: Column,
        time: Column,
        columns: Columns,
        size: int,
        pool: ThreadPoolExecutor,
    ) -> None:
        step = max(1, size // _SAMPLE)
        sample = np.sort(pairs.of(stream[::step], time[::step]))
        begins = np.unique(sample[_SAMPLE::_SAMPLE])
        most = (pairs.most - pairs.least + 1) * pairs.windows
        self._shift = max(0, most.bit_length() - _CELLS.bit_length() + 1)
        cells = np.arange((most >> self._shift) + 1) << self._shift
        self._bucket_of_cell = np.searchsorted(begins, cells, side="right").astype(np.uint16)
        self.count = len(begins) + 1
        self._near: Columns = {"pair": np.empty(len(stream), pairs.kind)}
        self._near |= {name: np.empty_like(column) for name, column in columns.items()}

        def part(begin: int) -> list[int]:
            block = slice(begin, begin + size)
            pair = pairs.of(stream[block], time[block])
            bucket = self._bucket_of_cell[pair >> self._shift]
            order = np.argsort(bucket, kind="stable")
            pair.take(order, out=self._near["pair"][block], mode="clip")
            for name, column in columns.items():
                column[block].take(order, out=self._near[name][block], mode="clip")
            sizes = np.bincount(bucket, minlength=self.count)
            return [begin, *(begin + np.cumsum(sizes)).tolist()]

        self._ends = np.array(list(pool.map(part, range(0, len(stream), size))))

    def __getitem__(self, bucket: int) -> Columns:
        """Return the pairs and the columns of one bucket."""
        parts = self._ends[:, bucket : bucket + 2].tolist()
        return {name: np.concatenate([column[a:b] for a, b in parts]) for name, column in self._near.items()}

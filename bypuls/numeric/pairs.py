"""Pairs: one whole number for each stream and window, by which readings are grouped."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.edges import windows_of

Streams = NDArray[np.int32]
Times = NDArray[np.int64]
Counts = NDArray[np.int64]
PairColumn = NDArray[Any]
"""int32 where all pairs fit into it, else int64."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Numbers pairs by stream and then window, from the least stream's first window on.

    `first`: the number of the window that begins with the edges.
    """

    edges: Times
    least: int
    most: int
    kind: np.dtype[Any]
    first: int

    @property
    def windows(self) -> int:
        """The number of windows."""
        return len(self.edges) - 1

    def of(self, stream: Streams, time: Times) -> PairColumn:
        """Return the pair of each reading (n,), whose time lies inside the edges."""
        pair: PairColumn = stream.astype(self.kind)
        pair -= self.least
        pair *= self.windows
        pair += windows_of(time, self.edges).astype(self.kind, copy=False)
        return pair

    def parted(self, pair: PairColumn) -> tuple[Streams, Counts]:
        """Return the stream and the window of each pair."""
        stream = pair // self.windows  # numpy's divmod takes five times as long
        window = (pair - stream * self.windows).astype(np.int64)
        window += self.first
        return (stream + self.least).astype(np.int32), window


def pairs_of(streams: tuple[int, int], edges: Times, first: int = 0) -> Pairs:
    """Return the numbering for streams from the least to the greatest, both included, and edges (w + 1,)."""
    least, most = streams
    small = (most - least + 1) * (len(edges) - 1) < 2**31
    return Pairs(edges, least, most, np.dtype(np.int32 if small else np.int64), first)

"""ReadingBatch: the one shape in which readings travel between services, core and store."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

StreamArray = NDArray[np.int32]
TimeArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
FlagArray = NDArray[np.int16]

SECOND = 1_000_000
"""Microseconds in a second: times inside Bypuls are int64 microseconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """Readings as four columns of one length, in no particular order.

    Shapes: all (n,). `stream` int32, the registry's number; `time` int64, microseconds since 1970 (UTC);
    `value` float64, finite, in the stream's unit; `flags` int16, see `bypuls.quality`.
    Raises ValueError when the columns differ in length.
    """

    stream: StreamArray
    time: TimeArray
    value: FloatArray
    flags: FlagArray

    def __post_init__(self) -> None:
        lengths = {len(self.stream), len(self.time), len(self.value), len(self.flags)}
        if len(lengths) != 1:
            raise ValueError(f"the columns of a batch must have one length, not {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.stream)

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """Return the readings at these positions, or where the mask is true."""
        return type(self)(self.stream[which], self.time[which], self.value[which], self.flags[which])

    @classmethod
    def empty(cls) -> Self:
        """Return a batch without readings."""
        return cls(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.int16))

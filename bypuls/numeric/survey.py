"""Survey: what is to be known of readings before they are summed up, found in one pass."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Streams = NDArray[np.int32]
Times = NDArray[np.int64]
Values = NDArray[np.float64]
Run = Callable[[Callable[..., Any], Iterable[Any]], Iterator[Any]]
"""`map`, or that of a pool of threads."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The least and the greatest stream and time, both included; by what readings are ordered, if at all.

    `ordered`: by (stream, time); `timely`: in order of time inside each stream.
    """

    streams: tuple[int, int]
    times: tuple[int, int]
    ordered: bool
    timely: bool


def survey(stream: Streams, time: Times, value: Values, size: int, run: Run) -> Survey:
    """Look at readings (n,), n > 0, in pieces of `size`, each once, while it lies in the cache.

    Raises ValueError for a value that is NaN or infinite.
    """

    def look(begin: int) -> tuple[int, int, int, int, bool, bool]:
        _check_finite(value[begin : begin + size], begin)
        # One further, for its step from the last of this piece.
        streams, times = stream[begin : begin + size + 1], time[begin : begin + size + 1]
        before, after, later = streams[:-1], streams[1:], times[1:] >= times[:-1]
        ordered = bool(((after > before) | ((after == before) & later)).all())
        least, most = (streams[0], streams[-1]) if ordered else (streams.min(), streams.max())
        return int(least), int(most), int(times.min()), int(times.max()), ordered, bool(later.all())

    least, most, earliest, latest, ordered, timely = zip(*run(look, range(0, len(stream), size)), strict=True)
    by_stream = all(ordered)
    return Survey((min(least), max(most)), (min(earliest), max(latest)), by_stream, by_stream or all(timely))


def _check_finite(value: Values, begin: int) -> None:
    # A sum costs half of looking at each value; one that overflows only leads to the closer look.
    with np.errstate(all="ignore"):
        if np.isfinite(value.sum()):
            return
    finite = np.isfinite(value)
    if not finite.all():
        at = int(np.argmin(finite))
        raise ValueError(
            f"the value at position {begin + at} is {value[at]}: a missing reading is left out, not NaN"
        )

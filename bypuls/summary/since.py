"""Since when something has been so."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bypuls.readings import FloatArray, TimeArray


def since(
    history: tuple[TimeArray, FloatArray], width: int, reached: Callable[[FloatArray], NDArray[np.bool_]]
) -> int | None:
    """Return when the mean of the last `width` was first such as it has been ever since, or None.

    `history` is of times (n,), rising, microseconds since 1970, and values (n,). The instant is one of them:
    the mean is of the readings from then less `width` up to and with then. None where it isn't so now, or has
    been so for as long as the history goes back.
    """
    time, value = history
    if not len(time):
        return None
    total = np.concatenate(([0.0], np.cumsum(value)))
    first = np.searchsorted(time, time - width, side="right")
    after = np.arange(1, len(time) + 1)
    so = reached((total[after] - total[first]) / (after - first))
    # What lies in the first `width` has no whole window behind it.
    others = np.flatnonzero(~so & (time >= time[0] + width))
    if not so[-1] or not len(others):
        return None
    return int(time[others[-1] + 1])

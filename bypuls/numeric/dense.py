"""Dense matrices of a column: one row for each stream asked for, one column for each window."""

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.summary import Summary

Streams = NDArray[np.int32]
Values = NDArray[np.float64]


def dense(column: Values, summary: Summary, streams: Streams, windows: int) -> Values:
    """Lay out a column of a summary by stream and window, NaN where there is no row.

    Shapes: column (r,), the summary's rows; streams int32 (s,), in any order, each once; rows of others are
    left out. Returns float64 (s, windows). Raises ValueError.
    """
    if column.shape != summary.stream.shape:
        raise ValueError(f"a summary of {len(summary)} rows has no column of the shape {column.shape}")
    if len(summary) and int(summary.window.max()) >= windows:
        raise ValueError(f"window {summary.window.max()} doesn't fit into {windows} windows")
    order = np.argsort(streams, kind="stable")
    ordered = streams[order]
    if (ordered[1:] == ordered[:-1]).any():
        raise ValueError("a stream is asked for twice")
    matrix = np.full((len(streams), windows), np.nan)
    if len(streams) == 0:
        return matrix
    place = np.minimum(np.searchsorted(ordered, summary.stream), len(streams) - 1)
    wanted = ordered[place] == summary.stream
    matrix[order[place[wanted]], summary.window[wanted]] = column[wanted]
    return matrix

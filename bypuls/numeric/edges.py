"""Windows of time as ascending edges: of one fixed width, or civil days, weeks, months and years."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Windows = NDArray[np.int64]

SECOND = 1_000_000
DAY = 86_400 * SECOND
MOST_WINDOWS = 10_000_000
"""More windows than this in one call are a mistake in the range or the width: the edges alone take 80 MB."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST = (datetime(1900, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LATEST = (datetime(2300, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND


class CivilUnit(StrEnum):
    """Windows of the calendar; weeks begin on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


def fixed_edges(start: int, end: int, width: int) -> Times:
    """Return the edges of the windows of one width, counted from 1970, that cover [start, end).

    All in microseconds (since 1970, UTC); width from a second to a day. Returns int64 (w + 1,), ascending,
    the first at or before `start`, the last at or after `end`. Raises ValueError.
    """
    _check_range(start, end)
    if not SECOND <= width <= DAY:
        raise ValueError(f"a width of {width} us is outside 1 s to 1 day; longer windows are civil ones")
    first, last = start // width, -(-end // width)
    if last - first > MOST_WINDOWS:
        raise ValueError(f"{last - first} windows are more than {MOST_WINDOWS}: take a wider one")
    return np.arange(first, last + 1, dtype=np.int64) * width


def civil_edges(start: int, end: int, unit: CivilUnit, zone: ZoneInfo) -> Times:
    """Return the edges of the civil windows that cover [start, end), as the clocks of `zone` show them.

    `start` and `end` in microseconds since 1970 (UTC), years 1900 to 2300. Returns int64 (w + 1,), ascending,
    the first at or before `start`, the last at or after `end`; a day has 23 or 25 hours where clocks are put
    forward or back, and one that a zone left out (Samoa, 2011-12-30) has no window. Raises ValueError.
    """
    _check_range(start, end)
    day = _begin((_EPOCH + start * _MICROSECOND).astimezone(zone).date(), unit)
    edges = [_midnight(day, zone)]
    while edges[-1] < end:
        day = _next(day, unit)
        edges.append(_midnight(day, zone))
    return np.unique(np.array(edges, np.int64))


def windows_of(time: Times, edges: Times) -> Windows:
    """Return the window that each time lies in: edges[i] <= time < edges[i + 1].

    Shapes: time (n,), edges (w + 1,), both int64. Returns int64 (n,): below 0 before the first edge, w or
    more from the last edge on.
    """
    width = edges[1] - edges[0]
    if (np.diff(edges) == width).all():
        window: Windows = (time - edges[0]) // width
        return window
    return np.searchsorted(edges, time, side="right").astype(np.int64) - 1


def check_edges(edges: Times) -> None:
    """Raise ValueError unless these are at least two ascending int64 edges."""
    if edges.ndim != 1 or len(edges) < 2 or edges.dtype != np.int64:
        raise ValueError(
            f"edges must be one int64 column of at least 2 times, not {edges.dtype} of shape {edges.shape}"
        )
    fall = np.flatnonzero(np.diff(edges) <= 0)
    if len(fall):
        raise ValueError(f"edges must ascend: edge {fall[0] + 1} isn't after the one before it")


def _check_range(start: int, end: int) -> None:
    if start >= end:
        raise ValueError(f"the range is empty: its end {end} isn't after its start {start}")
    if start < _EARLIEST or end > _LATEST:
        raise ValueError(f"[{start}, {end}) leaves the years 1900 to 2300: are these microseconds?")


def _begin(day: date, unit: CivilUnit) -> date:
    match unit:
        case CivilUnit.DAY:
            return day
        case CivilUnit.WEEK:
            return day - timedelta(days=day.weekday())
        case CivilUnit.MONTH:
            return day.replace(day=1)
        case CivilUnit.YEAR:
            return day.replace(month=1, day=1)


def _next(day: date, unit: CivilUnit) -> date:
    match unit:
        case CivilUnit.DAY:
            return day + timedelta(days=1)
        case CivilUnit.WEEK:
            return day + timedelta(days=7)
        case CivilUnit.MONTH:
            return (day + timedelta(days=31)).replace(day=1)
        case CivilUnit.YEAR:
            return day.replace(year=day.year + 1)


def _midnight(day: date, zone: ZoneInfo) -> int:
    # Where clocks skip midnight, fold=0 reads it by the offset before: the very instant of the change.
    return (datetime(day.year, day.month, day.day, tzinfo=zone) - _EPOCH) // _MICROSECOND

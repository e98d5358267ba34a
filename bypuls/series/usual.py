"""What is usual of a stream at an hour of the week: percentiles of the same hours of the weeks before."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bypuls.instants import ZONE
from bypuls.numeric.kinds import Kind
from bypuls.readings import SECOND
from bypuls.series.refusals import Refused
from bypuls.series.request import SeriesRequest
from bypuls.series.step import HOUR, read_step
from bypuls.series.table import build
from bypuls.store.database import Database
from bypuls.store.facts import StreamFacts
from bypuls.usual_hours import Basis, UsualHour

Times = NDArray[np.int64]
Values = NDArray[np.float64]

WEEKS = 8
WEEK = 7 * 24 * HOUR
LEAST = 4
"""Hours of which percentiles are told; of three, the outer ones would be the least and the most."""

LEAST_COVERAGE = 0.75
"""Of an hour that counts: half of its vehicles are not what usually drives by."""

_PAST = WEEKS * WEEK + HOUR
"""An hour more, for eight weeks ago clocks may have shown summer time."""

_AT_ONCE = 100
"""Streams that are read together: 135,000 rollups, 10 MB."""


def usual(
    database: Database, streams: Sequence[StreamFacts], hours: Sequence[int], now: int
) -> dict[str, list[UsualHour]]:
    """Return what is usual of each stream, by name, in the hours that begin at `hours`.

    The hours, microseconds since 1970 in rising order, lie within a day or two. Their values are means as the
    averaging kind has them: of totals the sum, of meters the increase, of states the share of time.
    Raises Refused for a direction, which has no percentiles; QueryTooSlow, StoreUnavailable.
    """
    for facts in streams:
        if facts.kind is Kind.CIRCULAR:
            raise Refused("stream", facts.name, "it is a direction: there is no usual range of directions")
    found: dict[str, list[UsualHour]] = {}
    for begin in range(0, len(streams), _AT_ONCE):
        some = streams[begin : begin + _AT_ONCE]
        start, end = hours[0] - _PAST, hours[-1]
        request = SeriesRequest(some, ("mean", "coverage", "n"), read_step("1h"), ZONE, start, end, now)
        table = build(database, request)
        for series in table.series:
            out = (series.values["coverage"] < LEAST_COVERAGE) | table.partial  # not where it is unknown
            if series.facts.kind is Kind.COUNTER:
                # After a gap a meter shows in an hour what flowed in all of it.
                out |= np.concatenate(([True], series.values["n"][:-1] == 0))
            values = np.where(out, np.nan, series.values["mean"])
            found[series.facts.name] = [ranges(table.time, values, hour) for hour in hours]
    return found


def ranges(time: Times, value: Values, hour: int) -> UsualHour:
    """Return what is usual in the hour that begins at `hour`, by the hours of the eight weeks before it.

    Shapes: both (w,): where hours begin, microseconds since 1970, and their values, NaN where there is none.
    """
    weekday, of_day = _civil(hour)
    # What is asked of calendars, which is slow: at most an hour aside, as clocks are moved by one.
    aside = (hour - time + HOUR) % (24 * HOUR) <= 2 * HOUR
    before = aside & (time < hour) & (time >= hour - _PAST) & ~np.isnan(value)
    past = value[before]
    civil = np.array([_civil(each) for each in time[before].tolist()]).reshape(-1, 2)
    same_hour = civil[:, 1] == of_day
    same_weekday = same_hour & (civil[:, 0] == weekday)
    for basis, mask in ((Basis.WEEKDAY, same_weekday), (Basis.DAY, same_hour)):
        n = int(np.count_nonzero(mask))
        if n >= LEAST:
            p10, p50, p90 = np.percentile(past[mask], (10, 50, 90)).tolist()
            return UsualHour(hour, p10, p50, p90, n, basis)
    nan = float("nan")
    return UsualHour(hour, nan, nan, nan, int(np.count_nonzero(same_hour)), None)


@lru_cache(20_000)
def _civil(time: int) -> tuple[int, int]:
    """Return weekday and hour on the wall in Oslo."""
    local = datetime.fromtimestamp(time // SECOND, UTC).astimezone(ZONE)
    return local.weekday(), local.hour

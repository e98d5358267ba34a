"""Raw points of one stream, thinned for a plot: a series without windows."""

from zoneinfo import ZoneInfo

import numpy as np

from bypuls.downsampling import thin
from bypuls.quality import CERTAINLY_WRONG
from bypuls.series.refusals import TooMuch
from bypuls.series.request import MOST_READINGS, advice
from bypuls.series.source import Source
from bypuls.series.step import HOUR, choose
from bypuls.series.table import Series, Table
from bypuls.store.database import Database
from bypuls.store.facts import StreamFacts
from bypuls.store.ranges import estimate_readings
from bypuls.store.readings import PAGE, stream_points

MOST_POINTS_READ = 5_000_000
"""Readings that points are chosen from: 90 MB."""


def points(
    database: Database, facts: StreamFacts, start: int, end: int, *, max_points: int, include_flagged: bool
) -> Table:
    """Choose at most `max_points` of a stream's readings that draw the same line as all of them.

    Those that are certainly wrong are left out unless `include_flagged`. Raises TooMuch, QueryTooSlow,
    StoreUnavailable.
    """
    with database.connection() as connection:
        about = estimate_readings(connection, [facts.stream_id], start, end)
    _check(about.all, start, end, max_points)
    time, value, size = [np.empty(0, np.int64)], [np.empty(0)], 0
    for page in stream_points(database, facts.stream_id, start, end, PAGE):
        keep = np.isfinite(page.value)  # an operator may void a reading by NaN
        if not include_flagged:
            keep &= (page.flags & CERTAINLY_WRONG) == 0
        time.append(page.time[keep])
        value.append(page.value[keep])
        size += len(page)
        _check(size, start, end, max_points)
    times, values = np.concatenate(time), np.concatenate(value)
    chosen, drawn = thin(times, values, max_points)
    return Table(
        every="raw",
        zone=None,
        time=chosen,
        start=start,
        end=end,
        partial=np.zeros(len(chosen), np.bool_),
        series=[Series(facts, Source.READINGS, {"value": drawn}, excluded=size - len(times))],
        thinned_from=len(times),
    )


def _check(readings: int, start: int, end: int, max_points: int) -> None:
    if readings > MOST_POINTS_READ:
        # Windows shorter than an hour would have to be made from the readings too.
        step = choose(start, end, ZoneInfo("UTC"), max_points, HOUR if readings > MOST_READINGS else 0)
        raise TooMuch(
            f"The range has about {readings:,} raw readings; points are chosen from at most "
            f"{MOST_POINTS_READ:,}. {advice(step)}"
        )

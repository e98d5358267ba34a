"""What is usual at an hour of the week, by the hours of the weeks before."""

from datetime import datetime, timedelta
from math import isnan, nan
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypuls.readings import SECOND
from bypuls.series.usual import LEAST, WEEKS, ranges
from bypuls.usual_hours import Basis

OSLO = ZoneInfo("Europe/Oslo")
HOUR = 3_600 * SECOND
NOW = round(datetime(2026, 9, 14, 15, tzinfo=OSLO).timestamp()) * SECOND


def of_hours(*hours: tuple[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return times and values of hours that lie so many hours before NOW."""
    found = sorted((NOW - back * HOUR, value) for back, value in hours)
    return np.array([time for time, _ in found], np.int64), np.array([value for _, value in found])


def test_the_same_hours_of_the_same_weekday_are_compared_where_there_are_enough() -> None:
    same = [(168 * week, 10.0 * week) for week in range(1, 9)]
    others = [(24 * day, 999.0) for day in range(1, 7)]
    found = ranges(*of_hours(*same, *others), NOW)
    assert (found.basis, found.n) == (Basis.WEEKDAY, 8)
    assert (found.p10, found.p50, found.p90) == pytest.approx((17.0, 45.0, 73.0))


def test_with_too_few_of_the_weekday_the_same_hour_of_any_day_counts() -> None:
    found = ranges(*of_hours(*((24 * day, float(day)) for day in range(1, 8)), (3, 999.0)), NOW)
    assert (found.basis, found.n, found.p50) == (Basis.DAY, 7, 4.0)


def test_with_too_little_history_nothing_is_told_but_how_little() -> None:
    found = ranges(*of_hours((24, 1.0), (48, nan), (72, 3.0), (96, 4.0)), NOW)
    assert (found.basis, found.n) == (None, 3)
    assert isnan(found.p50)


def test_the_hour_itself_what_follows_and_what_is_older_than_eight_weeks_do_not_count() -> None:
    old = [(168 * (WEEKS + week), 5.0) for week in range(1, 9)]
    found = ranges(*of_hours((0, 1.0), (-24, 1.0), (-168, 1.0), *old), NOW)
    assert (found.basis, found.n) == (None, 0)


def test_hours_are_those_of_clocks_in_oslo_across_the_change_to_winter_time() -> None:
    # The clocks went back on 25 October: fifteen o'clock lies an hour later in UTC since.
    local = [datetime(2026, 11, 9, 15, tzinfo=OSLO) - timedelta(weeks=week) for week in range(1, 9)]
    time = np.array(sorted(round(each.timestamp()) * SECOND for each in local), np.int64)
    assert len(set((time // HOUR % 24).tolist())) == 2
    found = ranges(time, np.arange(8.0), round(datetime(2026, 11, 9, 15, tzinfo=OSLO).timestamp()) * SECOND)
    assert (found.basis, found.n) == (Basis.WEEKDAY, 8)


@given(st.lists(st.integers(1, 24 * 7 * 9), unique=True, max_size=300), st.integers(0, 1 << 30))
def test_no_more_is_told_than_a_slow_count_finds(backs: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=len(backs))
    time, value = (
        of_hours(*zip(backs, values.tolist(), strict=True)) if backs else (np.empty(0, np.int64), values)
    )
    found = ranges(time, value, NOW)
    local = datetime.fromtimestamp(NOW / SECOND, OSLO)
    by_weekday, by_day = [], []
    for each, its in zip(time.tolist(), value.tolist(), strict=True):
        then = datetime.fromtimestamp(each / SECOND, OSLO)
        if each >= NOW - (WEEKS * 168 + 1) * HOUR and then.hour == local.hour:
            by_day.append(its)
            if then.weekday() == local.weekday():
                by_weekday.append(its)
    counted = by_weekday if len(by_weekday) >= LEAST else by_day
    assert found.n == len(counted)
    if len(counted) >= LEAST:
        assert min(counted) <= found.p10 <= found.p50 <= found.p90 <= max(counted)

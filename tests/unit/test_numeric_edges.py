"""Edges of windows, against pandas and by hand."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypuls.numeric.edges import DAY, SECOND, CivilUnit, civil_edges, fixed_edges, windows_of

HOUR = 3600 * SECOND
OSLO = ZoneInfo("Europe/Oslo")
ZONES = ["Europe/Oslo", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]
BEGINS = {CivilUnit.DAY: "D", CivilUnit.WEEK: "W-MON", CivilUnit.MONTH: "MS", CivilUnit.YEAR: "YS"}


def at(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * SECOND  # type: ignore[misc, arg-type]


def test_fixed_windows_are_counted_from_1970_and_cover_the_range() -> None:
    assert fixed_edges(61 * SECOND, 180 * SECOND, 60 * SECOND).tolist() == [
        second * SECOND for second in (60, 120, 180)
    ]
    assert fixed_edges(-1, 1, DAY).tolist() == [-DAY, 0, DAY]


def test_a_day_has_23_hours_when_clocks_go_forward_and_25_when_they_go_back() -> None:
    spring = civil_edges(at(2026, 3, 28, 12), at(2026, 3, 30, 12), CivilUnit.DAY, OSLO)
    assert (np.diff(spring) // HOUR).tolist() == [24, 23, 24]
    autumn = civil_edges(at(2026, 10, 24, 12), at(2026, 10, 26, 12), CivilUnit.DAY, OSLO)
    assert (np.diff(autumn) // HOUR).tolist() == [24, 25, 24]
    assert autumn[0] == at(2026, 10, 23, 22)


def test_a_week_begins_on_monday() -> None:
    assert civil_edges(at(2026, 11, 22), at(2026, 11, 23), CivilUnit.WEEK, OSLO).tolist() == [
        at(2026, 11, 15, 23),
        at(2026, 11, 22, 23),
        at(2026, 11, 29, 23),
    ]


def test_a_day_that_a_zone_left_out_has_no_window() -> None:
    apia = civil_edges(at(2011, 12, 29, 12), at(2011, 12, 31), CivilUnit.DAY, ZoneInfo("Pacific/Apia"))
    assert (np.diff(apia) // HOUR).tolist() == [24, 24]


def test_a_day_whose_midnight_was_skipped_begins_with_the_change_of_clocks() -> None:
    edges = civil_edges(at(2018, 11, 3, 12), at(2018, 11, 5), CivilUnit.DAY, ZoneInfo("America/Sao_Paulo"))
    assert (np.diff(edges) // HOUR).tolist() == [24, 23]


@given(
    st.integers(at(1990, 1, 1), at(2037, 1, 1)),
    st.integers(1, 800 * DAY),
    st.sampled_from(list(CivilUnit)),
    st.sampled_from(ZONES),
)
def test_civil_windows_are_those_of_pandas_and_cover_the_range(
    start: int, length: int, unit: CivilUnit, zone: str
) -> None:
    edges = civil_edges(start, start + length, unit, ZoneInfo(zone))
    assert edges[0] <= start < edges[1]
    assert edges[-2] < start + length <= edges[-1]
    local = [pd.Timestamp(edge, unit="us", tz="UTC").tz_convert(zone).tz_localize(None) for edge in edges]
    assert local == list(pd.date_range(local[0], local[-1], freq=BEGINS[unit]))


@given(st.lists(st.integers(-100, 100), max_size=30))
def test_a_time_lies_in_the_window_whose_edges_hold_it(times: list[int]) -> None:
    for edges in ([-60, -20, 20, 60], [-60, -59, 0, 60]):
        window = windows_of(np.array(times, np.int64), np.array(edges))
        for time, index in zip(times, window.tolist(), strict=True):
            if 0 <= index < 3:
                assert edges[index] <= time < edges[index + 1]
            else:
                assert time < -60 if index < 0 else time >= 60


def test_ranges_and_widths_that_are_mistakes_are_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        civil_edges(5, 5, CivilUnit.DAY, OSLO)
    with pytest.raises(ValueError, match="1 s to 1 day"):
        fixed_edges(0, DAY, 60)
    with pytest.raises(ValueError, match="microseconds"):
        fixed_edges(0, 1_700_000_000 * SECOND * 1000, DAY)
    with pytest.raises(ValueError, match="take a wider"):
        fixed_edges(0, 400 * DAY, SECOND)

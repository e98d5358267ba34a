"""Times of the API: RFC 3339 in, microseconds inside, one fixed form out."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import times

SPAN = st.integers(times.EARLIEST, times.LATEST)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(SPAN)
def test_a_written_time_reads_back_to_the_same_microsecond(microseconds: int) -> None:
    text = times.write(microseconds)
    assert len(text) == 27
    assert times.parse(text) == microseconds


@given(SPAN, OFFSETS)
def test_any_offset_names_the_same_instant(microseconds: int, offset: timezone) -> None:
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert times.parse(local.astimezone(offset).isoformat()) == microseconds


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("2026-11-23T18:00:00Z", 1795456800.0),
        ("2026-11-23t18:00:00.5z", 1795456800.5),
        ("2026-11-23T19:00:00+01:00", 1795456800.0),
        ("2026-11-23T18:00:00.120000000Z", 1795456800.12),
        ("1970-01-01T00:00:00Z", 0.0),
    ],
)
def test_the_forms_of_rfc_3339_are_read(text: str, second: float) -> None:
    assert times.parse(text) == round(second * 1e6)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("2026-11-23T18:00:00", "no zone"),
        ("2026-11-23", "written like"),
        ("1795456800", "written like"),
        ("now", "written like"),
        ("", "written like"),
        ("2026-11-23 18:00:00Z", "written like"),
        ("2026-11-23T18:00Z", "written like"),
        ("2026-11-23T18:00:00 01:00", "%2B"),
        ("2026-11-23T18:00:00.1234567Z", "microsecond"),
        ("2026-02-29T00:00:00Z", "no such time"),
        ("2026-11-23T25:00:00Z", "no such time"),
        ("2026-11-23T18:00:60Z", "no such time"),
        ("2026-11-23T18:00:00+25:00", "no such time"),
        ("٢٠٢٦-11-23T18:00:00Z", "written like"),
        ("1969-12-31T23:59:59Z", "1970"),
        ("2100-01-01T00:00:00.000001Z", "2100"),
        ("0001-01-01T00:00:00+23:59", "1970"),
        ("9999-12-31T23:59:59-23:59", "2100"),
    ],
)
def test_a_wrong_time_is_told_what_is_wrong_with_it(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        times.parse(text)

"""Steps: what can be asked for, and which one is chosen."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bypuls.instants import to_microseconds
from bypuls.readings import SECOND
from bypuls.series.step import STANDARD, Step, choose, read_step

OSLO = ZoneInfo("Europe/Oslo")
START = to_microseconds(datetime(2026, 1, 1, tzinfo=UTC))
YEAR = 365 * 86_400 * SECOND

ranges = st.tuples(
    st.datetimes(datetime(1970, 1, 2), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(microseconds=1), timedelta(days=400)),
).map(lambda pair: (to_microseconds(pair[0]), to_microseconds(pair[0] + pair[1])))


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("1s", 1, "1s"),
        ("90s", 90, "90s"),
        ("120s", 120, "2m"),
        ("15m", 900, "15m"),
        ("60m", 3600, "1h"),
        ("24h", 86_400, "24h"),
    ],
)
def test_a_step_is_a_part_of_a_day(text: str, seconds: int, written: str) -> None:
    step = read_step(text)
    assert (step.width, step.unit) == (seconds * SECOND, None)
    assert str(step) == written


@pytest.mark.parametrize("step", STANDARD, ids=str)
def test_a_standard_step_is_read_as_it_is_written(step: Step) -> None:
    assert read_step(str(step)) == step


def test_a_step_that_divides_no_day_is_refused_with_the_nearest_that_does_and_reads_well() -> None:
    divisors = [width for width in range(1, 86_401) if 86_400 % width == 0]
    for seconds in set(range(1, 5_000)) - set(divisors):
        with pytest.raises(ValueError, match="must divide a day evenly") as refusal:
            read_step(f"{seconds}s")
        nearest = read_step(str(refusal.value).rpartition(" is ")[2]).width // SECOND
        plain = [
            each for each in divisors if each < 60 or (each < 3_600 and each % 60 == 0) or each % 3_600 == 0
        ]
        assert abs(nearest - seconds) == min(abs(each - seconds) for each in plain)


@pytest.mark.parametrize(
    "text", ["", "h", "1", "1d", "01h", "-1h", "1.5h", "1H", "1 h", "Day", "\u0661h", "1234567s", "raw"]
)
def test_other_texts_are_no_steps(text: str) -> None:
    with pytest.raises(ValueError, match="10s, 15m or 1h"):
        read_step(text)


@given(ranges, st.sampled_from(STANDARD[6:]))
def test_the_count_is_that_of_the_edges_and_they_cover_the_range(span: tuple[int, int], step: Step) -> None:
    edges = step.edges(*span, OSLO)
    assert step.count(*span, OSLO) == len(edges) - 1
    assert edges[0] <= span[0] < edges[1]
    assert edges[-2] < span[1] <= edges[-1]
    assert (np.diff(edges) > 0).all()


@given(ranges, st.integers(3, 2000), st.sampled_from([0, 10, 60, 600]))
def test_the_chosen_step_is_the_smallest_that_fits(span: tuple[int, int], most: int, interval: int) -> None:
    step = choose(*span, OSLO, most, interval * SECOND)
    assume(step is not None)
    assert step is not None
    assert step.width >= interval * SECOND
    assert step.count(*span, OSLO) <= most
    finer = [each for each in STANDARD if interval * SECOND <= each.width < step.width]
    assert all(each.count(*span, OSLO) > most for each in finer)


def test_no_step_is_chosen_where_none_fits() -> None:
    assert choose(START, START + 9 * YEAR, OSLO, 3, 0) is None

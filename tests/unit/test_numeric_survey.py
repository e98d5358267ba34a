"""The survey of readings, beside what is obvious for all of them at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypuls.numeric.survey import survey

READINGS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9)), min_size=1, max_size=12)


@given(readings=READINGS, in_order=st.booleans(), size=st.integers(1, 13))
def test_a_survey_piece_by_piece_is_that_of_all_readings(
    readings: list[tuple[int, int]], in_order: bool, size: int
) -> None:
    if in_order:
        readings = sorted(readings)
    streams, times = zip(*readings, strict=True)
    found = survey(np.array(streams, np.int32), np.array(times), np.ones(len(times)), size, map)
    assert (found.streams, found.times) == ((min(streams), max(streams)), (min(times), max(times)))
    assert found.ordered == (readings == sorted(readings))
    rising = [[time for one, time in readings if one == stream] for stream in set(streams)]
    if found.timely:
        assert all(each == sorted(each) for each in rising)
    assert found.timely or list(times) != sorted(times)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_isnt_finite_is_found_in_any_piece(bad: float) -> None:
    value = np.ones(10)
    value[7] = bad
    with pytest.raises(ValueError, match=f"position 7 is {bad}"):
        survey(np.ones(10, np.int32), np.arange(10), value, 4, map)


def test_values_whose_sum_is_too_large_are_finite_all_the_same() -> None:
    found = survey(np.ones(4, np.int32), np.arange(4), np.full(4, 1e308), 4, map)
    assert found.ordered

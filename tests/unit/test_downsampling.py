"""Points for plots."""

import numpy as np
import pytest

from bypuls.downsampling import thin

TIME = 1_700_000_000_000_000 + np.arange(100_000, dtype=np.int64) * 10_000_000
VALUE = np.sin(np.arange(100_000) / 5_000) + 0.1 * np.random.default_rng(3).normal(size=100_000)


@pytest.mark.parametrize("max_points", [3, 4, 50, 1_000])
def test_the_first_and_the_last_point_stay_and_the_rest_is_a_part_in_order(max_points: int) -> None:
    time, value = thin(TIME, VALUE, max_points)
    assert len(time) == len(value) <= max_points
    assert (time[0], time[-1]) == (TIME[0], TIME[-1])
    assert (np.diff(time) > 0).all()
    np.testing.assert_array_equal(value, VALUE[np.searchsorted(TIME, time)])


def test_a_single_peak_is_seen() -> None:
    value = VALUE.copy()
    value[77_777], value[22_222] = 9.0, -9.0
    shown = thin(TIME, value, 100)[1]
    assert (shown.max(), shown.min()) == (9.0, -9.0)


def test_few_points_pass_unchanged() -> None:
    for n in (0, 1, 2, 50):
        time, value = thin(TIME[:n], VALUE[:n], 50)
        np.testing.assert_array_equal(time, TIME[:n])
        np.testing.assert_array_equal(value, VALUE[:n])


def test_strided_and_read_only_columns_give_what_copies_give() -> None:
    strided = thin(TIME[::3], VALUE[::3], 200)
    time, value = TIME[::3].copy(), VALUE[::3].copy()
    time.flags.writeable = value.flags.writeable = False
    for one, other in zip(strided, thin(time, value, 200), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_gap_of_a_year_keeps_both_sides() -> None:
    time = TIME.copy()
    time[50_000:] += 365 * 86_400_000_000
    shown, _ = thin(time, VALUE, 500)
    assert len(shown) <= 500
    assert (shown < time[50_000]).sum() > 10
    assert (shown >= time[50_000]).sum() > 10


def test_what_no_line_can_be_drawn_through_is_refused() -> None:
    with pytest.raises(ValueError, match="max_points is 2"):
        thin(TIME, VALUE, 2)
    with pytest.raises(ValueError, match="one length"):
        thin(TIME[1:], VALUE, 10)
    with pytest.raises(ValueError, match="position 1 is NaN"):
        thin(TIME[:3], np.array([1.0, np.nan, 2.0]), 10)

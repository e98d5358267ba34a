"""Gap filling: by hand, against the slow twin, and what may never happen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.filling import fill_row

from bypuls.numeric.filling import Filling, fill

NAN = float("nan")


def test_a_short_gap_is_filled_and_a_longer_one_stays_whole() -> None:
    values = np.array([[1.0, NAN, NAN, 4.0, NAN, NAN, NAN, 8.0]])
    filled, mask = fill(values, Filling.LINEAR, most=2)
    np.testing.assert_allclose(filled, [[1, 2, 3, 4, NAN, NAN, NAN, 8]], rtol=1e-15)
    assert mask.tolist() == [[False, True, True, False, False, False, False, False]]
    filled, mask = fill(values, Filling.PREVIOUS, most=3)
    np.testing.assert_array_equal(filled, [[1, 1, 1, 4, 4, 4, 4, 8]])
    assert mask.sum() == 5


def test_the_ends_of_a_row_are_filled_only_where_something_says_with_what() -> None:
    values = np.array([[NAN, 2.0, NAN]])
    np.testing.assert_array_equal(fill(values, Filling.LINEAR, most=9)[0], values)
    np.testing.assert_array_equal(fill(values, Filling.PREVIOUS, most=9)[0], [[NAN, 2, 2]])


def test_a_direction_goes_the_short_way_round_through_north() -> None:
    values = np.array([[350.0, NAN, NAN, NAN, 10.0], [10.0, NAN, NAN, NAN, 350.0]])
    filled, _ = fill(values, Filling.LINEAR, most=3, circular=True)
    np.testing.assert_allclose(filled, [[350, 355, 0, 5, 10], [10, 5, 0, 355, 350]], atol=1e-12)


def test_a_direction_a_hair_below_north_is_0_and_not_360() -> None:
    row = [0.0, *[NAN] * 7, 360 - 2e-13]
    filled, _ = fill(np.array([row]), Filling.LINEAR, most=7, circular=True)
    assert filled[0, 1] == 0.0
    assert (filled < 360).all()


def test_nothing_is_filled_from_another_row_and_the_given_values_stay() -> None:
    values = np.array([[1.0, NAN], [NAN, 2.0]])
    kept = values.copy()
    filled, mask = fill(values, Filling.LINEAR, most=5)
    np.testing.assert_array_equal(filled, kept)
    np.testing.assert_array_equal(values, kept)
    assert filled is not values
    assert not mask.any()


@pytest.mark.parametrize("filling", Filling)
@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (1, 1), (2, 3), (40, 97)])
@pytest.mark.parametrize("circular", [False, True])
def test_filling_agrees_with_its_slow_twin(filling: Filling, shape: tuple[int, int], circular: bool) -> None:
    chance = np.random.default_rng(5)
    values = np.where(chance.random(shape) < 0.6, NAN, np.round(chance.random(shape) * 359, 1))
    for most in (0, 1, 3, 100):
        filled, mask = fill(values, filling, most=most, circular=circular)
        expected = [fill_row(row, filling.value, most, circular) for row in values.tolist()]
        np.testing.assert_allclose(filled, np.array(expected).reshape(shape), rtol=0, atol=1e-9)
        np.testing.assert_array_equal(mask, np.isnan(values) & ~np.isnan(filled))


@given(st.floats(0, 360), st.floats(0, 360), st.integers(1, 6))
def test_a_filled_direction_lies_between_its_neighbours_and_below_360(
    start: float, end: float, n: int
) -> None:
    filled, mask = fill(np.array([[start, *[NAN] * n, end]]), Filling.LINEAR, most=n, circular=True)
    inside = filled[mask]
    assert len(inside) == n
    assert ((inside >= 0) & (inside < 360)).all()
    apart = [abs((angle - start + 180) % 360 - 180) for angle in inside.tolist()]
    assert max(apart) <= abs((end - start + 180) % 360 - 180) + 1e-9


@pytest.mark.parametrize(("values", "most", "message"), [(np.ones(3), 1, "2"), (np.ones((1, 3)), -1, "-1")])
def test_a_wrong_shape_or_gap_is_refused(values: np.ndarray, most: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fill(values, Filling.LINEAR, most=most)

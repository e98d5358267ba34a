"""Air quality classes, the index and the legal limits, at their bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bypuls import air_quality
from bypuls.air_quality import BOUNDS, CLASSES
from bypuls.legal_limits import LEGAL_LIMITS, Period, exceedances
from bypuls.quantities import QUANTITIES

NAN = float("nan")


@pytest.mark.parametrize("key", BOUNDS)
def test_a_bound_belongs_to_the_class_above_and_the_number_before_it_to_the_one_below(key: str) -> None:
    bounds = np.array(BOUNDS[key])
    assert air_quality.classify(key, bounds).tolist() == [2, 3, 4]
    assert air_quality.classify(key, np.nextafter(bounds, 0)).tolist() == [1, 2, 3]
    assert air_quality.index(key, bounds).tolist() == [2.0, 3.0, 4.0]
    assert np.floor(air_quality.index(key, np.nextafter(bounds, 0))).tolist() == [1, 2, 3]


def test_classes_and_index_by_hand() -> None:
    value = np.array([[15.0, 40.0, 100.0], [-3.0, 1e9, NAN]])
    assert air_quality.classify("pm2_5", value).tolist() == [[1, 2, 3], [1, 4, 0]]
    np.testing.assert_array_equal(air_quality.index("pm2_5", value), [[1.5, 2.5, 3.5], [1.0, 4.999, NAN]])


@given(st.sampled_from(sorted(BOUNDS)), st.floats(-10, 5_000), st.floats(-10, 5_000))
def test_the_index_rises_with_the_value_and_its_whole_part_is_the_class(
    key: str, one: float, other: float
) -> None:
    value = np.sort(np.array([one, other]))
    index = air_quality.index(key, value)
    assert index[0] <= index[1]
    assert np.floor(index).tolist() == air_quality.classify(key, value).tolist()


def test_the_worst_component_decides_and_a_missing_one_doesnt() -> None:
    of_components = np.array([[1.2, NAN, NAN], [3.4, 2.0, NAN], [2.2, 1.0, NAN]])
    np.testing.assert_array_equal(air_quality.overall(of_components), [3.4, 2.0, NAN])


def test_a_quantity_without_classes_is_refused_and_so2_is_one() -> None:
    with pytest.raises(ValueError, match=r"'so2' has no air quality classes; .* pm2_5, pm10, no2, o3"):
        air_quality.index("so2", np.ones(1))


def test_there_are_four_classes_with_labels_in_both_languages() -> None:
    assert [one.number for one in CLASSES] == [1, 2, 3, 4]
    assert [one.nb for one in CLASSES] == ["Lite", "Moderat", "Høyt", "Svært høyt"]
    assert all(one.en and one.colour for one in CLASSES)


def test_bounds_and_limits_are_in_the_units_of_the_catalogue() -> None:
    assert all(QUANTITIES[key].unit == "ug/m3" for key in BOUNDS)
    assert all(QUANTITIES[limit.quantity].unit == limit.unit for limit in LEGAL_LIMITS)


def test_the_limits_are_those_of_the_regulation() -> None:
    rows = {(limit.quantity, limit.period): (limit.value, limit.allowed) for limit in LEGAL_LIMITS}
    assert rows == {
        ("no2", Period.HOUR): (200, 18),
        ("no2", Period.YEAR): (40, 0),
        ("pm10", Period.DAY): (50, 25),
        ("pm10", Period.YEAR): (20, 0),
    }


def test_only_what_is_above_the_limit_with_enough_coverage_exceeds_it() -> None:
    day = next(limit for limit in LEGAL_LIMITS if limit.period is Period.DAY)
    value = np.array([50.0, 50.1, 90.0, 90.0, -1.0, NAN, 90.0])
    coverage = np.array([1.0, 0.85, 0.8499, 0.86, 1.0, 1.0, NAN])
    assessed, exceeded = exceedances(value, coverage, day)
    assert assessed.tolist() == [True, True, False, True, True, False, False]
    assert exceeded.tolist() == [False, True, False, True, False, False, False]


def test_coverage_in_per_cent_or_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0 to 1, not 98\.0"):
        exceedances(np.ones(2), np.array([98.0, NAN]), LEGAL_LIMITS[0])
    with pytest.raises(ValueError, match="each period"):
        exceedances(np.ones(2), np.ones(3), LEGAL_LIMITS[0])

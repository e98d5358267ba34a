"""Air quality classes, the index and the legal limits, at their bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import air_quality as slow

from bypuls import air_quality
from bypuls.air_quality import BOUNDS, CLASSES
from bypuls.legal_limits import LEGAL_LIMITS, Period, exceedances
from bypuls.numeric.kinds import Kind
from bypuls.numeric.merging import merge
from bypuls.numeric.summary import summarise
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


@given(st.sampled_from(sorted(BOUNDS)), st.lists(st.floats(-10, 5_000) | st.just(NAN), max_size=20))
def test_the_index_is_that_of_a_slow_twin(key: str, values: list[float]) -> None:
    expected = [slow.index(key, value) for value in values]
    np.testing.assert_allclose(air_quality.index(key, np.array(values)), expected, rtol=1e-12)


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


def test_a_day_whose_hours_make_exactly_the_limit_is_no_exceedance_however_it_is_summed_up() -> None:
    # fmt: off
    hours = [64.0, 41.9, 42.5, 54.0, 32.0, 30.6, 43.4, 32.5, 57.5, 37.9, 56.5, 41.2,
             64.5, 48.6, 46.2, 52.9, 45.9, 36.6, 55.7, 53.1, 46.6, 33.2, 42.3, 140.4]
    # fmt: on
    assert sum(round(10 * each) for each in hours) == 12_000
    hour = np.arange(25) * 3_600_000_000
    day = hour[[0, -1]]
    readings = (np.ones(24, np.int32), hour[:-1], np.array(hours))
    merged = merge(summarise(*readings, edges=hour, kind=Kind.LINEAR), hour, day)
    assert merged.mean[0] > 50  # by rounding
    [limit] = [each for each in LEGAL_LIMITS if (each.quantity, each.period) == ("pm10", Period.DAY)]
    assessed, exceeded = exceedances(merged.mean, np.ones(1), limit)
    assert (assessed[0], exceeded[0]) == (True, False)
    assert exceedances(np.array([50.0001]), np.ones(1), limit)[1][0]


def test_coverage_in_per_cent_or_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0 to 1, not 98\.0"):
        exceedances(np.ones(2), np.array([98.0, NAN]), LEGAL_LIMITS[0])
    with pytest.raises(ValueError, match="each period"):
        exceedances(np.ones(2), np.ones(3), LEGAL_LIMITS[0])

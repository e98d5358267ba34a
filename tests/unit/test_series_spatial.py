"""Spatial means against what comes out by hand, and against a slow twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from reference import air_quality as slow

from bypuls.numeric.kinds import Kind
from bypuls.series.spatial import Spatial, spatial_mean
from bypuls.store.facts import StreamFacts

NAN = np.nan


def mean(kind: Kind, rows: list[list[float]]) -> Spatial:
    return spatial_mean(StreamFacts(1, "a/b", "q", "", "u", kind, 60.0), np.array(rows))


@pytest.mark.parametrize(
    ("kind", "rows", "expected"),
    [
        (Kind.LINEAR, [[1, 2], [3, NAN], [8, NAN]], [4, 2]),
        (Kind.TOTAL, [[1], [3]], [2]),
        (Kind.STATE, [[0], [1], [1], [1]], [0.75]),
        (Kind.CIRCULAR, [[350], [10]], [0]),
        (Kind.CIRCULAR, [[350, 90], [350, NAN], [80, NAN]], [350 + np.rad2deg(np.arctan2(1, 2)) - 360, 90]),
        (Kind.ENERGETIC, [[60], [70]], [10 * np.log10((1e6 + 1e7) / 2)]),
    ],
)
def test_streams_are_averaged_as_their_kind_is(
    kind: Kind, rows: list[list[float]], expected: list[float]
) -> None:
    found = mean(kind, rows)
    difference = found.mean - expected
    if kind is Kind.CIRCULAR:
        difference = (difference + 180) % 360 - 180
    assert np.abs(difference).max() < 1e-9
    assert found.streams.tolist() == np.isfinite(np.array(rows)).sum(axis=0).tolist()


@given(
    st.sampled_from(Kind),
    arrays(
        np.float64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.floats(0, 359) | st.just(NAN)
    ),
)
def test_means_over_streams_are_those_of_a_slow_twin(kind: Kind, rows: NDArray[np.float64]) -> None:
    found = mean(kind, rows.tolist()).mean
    expected = np.array([slow.mean(kind, column) for column in rows.T.tolist()])
    difference = found - expected
    if kind is Kind.CIRCULAR:
        difference = (difference + 180) % 360 - 180
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.nan_to_num(np.abs(difference)).max() < 1e-6


@pytest.mark.parametrize("kind", Kind)
def test_a_window_without_values_has_no_mean(kind: Kind) -> None:
    found = mean(kind, [[NAN], [NAN]])
    assert np.isnan(found.mean).all()
    assert found.streams.tolist() == [0]


@pytest.mark.parametrize(("kind", "value"), [(Kind.LINEAR, 1e308), (Kind.ENERGETIC, 3100.0)])
def test_a_mean_that_leaves_the_range_of_a_float_is_missing(kind: Kind, value: float) -> None:
    found = mean(kind, [[value], [value]])
    assert np.isnan(found.mean[0])
    assert found.streams[0] == 2


def test_opposite_winds_have_no_mean_direction() -> None:
    assert np.isnan(mean(Kind.CIRCULAR, [[0], [180]]).mean).all()

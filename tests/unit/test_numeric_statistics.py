"""Statistics, percentiles and dense matrices: by hand, and against numpy, scipy, DuckDB and a slow twin."""

from math import isnan, nan, sqrt

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from reference import summaries as slow
from scipy import stats

from bypuls.numeric.completion import complete
from bypuls.numeric.dense import dense
from bypuls.numeric.kinds import Kind
from bypuls.numeric.merging import merge
from bypuls.numeric.parts import FEWEST
from bypuls.numeric.statistics import STATISTICS, statistics
from bypuls.numeric.summary import Summary, summarise

SECOND = 1_000_000
EDGES = np.array([0, 60 * SECOND])


def window_of(kind: Kind, value: list[float], every: int = 10) -> Summary:
    """One stream, one window of a minute, a reading every 10 s."""
    time = np.arange(len(value)) * every * SECOND
    return summarise(np.ones(len(value), np.int32), time, np.array(value), edges=EDGES, kind=kind)


def statistic(kind: Kind, name: str, value: list[float]) -> float:
    return float(statistics(window_of(kind, value), [name], edges=EDGES)[name][0])


def test_the_mean_of_north_by_west_and_north_by_east_is_north() -> None:
    mean = statistic(Kind.CIRCULAR, "mean", [350, 10])
    assert min(mean, 360 - mean) == pytest.approx(0, abs=1e-12)
    assert 0 <= mean < 360


def test_opposite_winds_have_no_mean_direction_and_no_steadiness() -> None:
    assert isnan(statistic(Kind.CIRCULAR, "mean", [90, 270]))
    assert isnan(statistic(Kind.CIRCULAR, "std", [90, 270]))
    assert statistic(Kind.CIRCULAR, "steadiness", [90, 270]) == pytest.approx(0, abs=1e-15)
    assert statistic(Kind.CIRCULAR, "steadiness", [0, 90]) == pytest.approx(sqrt(0.5))


@given(st.lists(st.floats(0, 360), min_size=1, max_size=6))
def test_directions_have_the_mean_and_spread_that_scipy_gives(value: list[float]) -> None:
    if statistic(Kind.CIRCULAR, "steadiness", value) < 1e-6:
        return
    away = statistic(Kind.CIRCULAR, "mean", value) - stats.circmean(value, high=360)
    assert (away + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)
    spread = stats.circstd(value, high=360)
    assert statistic(Kind.CIRCULAR, "std", value) == pytest.approx(spread, abs=1e-5)


def test_two_sound_levels_are_averaged_by_energy() -> None:
    assert statistic(Kind.ENERGETIC, "mean", [60, 70]) == pytest.approx(67.4036, abs=5e-5)
    assert statistic(Kind.ENERGETIC, "time_weighted", [60, 70, 0]) == pytest.approx(67.4036, abs=5e-5)


def test_rain_is_summed() -> None:
    assert statistic(Kind.TOTAL, "mean", [0.2, 0, 1.4]) == pytest.approx(1.6)
    assert statistic(Kind.TOTAL, "sum", [0.2, 0, 1.4]) == pytest.approx(1.6)


def test_a_meter_tells_its_increase_and_its_resets_and_a_lone_reading_tells_none() -> None:
    assert statistic(Kind.COUNTER, "mean", [10, 14, 3, 4]) == 4 + 3 + 1
    assert statistic(Kind.COUNTER, "resets", [10, 14, 3, 4]) == 1
    assert isnan(statistic(Kind.COUNTER, "increase", [10]))


def test_a_lamp_lit_for_20_of_its_50_known_seconds_has_a_share_of_two_fifths() -> None:
    summary = complete(window_of(Kind.STATE, [1, 0, 1, 0]), EDGES, until=50 * SECOND)
    found = statistics(summary, ["mean", "share", "changes", "coverage"], edges=EDGES)
    assert found["share"][0] == found["mean"][0] == pytest.approx(0.4)
    assert found["changes"][0] == 3
    assert found["coverage"][0] == pytest.approx(50 / 60)


def test_a_value_weighs_by_the_time_that_it_held() -> None:
    value = np.array([10.0, 40.0, 70.0])
    time = np.array([0, 40, 50]) * SECOND
    alone = summarise(np.ones(3, np.int32), time, value, edges=EDGES, kind=Kind.LINEAR)
    found = statistics(complete(alone, EDGES), ["time_weighted", "mean", "std"], edges=EDGES)
    assert found["time_weighted"][0] == pytest.approx((10 * 40 + 40 * 10 + 70 * 10) / 60)
    assert found["mean"][0] == 40
    assert found["std"][0] == pytest.approx(np.std(value))


def test_coverage_is_at_most_1_and_unknown_without_an_interval() -> None:
    summary = window_of(Kind.LINEAR, [1, 2, 3])
    for interval, expected in ((10.0, 0.5), (20.0, 1.0), (60.0, 1.0), (nan, nan)):
        found = statistics(summary, ["coverage"], edges=EDGES, interval=np.array([interval]))
        np.testing.assert_equal(found["coverage"], [expected])
    assert isnan(statistics(summary, ["coverage"], edges=EDGES)["coverage"][0])
    with pytest.raises(ValueError, match="unknown it is NaN"):
        statistics(summary, ["coverage"], edges=EDGES, interval=np.array([0.0]))
    with pytest.raises(ValueError, match="as many intervals"):
        statistics(summary, ["coverage"], edges=EDGES, interval=np.array([1.0, 1.0]))


def test_the_number_expected_is_of_the_whole_window_and_unknown_without_an_interval() -> None:
    summary = window_of(Kind.LINEAR, [1, 2])
    for interval, expected in ((np.array([10.0]), 6), (np.array([nan]), nan), (None, nan)):
        found = statistics(summary, ["n_expected"], edges=EDGES, interval=interval)
        np.testing.assert_array_equal(found["n_expected"], [expected])


@pytest.mark.parametrize(
    ("kind", "value", "names"),
    [
        (Kind.LINEAR, [1e200, -1e200], ["std"]),
        (Kind.LINEAR, [1e308, 1e308], ["mean", "std", "time_weighted"]),
        (Kind.TOTAL, [1e308, 1e308], ["mean", "sum"]),
        (Kind.ENERGETIC, [3100.0, 3100.0], ["mean", "time_weighted"]),
        (Kind.ENERGETIC, [-4000.0, -4000.0], ["mean", "time_weighted"]),
        (Kind.COUNTER, [-1e308, 1e308], ["mean", "increase"]),
    ],
)
def test_what_leaves_the_range_of_a_float_is_missing_and_warns_of_nothing(
    kind: Kind, value: list[float], names: list[str]
) -> None:
    halves = np.array([0, 30, 60]) * SECOND
    time = np.array([0, 10, 40, 50]) * SECOND
    hours = summarise(np.ones(4, np.int32), time, np.array(value * 2), edges=halves, kind=kind)
    for summary in (window_of(kind, value), merge(hours, halves, EDGES)):
        found = statistics(complete(summary, EDGES), STATISTICS[kind], edges=EDGES)
        assert not any(np.isinf(column).any() for column in found.values())
        assert all(np.isnan(found[name]).all() for name in names)


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_gives_every_statistic_it_has_and_refuses_others(kind: Kind) -> None:
    summary = complete(window_of(kind, [1, 0, 1]), EDGES)
    found = statistics(summary, STATISTICS[kind], edges=EDGES, interval=np.array([10.0]))
    assert list(found) == list(STATISTICS[kind])
    assert all(column.dtype == np.float64 and np.isfinite(column).all() for column in found.values())
    with pytest.raises(ValueError, match="no statistic 'median'"):
        statistics(summary, ["median"], edges=EDGES)


@pytest.mark.parametrize("kind", Kind)
def test_a_window_of_excluded_readings_has_only_missing_statistics(kind: Kind) -> None:
    excluded = np.ones(2, np.bool_)
    stream, time, value = np.ones(2, np.int32), np.array([0, 1]), np.array([1.0, 0.0])
    summary = summarise(stream, time, value, edges=EDGES, kind=kind, excluded=excluded)
    found = statistics(complete(summary, EDGES), STATISTICS[kind], edges=EDGES)
    assert found.pop("n_excluded")[0] == 2
    for name, column in found.items():
        assert column[0] == 0 if name in ("n", "changes") else not column[0] > 0


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(-1e6, 1e6), st.booleans()), max_size=60),
    st.lists(st.floats(0, 100), min_size=1, max_size=4),
)
def test_percentiles_are_those_of_the_sorted_values(
    drawn: list[tuple[int, float, bool]], q: list[float]
) -> None:
    rows = [(stream, second * SECOND, value, out) for second, (stream, value, out) in enumerate(drawn)]
    edges = [0, 5 * SECOND, 8 * SECOND, 60 * SECOND]
    stream, time, value, out = (np.array([row[i] for row in rows]) for i in range(4))
    found = summarise(
        stream.astype(np.int32),
        time.astype(np.int64),
        value.astype(np.float64),
        edges=np.array(edges),
        kind=Kind.LINEAR,
        q=q,
        excluded=out.astype(np.bool_),
    ).percentiles
    assert found is not None
    windows = slow.sort_in(rows, edges).values()
    assert found.shape == (len(windows), len(q))
    for row, window in zip(found, windows, strict=True):
        kept = [value for _, value in window.kept]
        expected = [slow.percentile(kept, one) for one in q] if kept else [nan] * len(q)
        np.testing.assert_allclose(row, expected, rtol=1e-12, atol=1e-6)


def test_duckdb_finds_the_same_statistics() -> None:
    chance = np.random.default_rng(5)
    stream = chance.integers(0, 7, 5_000).astype(np.int32)
    time = chance.integers(0, 600, 5_000) * SECOND
    value = chance.gamma(2, 20, 5_000)
    edges = np.arange(11) * 60 * SECOND
    summary = summarise(stream, time, value, edges=edges, kind=Kind.LINEAR, q=[50, 95])
    assert summary.percentiles is not None
    names = ["n", "mean", "min", "max", "std"]
    found = np.column_stack([*statistics(summary, names, edges=edges).values(), summary.percentiles])
    table = pa.table({"stream": stream, "time": time, "value": value})
    with duckdb.connect() as database:
        database.register("reading", table)
        rows = database.execute(
            "SELECT count(*), avg(value), min(value), max(value), stddev_pop(value),"
            " quantile_cont(value, 0.5), quantile_cont(value, 0.95)"
            " FROM reading GROUP BY stream, time // 60000000 ORDER BY stream, time // 60000000"
        ).fetchall()
    np.testing.assert_allclose(found, np.array(rows), rtol=1e-12)


def test_percentiles_of_groups_of_every_size_are_bit_for_bit_those_of_numpy() -> None:
    sizes = np.arange(1, 70)
    stream = np.repeat(sizes, sizes).astype(np.int32)
    value = np.random.default_rng(3).normal(size=len(stream))
    edges = np.array([0, len(stream)])
    found = summarise(
        stream, np.arange(len(stream)), value, edges=edges, kind=Kind.ENERGETIC, q=[0, 12.5, 50, 99, 100]
    ).percentiles
    assert found is not None
    for row, size in zip(found, sizes, strict=True):
        expected = np.percentile(value[stream == size], [0, 12.5, 50, 99, 100])
        np.testing.assert_array_equal(row, expected)


def test_directions_and_ranks_beyond_100_have_no_percentiles() -> None:
    one = np.ones(1, np.int32), np.zeros(1, np.int64), np.ones(1)
    with pytest.raises(ValueError, match="no order"):
        summarise(*one, edges=EDGES, kind=Kind.CIRCULAR, q=[50])
    with pytest.raises(ValueError, match="not at 101"):
        summarise(*one, edges=EDGES, kind=Kind.LINEAR, q=[101])


def many(
    order: str,
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """More readings than one thread takes, over 997 streams."""
    chance = np.random.default_rng(11)
    count = FEWEST + 5000
    stream = chance.integers(0, 997, count).astype(np.int32)
    time = chance.permutation(count) * SECOND
    value, excluded = chance.uniform(0, 100, count), chance.random(count) < 0.01
    if order != "nothing":
        place = np.lexsort((time, stream) if order == "stream, time" else (time,))
        return stream[place], time[place], value[place], excluded[place]
    return stream, time, value, excluded


@pytest.mark.parametrize("kind", Kind)
def test_two_threads_and_any_order_give_what_one_thread_gives(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    edges = np.arange(0, (FEWEST + 6000) * SECOND, 30 * SECOND)
    found = []
    for order, fewest in (
        ("stream, time", 10**9),
        ("stream, time", FEWEST),
        ("time", FEWEST),
        ("nothing", FEWEST),
    ):
        monkeypatch.setattr("bypuls.numeric.parts.FEWEST", fewest)
        stream, time, value, excluded = many(order)
        q = [] if kind is Kind.CIRCULAR else [5, 95]
        summary = summarise(stream, time, value, edges=edges, kind=kind, excluded=excluded, q=q)
        columns = [summary.stream, summary.window, summary.n, summary.n_excluded]
        columns += list(summary.columns().values())
        if summary.percentiles is not None:
            columns += list(summary.percentiles.T)
        found.append(columns)
    for columns in found[1:]:
        for column, expected in zip(columns, found[0], strict=True):
            np.testing.assert_array_equal(column, expected)


def test_hours_make_up_a_day_of_wind_that_turned_through_north() -> None:
    hour = 3600 * SECOND
    edges = np.arange(25) * hour
    value = np.linspace(300, 420, 144) % 360
    time = np.arange(144) * 600 * SECOND
    hours = summarise(np.zeros(144, np.int32), time, value, edges=edges, kind=Kind.CIRCULAR)
    day = merge(hours, edges, np.array([0, 24 * hour]))
    mean = statistics(day, ["mean"], edges=np.array([0, 24 * hour]))["mean"][0]
    assert min(mean, 360 - mean) == pytest.approx(0, abs=1e-9)


def test_a_column_is_laid_out_by_the_streams_asked_for() -> None:
    summary = summarise(
        np.array([4, 4, 9], np.int32),
        np.array([0, 25, 5]),
        np.arange(3.0),
        edges=np.arange(0, 31, 10),
        kind=Kind.LINEAR,
    )
    matrix = dense(summary.mean, summary, np.array([9, 7, 4], np.int32), 3)
    np.testing.assert_equal(matrix, [[2, nan, nan], [nan] * 3, [0, nan, 1]])
    assert dense(summary.mean, summary, np.empty(0, np.int32), 3).shape == (0, 3)
    with pytest.raises(ValueError, match="twice"):
        dense(summary.mean, summary, np.array([4, 4], np.int32), 3)
    with pytest.raises(ValueError, match="window 2"):
        dense(summary.mean, summary, np.array([4], np.int32), 2)
    with pytest.raises(ValueError, match="no column"):
        dense(summary.mean[:1], summary, np.array([4], np.int32), 3)

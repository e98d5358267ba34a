"""Summaries, merging and completion against a slow twin, by hand, and against pandas and scipy."""

from itertools import product
from math import inf, isnan, nan
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from reference import summaries as slow

from bypuls.numeric.completion import NOTHING_EARLIER, Earlier, complete
from bypuls.numeric.kinds import Kind
from bypuls.numeric.merging import merge
from bypuls.numeric.networks import sort_columns
from bypuls.numeric.ordering import order_by_time, order_of
from bypuls.numeric.runs import SHORT
from bypuls.numeric.summary import EXTRA, MOMENTS, NO_TIME, Summary, summarise

SECOND = 1_000_000
Reading = tuple[int, int, float, bool]
"""Stream, time in microseconds, value, excluded."""


def columns(readings: list[Reading]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    return (
        np.array([row[0] for row in readings], np.int32),
        np.array([row[1] for row in readings], np.int64),
        np.array([row[2] for row in readings], np.float64),
        np.array([row[3] for row in readings], np.bool_),
    )


def summary_of(readings: list[Reading], rules: slow.Rules) -> Summary:
    stream, time, value, excluded = columns(readings)
    return summarise(
        stream,
        time,
        value,
        edges=np.array(rules.edges, np.int64),
        kind=Kind(rules.kind),
        hold=rules.hold,
        modulus=rules.modulus,
        excluded=excluded,
    )


def assert_rows(summary: Summary, expected: dict[slow.Key, slow.Row]) -> None:
    assert list(zip(summary.stream.tolist(), summary.window.tolist(), strict=True)) == list(expected)
    for name in ("n", "n_excluded", *MOMENTS, *EXTRA[summary.kind]):
        column = getattr(summary, name)
        missing = NO_TIME if name.endswith("_time") else nan
        wanted = np.array([row.get(name, missing) for row in expected.values()], column.dtype)
        scale = np.abs(wanted[~np.isnan(wanted)]).max(initial=1.0) if column.dtype.kind == "f" else 0
        np.testing.assert_allclose(column, wanted, rtol=1e-9, atol=1e-9 * scale, err_msg=name)


def town(kind: str, streams: int, each: int, seed: int = 1) -> list[Reading]:
    """Readings at irregular times, some of them excluded, in a range of 1000 s."""
    chance = np.random.default_rng(seed)
    values = {"state": (0, 1), "energetic": (30, 90), "circular": (0, 360)}.get(kind, (0, 1000))
    readings = []
    for stream in range(3, 3 + streams):
        for time in chance.choice(1000, size=each, replace=False):
            value = chance.integers(0, 2) if kind == "state" else chance.uniform(*values)
            readings.append((stream, int(time) * SECOND, float(value), bool(chance.random() < 0.1)))
    return readings


def edges_every(seconds: int, until: int = 1000) -> list[int]:
    return [edge * SECOND for edge in range(0, until + 1, seconds)]


@pytest.mark.parametrize(
    ("kind", "streams", "each", "width"),
    list(product(Kind, (0, 1, 2, 40), (1, 2, 50), (10, 100, 1000))),
)
def test_a_summary_is_what_one_reading_at_a_time_gives(
    kind: Kind, streams: int, each: int, width: int
) -> None:
    readings = town(kind, streams, each)
    rules = slow.Rules(kind, edges_every(width), hold=25.0, modulus=1000.0)
    expected = {key: slow.alone(window, rules) for key, window in slow.sort_in(readings, rules.edges).items()}
    assert_rows(summary_of(readings, rules), expected)
    assert_rows(summary_of(sorted(readings), rules), expected)


@pytest.mark.parametrize("kind", Kind)
def test_groups_of_every_length_beside_one_another_are_what_one_reading_at_a_time_gives(kind: Kind) -> None:
    readings = [
        (stream, *row[1:]) for stream in range(200) for row in town(kind, 1, 1 + stream // 5, seed=stream)
    ]
    rules = slow.Rules(kind, [0, 1000 * SECOND], hold=20.0, modulus=1000.0)
    expected = {key: slow.alone(window, rules) for key, window in slow.sort_in(readings, rules.edges).items()}
    lengths = {row["n"] for row in expected.values()}
    assert {1, 2, 3, SHORT - 1, SHORT, SHORT + 1} <= lengths
    assert_rows(summary_of(readings, rules), expected)


def test_a_network_sorts_lists_of_every_short_length() -> None:
    # By the zero-one principle (Knuth 3, 5.3.4), whatever sorts all lists of 0 and 1 sorts all lists.
    for length in range(1, SHORT + 1):
        value = (np.arange(1 << length) >> np.arange(length)[:, None] & 1).astype(np.float64)
        ones = value.sum(axis=0)
        expected = np.arange(length)[:, None] >= length - ones
        np.testing.assert_array_equal(np.array(sort_columns(value)), expected)


UNEVEN = [100, 130, 1000, 1001, 9000, 9007, 17_000, 29_000]


@pytest.mark.parametrize("seconds", [UNEVEN, list(range(100, 30_000, 70))])
@pytest.mark.parametrize("apart", [1, 2**28])
def test_pieces_cut_a_stream_only_between_its_windows(
    apart: int, seconds: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(2)
    count = 30_000
    stream = (chance.integers(-2, 3, count) * apart).astype(np.int32)
    time, value = chance.permutation(count) * SECOND, chance.normal(size=count)
    edges = np.array(seconds) * SECOND
    whole = summarise(stream, time, value, edges=edges, kind=Kind.LINEAR)
    monkeypatch.setattr("bypuls.numeric.parts.FEWEST", 100)
    monkeypatch.setattr("bypuls.numeric.parts.PIECE", 100)
    for place in (slice(None), np.lexsort((time, stream)), np.argsort(time)):
        cut = summarise(stream[place], time[place], value[place], edges=edges, kind=Kind.LINEAR)
        for name in ("stream", "window", "n", *MOMENTS, *EXTRA[Kind.LINEAR]):
            np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name), err_msg=name)


readings_drawn = st.lists(
    st.tuples(
        st.integers(-2, 2),
        st.integers(-50, 650).map(lambda second: second * SECOND),
        st.integers(0, 100).map(float),
        st.booleans(),
    ),
    max_size=40,
    unique_by=lambda row: row[:2],
)
holds = st.sampled_from([inf, 7.0, 90.0])
COARSE, FINE = [0, 60 * SECOND, 200 * SECOND, 600 * SECOND], edges_every(20, 600)


@given(readings_drawn, st.sampled_from(list(Kind)), holds, st.sampled_from([None, 100.0]))
@settings(max_examples=300)
def test_merged_rows_are_those_of_the_readings_themselves(
    readings: list[Reading], kind: Kind, hold: float, modulus: float | None
) -> None:
    fine = slow.Rules(kind, FINE, hold, modulus)
    coarse = slow.Rules(kind, COARSE, hold, modulus)
    merged = merge(summary_of(readings, fine), np.array(FINE), np.array(COARSE), hold=hold, modulus=modulus)
    expected = {key: slow.alone(window, coarse) for key, window in slow.sort_in(readings, COARSE).items()}
    assert_rows(merged, expected)
    assert_rows(summary_of(readings, coarse), expected)


@given(
    readings_drawn,
    st.sampled_from(list(Kind)),
    holds,
    st.sampled_from([None, 100.0]),
    st.dictionaries(st.integers(-2, 2), st.tuples(st.integers(-90, -1), st.integers(0, 100))),
    st.sampled_from([None, 300, 600, 900]),
)
@settings(max_examples=300)
def test_merged_and_completed_rows_are_those_that_know_all_readings(
    readings: list[Reading],
    kind: Kind,
    hold: float,
    modulus: float | None,
    earlier: dict[int, tuple[int, int]],
    until: int | None,
) -> None:
    latest = max((row[1] for row in readings), default=0)
    end = COARSE[-1] if until is None else max(until * SECOND, latest)
    before = {stream: (time * SECOND, float(value)) for stream, (time, value) in sorted(earlier.items())}
    at_first = Earlier(
        np.array(list(before), np.int32),
        np.array([time for time, _ in before.values()], np.int64),
        np.array([value for _, value in before.values()], np.float64),
    )
    for edges in (FINE, COARSE):
        rules = slow.Rules(kind, edges, hold, modulus)
        summary = summary_of(readings, slow.Rules(kind, FINE, hold, modulus))
        if edges is COARSE:
            summary = merge(summary, np.array(FINE), np.array(COARSE), hold=hold, modulus=modulus)
        whole = complete(summary, np.array(edges), hold=hold, modulus=modulus, before=at_first, until=end)
        expected = slow.completed(slow.sort_in(readings, edges), rules, before, min(end, edges[-1]))
        assert_rows(whole, expected)


def test_moments_are_those_of_pandas_and_keep_their_digits_far_from_zero() -> None:
    chance = np.random.default_rng(5)
    stream = np.repeat(np.arange(50, dtype=np.int32), 200)
    time = np.tile(np.arange(200) * SECOND, 50)
    value = 1e9 + chance.normal(size=len(stream))
    edges = np.arange(0, 201, 20) * SECOND
    summary = summarise(stream, time, value, edges=edges, kind=Kind.LINEAR)
    frame = pd.DataFrame({"stream": stream, "window": time // (20 * SECOND), "value": value - 1e9})
    second = frame.groupby(["stream", "window"])["value"].agg(["mean", "var", "min", "max"])
    np.testing.assert_allclose(summary.mean - 1e9, second["mean"], atol=2e-7)
    np.testing.assert_allclose(summary.m2, second["var"] * 19, rtol=1e-6)
    np.testing.assert_array_equal(summary.minimum - 1e9, second["min"])
    np.testing.assert_array_equal(summary.maximum - 1e9, second["max"])


def test_a_reading_on_an_edge_belongs_to_the_window_that_begins_there() -> None:
    rules = slow.Rules("linear", [0, 10, 30])
    readings = [(1, time, float(time), False) for time in (-1, 0, 9, 10, 29, 30)]
    summary = summary_of(readings, rules)
    assert summary.window.tolist() == [0, 1]
    assert summary.first_time.tolist() == [0, 10]
    assert summary.last_time.tolist() == [9, 29]


def test_a_window_of_excluded_readings_has_a_row_that_counts_them() -> None:
    summary = summary_of([(1, 0, 5.0, True), (1, 1, 6.0, True)], slow.Rules("linear", [0, 10]))
    assert (summary.n.tolist(), summary.n_excluded.tolist()) == ([0], [2])
    assert isnan(summary.mean[0])
    assert summary.first_time[0] == NO_TIME


def test_a_meter_that_restarts_has_risen_by_what_it_shows_again() -> None:
    readings = [
        (1, second * SECOND, value, False) for second, value in enumerate([95.0, 99.0, 3.0, 5.0, 1.0])
    ]
    rules = slow.Rules("counter", [0, 10 * SECOND])
    plain = summary_of(readings, rules)
    rolled = summary_of(readings, slow.Rules("counter", [0, 10 * SECOND], modulus=100.0))
    assert plain.columns()["increase"].tolist() == [4 + 3 + 2 + 1]
    assert plain.columns()["resets"].tolist() == [2]
    assert rolled.columns()["increase"].tolist() == [4 + 4 + 2 + 1]
    assert rolled.columns()["resets"].tolist() == [1]


def test_a_step_over_an_edge_belongs_to_the_window_of_its_later_reading() -> None:
    readings = [(1, 5, 10.0, False), (1, 25, 14.0, False), (1, 27, 15.0, False)]
    edges = np.array([0, 10, 20, 30])
    alone = summary_of(readings, slow.Rules("counter", edges.tolist()))
    assert alone.columns()["increase"].tolist() == [0.0, 1.0]
    whole = complete(alone, edges)
    assert isnan(whole.columns()["increase"][0])
    assert whole.columns()["increase"][1] == 5.0
    before = Earlier(np.array([1], np.int32), np.array([-3]), np.array([8.0]))
    assert complete(alone, edges, before=before).columns()["increase"].tolist() == [2.0, 5.0]


def test_a_lamp_stays_lit_through_windows_without_readings() -> None:
    edges = np.arange(0, 50, 10) * SECOND
    alone = summary_of(
        [(1, 5 * SECOND, 1.0, False), (1, 32 * SECOND, 0.0, False)], slow.Rules("state", edges.tolist())
    )
    whole = complete(alone, edges, until=36 * SECOND)
    assert whole.window.tolist() == [0, 1, 2, 3]
    assert whole.n.tolist() == [1, 0, 0, 1]
    assert whole.columns()["held"].tolist() == [5.0, 10.0, 10.0, 2.0]
    assert whole.columns()["held_seconds"].tolist() == [5.0, 10.0, 10.0, 6.0]
    assert whole.columns()["changes"].tolist() == [0, 0, 0, 1]


def test_a_stream_silent_all_range_long_is_covered_by_its_earlier_reading() -> None:
    nothing = summary_of([], slow.Rules("state", [0, 10, 20]))
    before = Earlier(np.array([7], np.int32), np.array([-5]), np.array([1.0]))
    whole = complete(nothing, np.array([0, 10, 20]), before=before)
    assert (whole.stream.tolist(), whole.window.tolist()) == ([7, 7], [0, 1])
    assert whole.columns()["held"].tolist() == [1e-5, 1e-5]
    assert len(complete(nothing, np.array([0, 10, 20]), before=NOTHING_EARLIER)) == 0


whole_numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9) | st.integers(0, 70_000)


@given(st.lists(whole_numbers, max_size=60))
def test_numbers_are_put_in_order_however_far_apart(numbers: list[int]) -> None:
    order = order_of(np.array(numbers, np.int64)).tolist()
    assert order == sorted(range(len(numbers)), key=numbers.__getitem__)


@given(st.lists(st.lists(st.integers(0, 2**62) | st.integers(0, 9), min_size=1, max_size=30), min_size=1))
def test_readings_are_put_in_order_of_time_inside_their_groups(groups: list[list[int]]) -> None:
    n = np.array([len(group) for group in groups])
    starts = np.cumsum(n) - n
    places = order_by_time(np.concatenate([np.array(group, np.int64) for group in groups]), starts, n)
    expected = [
        begin + place
        for begin, group in zip(starts.tolist(), groups, strict=True)
        for place in sorted(range(len(group)), key=group.__getitem__)
    ]
    assert places.tolist() == expected


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_a_value_that_isnt_finite_is_named_by_its_position(bad: float) -> None:
    with pytest.raises(ValueError, match="position 1"):
        summary_of([(1, 0, 1.0, False), (1, 1, bad, False)], slow.Rules("linear", [0, 10]))


def test_what_cant_be_summarised_is_refused() -> None:
    good = [(1, 0, 1.0, False)]
    with pytest.raises(ValueError, match="ascend"):
        summary_of(good, slow.Rules("linear", [0, 10, 10]))
    with pytest.raises(ValueError, match="at least 2"):
        summary_of(good, slow.Rules("linear", [0]))
    with pytest.raises(ValueError, match="hold"):
        summary_of(good, slow.Rules("linear", [0, 10], hold=0.0))
    with pytest.raises(ValueError, match="modulus"):
        summary_of(good, slow.Rules("counter", [0, 10], modulus=-1.0))
    stream, time, value, _ = columns(good)
    with pytest.raises(ValueError, match="one length"):
        summarise(stream, time[:0], value, edges=np.array([0, 10]), kind=Kind.LINEAR)


def test_what_cant_be_merged_or_completed_is_refused() -> None:
    edges = np.array([0, 10, 20])
    summary = summary_of([(1, 0, 1.0, False)], slow.Rules("linear", edges.tolist()))
    with pytest.raises(ValueError, match="two of the coarser"):
        merge(summary, edges, np.array([0, 15, 30]))
    whole = complete(summary, edges)
    with pytest.raises(ValueError, match="merge first"):
        merge(whole, edges, np.array([0, 20]))
    with pytest.raises(ValueError, match="already"):
        complete(whole, edges)
    late = Earlier(np.array([1], np.int32), np.array([0]), np.array([1.0]))
    with pytest.raises(ValueError, match="first edge"):
        complete(summary, edges, before=late)
    with pytest.raises(ValueError, match="ascend by stream"):
        Earlier(np.array([2, 1], np.int32), np.array([0, 0]), np.array([1.0, 1.0]))

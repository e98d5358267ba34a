"""Quality checks and their state: against the slow twin, and however readings are cut into batches."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from reference.checks import Limit, SlowChecks

from bypuls.numeric.checks import CHUNK, ChangeLimits, Checks
from bypuls.quality import Flag

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
NAN = float("nan")

ROWS = [
    Limit(NAN, NAN, NAN, NAN, NAN),
    Limit(0.05, 1.0, 2.0, 100.0, NAN),
    Limit(NAN, NAN, 1.5, 60.0, 0.0),
    Limit(0.5, 0.0, NAN, 40.0, 2.0, 1.0),
]
TABLE = ChangeLimits(
    *(np.array(column) for column in zip(*(dataclasses.astuple(row) for row in ROWS), strict=True))
)

Reading = tuple[int, int, float, int]


def columns(readings: list[Reading]) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
    stream, second, value, _ = zip(*readings, strict=True) if readings else ((), (), (), ())
    return (
        np.array(stream, np.int32),
        START + np.array(second, np.int64) * SECOND,
        np.array(value, np.float64),
    )


def run(checks: Checks, readings: list[Reading]) -> list[int]:
    """Check readings given in any order, and return their flags in the order of stream and time."""
    readings = sorted(readings, key=lambda reading: reading[:2])
    stream, time, value = columns(readings)
    limit = stream.astype(np.intp) % len(ROWS)
    interval = np.where(stream % 3 == 0, NAN, 20.0)
    ahead = np.array([reading[3] for reading in readings], np.int64) * SECOND
    flags: list[int] = checks.check(
        stream, time, value, limit=limit, interval=interval, received=time - ahead
    ).tolist()
    return flags


def run_slowly(slow: SlowChecks, readings: list[Reading]) -> list[int]:
    flags = []
    for stream, second, value, ahead in sorted(readings, key=lambda reading: reading[:2]):
        interval = NAN if stream % 3 == 0 else 20.0
        flags.append(slow.check(stream, second, value, stream % len(ROWS), interval, second - ahead))
    return flags


def readings_of(seed: int, streams: int, most: int) -> list[Reading]:
    """Values with runs, jumps, single outliers and gaps, on a grid where ties are common."""
    chance = np.random.default_rng(seed)
    readings: list[Reading] = []
    for stream in chance.choice(3 * streams, streams, replace=False).tolist():
        n = int(chance.integers(0, most + 1))
        second = np.cumsum(chance.choice([1, 10, 90], n, p=[0.1, 0.87, 0.03])).tolist()
        value = np.repeat(chance.integers(-2, 3, n), chance.choice([1, 1, 1, 30], n))[:n]
        value = value * 0.5 + chance.choice([0, 30], n, p=[0.97, 0.03])
        readings += zip(
            [stream] * n, second, value.tolist(), chance.choice([0, 0, 6], n).tolist(), strict=True
        )
    return readings


@pytest.mark.parametrize("streams", [1, 2, 7, 60])
@pytest.mark.parametrize("most", [0, 1, 6, 7, 8, 80])
def test_the_checks_agree_with_their_slow_twin(streams: int, most: int) -> None:
    readings = readings_of(100 * streams + most, streams, most)
    flags = run(Checks(TABLE), readings)
    assert flags == run_slowly(SlowChecks(ROWS), readings)
    if streams == 60 and most == 80:
        assert np.bitwise_or.reduce(flags) == Flag.STEP | Flag.SPIKE | Flag.STUCK | Flag.GAP | Flag.CLOCK


@given(st.integers(0, 2**32), st.integers(1, 6), st.lists(st.integers(0, 300), max_size=8))
@settings(max_examples=150)
def test_flags_dont_depend_on_how_readings_are_cut_into_batches(
    seed: int, streams: int, cuts: list[int]
) -> None:
    readings = sorted(readings_of(seed, streams, 60), key=lambda reading: reading[1])
    whole = dict(zip(sorted(r[:2] for r in readings), run(Checks(TABLE), readings), strict=True))
    checks = Checks(TABLE)
    parts: dict[tuple[int, int], int] = {}
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(readings)], strict=True):
        part = readings[begin:end]
        parts.update(zip(sorted(r[:2] for r in part), run(checks, part), strict=True))
    assert parts == whole


@given(st.integers(0, 2**32), st.integers(1, 4))
@settings(max_examples=60)
def test_readings_in_any_order_and_repeated_agree_with_the_slow_twin(seed: int, streams: int) -> None:
    readings = readings_of(seed, streams, 40)
    chance = np.random.default_rng(seed)
    arrivals = [readings[i] for i in chance.integers(0, max(len(readings), 1), len(readings)).tolist()]
    checks, slow = Checks(TABLE), SlowChecks(ROWS)
    for begin in range(0, len(arrivals), 13):
        part = arrivals[begin : begin + 13]
        assert run(checks, part) == run_slowly(slow, part)


def test_a_batch_worked_through_in_chunks_gives_what_small_batches_give() -> None:
    readings = readings_of(11, 8, 6 * CHUNK // 8)
    assert len(readings) > 2 * CHUNK
    whole = dict(zip(sorted(r[:2] for r in readings), run(Checks(TABLE), readings), strict=True))
    readings.sort(key=lambda reading: reading[1])
    checks = Checks(TABLE)
    parts: dict[tuple[int, int], int] = {}
    for begin in range(0, len(readings), 5000):
        part = readings[begin : begin + 5000]
        parts.update(zip(sorted(r[:2] for r in part), run(checks, part), strict=True))
    assert parts == whole
    assert len(set(whole.values())) > 10


def test_late_and_repeated_readings_leave_no_trace() -> None:
    checks, other = Checks(TABLE), Checks(TABLE)
    early: list[Reading] = [(1, second, 1.0 + second / 100, 0) for second in range(0, 200, 10)]
    later: list[Reading] = [(1, second, 1.0 + second / 100, 0) for second in range(200, 400, 10)]
    run(checks, early)
    run(other, early)
    assert run(checks, [(1, 55, 400.0, 0), (1, 190, -400.0, 0), (1, 190, 5.0, 6)]) == [0, 0, Flag.CLOCK]
    assert run(checks, later) == run(other, later)


def test_an_empty_batch_gives_no_flags() -> None:
    assert run(Checks(TABLE), []) == []


@pytest.mark.parametrize(
    ("readings", "message"),
    [
        ([(2, 0, 1.0, 0), (1, 0, 1.0, 0)], "reading 1 (stream 1, time 1700000000000000) is out of order"),
        ([(1, 5, 1.0, 0), (1, 4, 1.0, 0)], "reading 1 (stream 1, time 1700000004000000) is out of order"),
        ([(-1, 5, 1.0, 0)], "stream -1 is no stream's number"),
        ([(0, 5, 1.0, 0), (1, 5, NAN, 0)], "reading 1 has the value nan"),
        ([(9, 5, 1.0, 0)], "limits 9 to 9 are asked for, the table has rows 0 to 3"),
    ],
)
def test_a_wrong_batch_is_refused_by_name_and_leaves_no_trace(readings: list[Reading], message: str) -> None:
    checks, other = Checks(TABLE), Checks(TABLE)
    stream, time, value = columns(readings)
    with pytest.raises(ValueError, match=re.escape(message)):
        checks.check(stream, time, value, limit=np.abs(stream).astype(np.intp), interval=value, received=time)
    good: list[Reading] = [(1, second, 1.0, 0) for second in range(20)]
    assert run(checks, good) == run(other, good)


def test_columns_of_different_length_are_refused() -> None:
    one, two = np.zeros(1, np.int64), np.zeros(2)
    with pytest.raises(ValueError, match="one length"):
        Checks(TABLE).check(np.zeros(1, np.int32), one, two, limit=one, interval=two, received=one)
    with pytest.raises(ValueError, match="one length"):
        ChangeLimits(two, two, two, two, two, np.zeros(3))


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(0, 300), st.integers(0, 300))
@settings(max_examples=100)
def test_what_is_taken_back_and_checked_again_gets_the_same_flags(
    seed: int, streams: int, kept: int, middle: int
) -> None:
    readings = sorted(readings_of(seed, streams, 60), key=lambda reading: reading[1])
    checks = Checks(TABLE)
    run(checks, readings[:kept])
    checks.keep(checks.position)
    parts = (readings[kept : kept + middle], readings[kept + middle :])
    first = [run(checks, part) for part in parts]
    for _ in range(2):
        checks.rewind()
        assert [run(checks, part) for part in parts] == first

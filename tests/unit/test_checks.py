"""Quality checks: what each of them flags, and what it leaves alone."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bypuls.channels import of_channel
from bypuls.limits_of_change import LIMITS, row_of, table
from bypuls.numeric.checks import Checks
from bypuls.quality import CERTAINLY_WRONG, MEANING, Flag
from bypuls.quantities import QUANTITIES, Kind
from simulators.recording import read, shipped

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
NAN = float("nan")


def flags_of(
    value: object, *, every: float = 10.0, quantity: str = "air_temperature", interval: float = NAN
) -> NDArray[np.int16]:
    """Check one stream's values, `every` seconds, as one batch."""
    values = np.asarray(value, np.float64)
    n = len(values)
    time = START + (np.arange(n) * every * SECOND).astype(np.int64)
    return Checks(table()).check(
        np.full(n, 3, np.int32),
        time,
        values,
        limit=np.full(n, row_of(quantity), np.intp),
        interval=np.full(n, interval),
        received=time,
    )


def where(flags: NDArray[np.int16], flag: Flag) -> list[int]:
    found: list[int] = np.flatnonzero(flags & flag).tolist()
    return found


def noisy(n: int, spread: float = 0.1) -> NDArray[np.float64]:
    return np.round(12 + spread * np.random.default_rng(7).normal(size=n), 2)


def test_every_flag_is_explained_and_has_a_bit_of_its_own() -> None:
    assert set(MEANING) == set(Flag)
    assert [int(flag) for flag in Flag] == [1, 2, 4, 8, 16, 32]
    assert CERTAINLY_WRONG == 1 + 4 + 8


def test_a_single_outlier_is_a_spike_and_steps_there_and_back() -> None:
    value = noisy(100)
    value[50] += 8
    flags = flags_of(value)
    assert where(flags, Flag.SPIKE) == [50]
    assert where(flags, Flag.STEP) == [50, 51]


def test_noise_alone_raises_no_flag() -> None:
    assert not flags_of(noisy(10_000, 0.2)).any()


def test_a_front_as_fast_as_the_limit_is_neither_step_nor_spike() -> None:
    fall = np.concatenate((np.full(60, 20.0), 20 - 0.5 * np.arange(30), np.full(60, 5.0)))
    assert not flags_of(fall).any()  # 3 Cel a minute, read each 10 s, from one reading to the next


def test_hourly_jumps_raise_no_flag_where_ten_seconds_would() -> None:
    jump = np.concatenate((np.arange(10) / 10, 8 + np.arange(10) / 10))
    assert not flags_of(jump, every=3600).any()
    assert where(flags_of(jump), Flag.STEP) == [10]


def test_a_spike_is_sought_only_from_the_seventh_reading_on() -> None:
    value = np.array([5.0, 5.0, 5.0, 5.0, 5.0, 50.0, 5.0])
    assert where(flags_of(value), Flag.SPIKE) == []
    assert where(flags_of(np.insert(value, 0, 5.0)), Flag.SPIKE) == [6]


def test_a_value_is_stuck_from_the_reading_that_makes_it_last_long_enough() -> None:
    value = np.concatenate(([1.0], np.full(20, 2.0), [3.0]))
    flags = flags_of(value, every=3600)  # 12 h is reached by the 13th of them
    assert where(flags, Flag.STUCK) == list(range(13, 21))


def test_few_readings_far_apart_are_not_stuck() -> None:
    assert not flags_of(np.full(11, 2.0), every=2 * 3600).any()
    assert not flags_of(np.full(40, 2.0), every=5 * 3600).any()


def test_a_quantity_may_rest_where_it_rests() -> None:
    assert not flags_of(np.zeros(5000), every=60, quantity="wind_speed").any()
    assert flags_of(np.ones(5000), every=60, quantity="wind_speed").any()
    assert not flags_of(np.full(5000, 100.0), every=60, quantity="relative_humidity").any()
    for under_ice in (-0.1, 0.0, 0.5):
        assert not flags_of(np.full(5000, under_ice), every=600, quantity="water_temperature").any()
    for fluid in (0.6, 4.0, 17.2):
        flags = flags_of(np.full(1000, fluid), every=600, quantity="water_temperature")
        assert where(flags, Flag.STUCK) == list(range(96 * 6, 1000))


@pytest.mark.parametrize("key", [key for key, q in QUANTITIES.items() if key not in LIMITS])
def test_a_quantity_without_limits_is_never_flagged(key: str) -> None:
    value = np.concatenate((np.full(3000, 7.0), [1e5, 7.0]))
    assert row_of(key) == 0
    assert not flags_of(value, every=60, quantity=key).any()


def test_only_quantities_that_vary_steadily_have_limits_and_all_are_in_the_catalogue() -> None:
    for key, limit in LIMITS.items():
        assert QUANTITIES[key].kind in (Kind.LINEAR, Kind.ENERGETIC, Kind.CIRCULAR)
        assert np.isnan(limit.per_minute) == np.isnan(limit.noise)
        assert not (np.isnan(limit.most) and np.isnan(limit.stuck_hours))
        if QUANTITIES[key].kind is Kind.CIRCULAR:
            assert np.isnan(limit.most)  # no direction is far from another
        assert row_of(key) > 0
    assert row_of(None) == row_of("smell") == 0


def test_the_reading_after_more_than_three_intervals_follows_a_gap() -> None:
    time = START + np.array([0, 10, 40, 71, 81]) * SECOND
    n = len(time)
    flags = Checks(table()).check(
        np.zeros(n, np.int32),
        time,
        np.ones(n),
        limit=np.zeros(n, np.intp),
        interval=np.full(n, 10.0),
        received=time,
    )
    assert where(flags, Flag.GAP) == [3]
    assert not flags_of(np.ones(3), every=1e6).any()  # the interval isn't known


def test_a_time_ahead_of_its_receipt_is_a_wrong_clock() -> None:
    time = START + np.arange(3) * SECOND
    received = time - np.array([5_000_000, 5_000_001, -10_000_000])
    zeros = np.zeros(3, np.intp)
    flags = Checks(table()).check(
        np.zeros(3, np.int32), time, np.ones(3), limit=zeros, interval=np.full(3, NAN), received=received
    )
    assert flags.tolist() == [0, Flag.CLOCK, 0]


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.name)
def test_real_hourly_data_with_floods_and_fireworks_raise_no_flag_but_for_gaps(path: Path) -> None:
    recording = read(path)
    for channel, column in recording.channels.items():
        there = ~np.isnan(column)
        time, value = recording.time[there], column[there]
        flags = Checks(table()).check(
            np.zeros(len(time), np.int32),
            time,
            value,
            limit=np.full(len(time), row_of(of_channel(channel).key), np.intp),
            interval=np.full(len(time), 3600.0),
            received=time,
        )
        np.testing.assert_array_equal(flags, Flag.GAP * (np.diff(time, prepend=time[0]) > 3 * 3600 * SECOND))


@pytest.mark.parametrize(
    ("quantity", "level", "spread", "outlier"),
    [
        ("air_temperature", 15, 0.05, 5),
        ("water_temperature", 10, 0.02, 2.5),
        ("road_temperature", 8, 0.1, 7.5),
        ("relative_humidity", 70, 0.5, 20),
        ("air_pressure", 1010, 0.05, 7.5),
        ("wind_speed", 6, 1.0, 45),
        ("water_level", 2, 0.01, 1.25),
    ],
)
def test_outliers_in_ten_second_data_are_found_all_and_alone(
    quantity: str, level: float, spread: float, outlier: float
) -> None:
    chance = np.random.default_rng(17)
    value = level + spread * chance.normal(size=8640)
    at = np.arange(20, 8640, 20) + chance.integers(0, 10, 431)
    value[at] += outlier * chance.choice([-1, 1], len(at))
    assert where(flags_of(value, quantity=quantity), Flag.SPIKE) == at.tolist()


def test_a_lasting_shift_is_a_spike_for_three_readings_until_the_median_follows() -> None:
    shifted = np.concatenate((noisy(50), 10 + noisy(50)))
    flags = flags_of(shifted)
    assert where(flags, Flag.SPIKE) == [50, 51, 52]
    assert where(flags, Flag.STEP) == [50]


def test_the_greatest_numbers_are_checked_too() -> None:
    value = noisy(50)
    value[20:22] = [1.7e308, -1.7e308]
    assert where(flags_of(value), Flag.SPIKE) == [20, 21]
    assert where(flags_of(value), Flag.STEP) == [20, 21, 22]

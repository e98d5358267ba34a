"""Sensors that fail, are slow, or hang: the others go on, and it is told."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from edge.pi.clock import SystemClock
from edge.pi.configuration import SensorPlan
from edge.pi.errors import SensorError
from edge.pi.sampling import Sampler
from edge.pi.sensors.sensor import Driver, Options
from testbed.hand_clock import HandClock


class Scripted:
    """Gives, raises or does one thing after the other, and then the last one for ever."""

    def __init__(self, steps: list[Callable[[], Mapping[str, float]]]) -> None:
        self.steps = steps
        self.opened = self.closed = 0

    def open(self, _options: Options) -> "Scripted":
        self.opened += 1
        return self

    def read(self) -> Mapping[str, float]:
        return (self.steps.pop(0) if len(self.steps) > 1 else self.steps[0])()

    def close(self) -> None:
        self.closed += 1


def fails(error: Exception) -> Callable[[], Mapping[str, float]]:
    def read() -> Mapping[str, float]:
        raise error

    return read


def gives(**values: float) -> Callable[[], Mapping[str, float]]:
    return lambda: values


def sleeps(seconds: float) -> Callable[[], Mapping[str, float]]:
    def read() -> Mapping[str, float]:
        time.sleep(seconds)
        return {"no2": 1.0}

    return read


def plan(name: str, sensor: Scripted, every: float = 0.01) -> SensorPlan:
    driver = Driver("scripted", Options, lambda _: {"no2": "ug/m3"}, sensor.open)
    return SensorPlan(name, driver, Options(), every, {"no2": f"{name}/no2"})


@contextmanager
def sampling(*plans: SensorPlan) -> Iterator[tuple[list[Sampler], list[tuple[str, dict[str, float]]]]]:
    taken: list[tuple[str, dict[str, float]]] = []
    samplers = [Sampler(each, SystemClock(), lambda name, got: taken.append((name, got))) for each in plans]
    for sampler in samplers:
        sampler.start()
    yield samplers, taken
    for sampler in samplers:
        assert sampler.stop(5)


def wait_until(condition: Callable[[], bool], timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_what_a_sensor_gives_is_handed_over_by_channel() -> None:
    sensor = Scripted([gives(no2=1.0, other=2.0), gives(no2=3.0)])
    with sampling(plan("a", sensor)) as (_, taken):
        wait_until(lambda: len(taken) >= 2)
    assert taken[:2] == [("a", {"a/no2": 1.0}), ("a", {"a/no2": 3.0})]
    assert (sensor.opened, sensor.closed) == (1, 1)


def test_a_sensor_that_fails_is_told_opened_anew_and_told_to_be_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    sensor = Scripted([*[fails(SensorError("no answer"))] * 3, gives(no2=1.0)])
    with sampling(plan("a", sensor)) as ([sampler], taken):
        wait_until(lambda: sampler.problem is not None)
        assert sampler.problem == "a: no answer"
        wait_until(lambda: bool(taken))
        wait_until(lambda: sampler.problem is None)
    assert sensor.opened == 2
    assert [record.message for record in caplog.records] == ["a: no answer", "a gives readings again"]


def test_a_defect_of_a_driver_ends_nothing_and_its_trace_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sensor = Scripted([fails(ZeroDivisionError("division by zero"))] * 2 + [gives(no2=1.0)])
    with sampling(plan("a", sensor)) as (_, taken):
        wait_until(lambda: bool(taken))
    [record] = [each for each in caplog.records if each.exc_info]
    assert record.message == "a: division by zero"


def test_a_slow_sensor_delays_no_other() -> None:
    slow, quick = Scripted([sleeps(0.5)]), Scripted([gives(no2=1.0)])
    with sampling(plan("slow", slow), plan("quick", quick)) as (_, taken):
        wait_until(lambda: sum(name == "quick" for name, _ in taken) > 20)
        assert sum(name == "slow" for name, _ in taken) <= 1


def test_a_sensor_without_a_new_value_is_no_failure() -> None:
    sensor = Scripted([gives(), gives(), gives(no2=1.0)])
    with sampling(plan("a", sensor)) as ([sampler], taken):
        wait_until(lambda: bool(taken))
        assert sampler.problem is None


def test_readings_are_due_at_whole_intervals_and_missed_ones_are_not_made_up_for() -> None:
    times: list[float] = []

    def read() -> Mapping[str, float]:
        times.append(time.monotonic())
        if len(times) == 3:
            time.sleep(0.25)
        return {"no2": 1.0}

    with sampling(plan("a", Scripted([read]), every=0.1)):
        wait_until(lambda: len(times) >= 8)
    apart = [(later - times[0]) / 0.1 for later in times]
    assert all(abs(each - round(each)) < 0.4 for each in apart)
    assert len({round(each) for each in apart}) == len(apart)


def test_a_sensor_that_does_not_return_is_stuck_after_five_minutes() -> None:
    release = threading.Event()
    clock = HandClock()

    def hang() -> Mapping[str, float]:
        release.wait(20)
        return {"no2": 1.0}

    sampler = Sampler(plan("a", Scripted([hang]), every=60), clock, lambda *_: None)
    sampler.start()
    wait_until(lambda: sampler._busy_since is not None)
    assert not sampler.stuck
    clock.advance(301)
    assert sampler.stuck
    sampler._stop.set()
    release.set()
    assert sampler.stop(5)
    assert not sampler.stuck


def silence(sensor: Scripted, outputs: dict[str, str]) -> str:
    """Return the problem that comes of a sensor, by a clock that races."""
    driver = Driver("scripted", Options, lambda _: dict.fromkeys(outputs, "1"), sensor.open)
    sampler = Sampler(SensorPlan("a", driver, Options(), 1.0, outputs), HandClock(), lambda *_: None)
    sampler.start()
    try:
        wait_until(lambda: sampler.problem is not None)
        return sampler.problem or ""
    finally:
        assert sampler.stop(5)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_sensor_that_gives_no_finite_number_is_told(value: float) -> None:
    assert silence(Scripted([gives(no2=value)]), {"no2": "no2"}) == "a: gives no value"


def test_an_output_that_never_comes_is_told_though_others_do(caplog: pytest.LogCaptureFixture) -> None:
    sensor = Scripted([gives(no2=1.0, pm10=float("nan"))])
    problem = silence(sensor, {"no2": "no2", "pm10": "kerb/pm10", "pm1": "pm1"})
    assert problem == "a: gives no pm10, pm1"
    assert [record.message for record in caplog.records] == [problem]
    assert sensor.opened == 1

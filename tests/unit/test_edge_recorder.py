"""The recorder: every sample is sent once, at its true time, whatever the clocks and the process do."""

import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bypuls import senml
from edge.pi.channel import Channel
from edge.pi.errors import StoreError
from edge.pi.recorder import Recorder
from edge.pi.store import Store
from testbed.hand_clock import HandClock

RAW = Channel("no2", "ug/m3", 0)
RAIN = Channel("rainfall", "mm", 10_000_000, ("mean", "n"))
CHANNELS = (RAW, RAIN)
START = 1_795_450_000_000_000
HOUR = 3_600.0


@contextmanager
def recording(
    folder: Path, clock: HandClock, channels: tuple[Channel, ...] = CHANNELS, *, trust: bool = False
) -> Iterator[Recorder]:
    with Store(folder, 10_000_000) as store:
        yield Recorder(store, clock, channels, trust=trust)


def sent(folder: Path) -> dict[str, dict[int, float]]:
    """Return what the packs in a store say: by channel, the value at each time; no instant has two."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    with Store(folder, 10_000_000) as store:
        for seq in store.after(0, 1_000_000):
            pack = senml.decode(store.payload(seq) or b"")
            assert pack.faults == []
            for name, time, value in zip(pack.names, pack.times, pack.values, strict=True):
                at = round((pack.base_time + time) * 1e6)
                assert at not in found[name], f"{name} has two values at {at}"
                found[name][at] = value
    return found


def take(recorder: Recorder, clock: HandClock, values: range, every: float = 1.0) -> None:
    for value in values:
        recorder.add("sensor", {"no2": float(value), "rainfall": 1.0})
        clock.advance(every)


def test_samples_become_packs_when_their_windows_are_over(fast_path: Path) -> None:
    clock = HandClock(START)
    with recording(fast_path, clock) as recorder:
        assert recorder.report() == []
        take(recorder, clock, range(15))
        assert recorder.report() == [1]
        assert recorder.report() == []
    found = sent(fast_path)
    assert found["no2"] == {START + value * 1_000_000: value for value in range(15)}
    assert found["rainfall"] == {START: 10.0}
    assert found["rainfall.n"] == {START: 10.0}


def test_a_process_that_dies_and_comes_back_goes_on_with_the_same_windows(fast_path: Path) -> None:
    clock = HandClock(START)
    with recording(fast_path, clock) as recorder:
        recorder.report()
        take(recorder, clock, range(4))
        recorder.report()
    clock.advance(0.5)
    clock.step(HOUR)  # the clock may jump meanwhile: in one boot we know better
    with recording(fast_path, clock) as recorder:
        take(recorder, clock, range(4, 10))
        recorder.report()
    found = sent(fast_path)
    assert found["rainfall"] == {START: 10.0}
    assert sorted(found["no2"].values()) == list(range(10))
    assert max(found["no2"]) == START + 9_500_000


def test_a_window_cut_short_by_a_reboot_is_sent_and_the_rest_of_it_is_another(fast_path: Path) -> None:
    clock = HandClock(START)
    with recording(fast_path, clock, (Channel("rainfall", "mm", 3_600_000_000),)) as recorder:
        recorder.report()
        take(recorder, clock, range(100))
    clock.reboot()
    with recording(fast_path, clock, (Channel("rainfall", "mm", 3_600_000_000),)) as recorder:
        recorder.report()
        take(recorder, clock, range(100))
        clock.advance(HOUR)
        recorder.report()
    begin = START // 3_600_000_000 * 3_600_000_000
    assert sent(fast_path)["rainfall"] == {begin: 100.0, begin + 1: 100.0}


def test_samples_taken_before_the_time_is_known_get_it_when_the_clock_is_synchronised(
    fast_path: Path,
) -> None:
    clock = HandClock(1_000_000, synchronised=False)
    with recording(fast_path, clock) as recorder:
        take(recorder, clock, range(5))
        assert recorder.report() == []
        assert not recorder.known
        clock.step(START / 1e6 + 20)
        clock.in_step = True
        recorder.report()
        assert recorder.known
        take(recorder, clock, range(5, 10))
        recorder.report()
    found = sent(fast_path)["no2"]
    first = START + 21_000_000
    assert found == {first + value * 1_000_000: value for value in range(10)}


def test_the_time_comes_from_an_acknowledgement_where_no_clock_is_right(fast_path: Path) -> None:
    clock = HandClock(0, synchronised=False)
    with recording(fast_path, clock) as recorder:
        take(recorder, clock, range(5))
        assert recorder.greet() == [1]
        sending = clock.elapsed()
        clock.advance(0.25)
        recorder.heard(START, sending)
        assert recorder.known
        recorder.report()
    assert sent(fast_path)["no2"] == {START - 5_250_000 + value * 1_000_000: value for value in range(5)}


def test_an_answer_that_took_long_sets_no_clock(fast_path: Path) -> None:
    clock = HandClock(0, synchronised=False)
    with recording(fast_path, clock) as recorder:
        recorder.heard(START, clock.elapsed() - 11_000_000)
        assert not recorder.known


def test_samples_of_a_boot_whose_time_was_never_known_are_counted_as_lost(fast_path: Path) -> None:
    clock = HandClock(0, synchronised=False)
    with recording(fast_path, clock) as recorder:
        take(recorder, clock, range(5))
    clock.reboot()
    with recording(fast_path, clock) as recorder:
        assert recorder.lost == 10
        clock.in_step = True
        recorder.report()
        take(recorder, clock, range(5))
        recorder.report()
    assert len(sent(fast_path)["no2"]) == 5


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_a_step_of_the_system_clock_moves_no_stamp(fast_path: Path, seconds: float) -> None:
    clock = HandClock(START)
    with recording(fast_path, clock) as recorder:
        recorder.report()
        take(recorder, clock, range(5))
        clock.step(seconds)
        take(recorder, clock, range(5, 10))
        recorder.report()
        # The platform agrees with us.
        for _ in range(5):
            recorder.heard(START + 10_000_000, clock.elapsed())
        take(recorder, clock, range(10, 15))
        recorder.report()
    found = sent(fast_path)
    assert found["no2"] == {START + value * 1_000_000: value for value in range(15)}
    assert found["rainfall"] == {START: 10.0}


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, 3.0, -3.0])
def test_a_clock_that_was_wrong_is_put_right_and_no_instant_is_used_twice(
    fast_path: Path, seconds: float
) -> None:
    clock = HandClock(START)
    with recording(fast_path, clock) as recorder:
        recorder.report()
        take(recorder, clock, range(25))
        clock.step(seconds)
        platform = START + 25_000_000 + round(seconds * 1e6)
        for number in range(3):
            assert (recorder.heard(platform, clock.elapsed()) != []) == (number == 2)
        take(recorder, clock, range(25, 65))
        clock.advance(10)
        recorder.report()
    found = sent(fast_path)
    assert len(found["no2"]) == 65
    assert sum(found["rainfall"].values()) == sum(found["rainfall.n"].values()) == 65
    [last] = [at for at, value in found["no2"].items() if value == 64]
    assert abs(last - (platform + 39_000_000)) <= 1_000


def test_a_platform_that_is_wrong_moves_nothing_while_the_system_clock_agrees_with_us(
    fast_path: Path,
) -> None:
    clock = HandClock(START)
    with recording(fast_path, clock) as recorder:
        recorder.report()
        for _ in range(10):
            assert recorder.heard(START + 100_000_000, clock.elapsed()) == []
        assert recorder.skew == 100
        clock.in_step = False  # now it is word against word, and the platform's counts
        for _ in range(3):
            recorder.heard(START + 100_000_000, clock.elapsed())
        assert recorder.stamp(clock.elapsed()) == START + 100_000_000


def test_other_channels_close_what_is_open_and_begin_windows_of_their_own(fast_path: Path) -> None:
    clock = HandClock(START)
    with recording(fast_path, clock) as recorder:
        recorder.report()
        take(recorder, clock, range(5))
        longer = (RAW, Channel("rainfall", "mm", 60_000_000, ("mean", "n")))
        assert recorder.configure(longer) == [1]
        assert recorder.configure(longer) == []
        take(recorder, clock, range(5, 10))
    with recording(fast_path, clock, CHANNELS) as recorder:  # and back, by the file
        take(recorder, clock, range(10, 15))
        clock.advance(10)
        recorder.report()
    found = sent(fast_path)
    begin = START // 60_000_000 * 60_000_000
    assert found["rainfall"] == {START: 5.0, begin + 1: 5.0, START + 10_000_002: 5.0}
    assert sorted(found["no2"].values()) == list(range(15))


def test_what_is_no_finite_number_is_refused_and_counted(fast_path: Path) -> None:
    clock = HandClock(START)
    with recording(fast_path, clock) as recorder:
        recorder.report()
        recorder.add("sensor", {"no2": float("nan"), "rainfall": 1.0})
        recorder.add("sensor", {"no2": float("-inf")})
        clock.advance(20)
        recorder.report()
        assert recorder.refused == 2
    assert sent(fast_path) == {"rainfall": {START: 1.0}, "rainfall.n": {START: 1.0}}


def test_two_samples_within_a_millisecond_get_two_instants(fast_path: Path) -> None:
    clock = HandClock(START)
    with recording(fast_path, clock) as recorder:
        recorder.report()
        take(recorder, clock, range(10), every=0.0001)
        clock.advance(1)
        recorder.report()
    assert sent(fast_path)["no2"] == {START + value * 1_000: value for value in range(10)}


def test_a_store_that_can_not_be_written_for_a_while_costs_nothing(fast_path: Path) -> None:
    clock = HandClock(START)
    with Store(fast_path, 10_000_000) as store:
        recorder = Recorder(store, clock, CHANNELS, trust=False)
        recorder.report()
        store._database.execute("PRAGMA query_only = 1")
        take(recorder, clock, range(200))
        with pytest.raises(StoreError):
            recorder.report()
        store._database.execute("PRAGMA query_only = 0")
        assert recorder.report() == [1]
        assert recorder.lost == 0
    assert sorted(sent(fast_path)["no2"].values()) == list(range(200))


def test_a_store_that_can_not_be_written_after_a_reboot_costs_nothing_of_before_nor_after(
    fast_path: Path,
) -> None:
    clock = HandClock(START)
    with recording(fast_path, clock) as recorder:
        recorder.report()
        take(recorder, clock, range(5))
    clock.reboot(30)
    with Store(fast_path, 10_000_000) as store:
        store._database.execute("PRAGMA query_only = 1")
        recorder = Recorder(store, clock, CHANNELS, trust=False)
        take(recorder, clock, range(5, 10))
        with pytest.raises(StoreError):
            recorder.report()
        store._database.execute("PRAGMA query_only = 0")
        clock.advance(60)
        recorder.report()
        assert recorder.lost == 0
    assert sorted(sent(fast_path)["no2"].values()) == list(range(10))


def test_the_new_store_after_a_damaged_one_uses_instants_of_its_own(fast_path: Path) -> None:
    (fast_path / "edge.db").write_bytes(b"rubbish" * 1_000)
    clock = HandClock(START)
    with recording(fast_path, clock) as recorder:
        recorder.report()
        take(recorder, clock, range(12))
        recorder.report()
    assert all(at % 1_000 != 0 for at in sent(fast_path)["rainfall"])


@pytest.mark.parametrize("seed", range(100))
def test_whatever_happens_every_sample_is_sent_once_and_at_its_true_time(fast_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    clock = HandClock(START + chance.randrange(1_000), synchronised=chance.random() < 0.5)
    true: dict[float, int] = {}
    ahead = 0.0
    counted = 0
    windows = [CHANNELS, (RAW, Channel("rainfall", "mm", 7_000_000, ("mean", "n")))]
    channels = CHANNELS
    with ExitStack() as stack:
        recorder = stack.enter_context(recording(fast_path, clock, channels))

        def now() -> int:
            return clock.wall() - round(ahead * 1e6)

        for _ in range(300):
            match chance.choices(
                ["sample", "report", "ack", "restart", "reboot", "step", "channels"],
                [60, 20, 10, 3, 1, 3, 1],
            )[0]:
                case "sample":
                    value = float(counted)
                    counted += 1
                    recorder.add("sensor", {"no2": value, "rainfall": 1.0})
                    true[value] = now()
                case "report":
                    recorder.report()
                case "ack":
                    recorder.heard(now(), clock.elapsed())
                case "restart":
                    stack.close()
                    recorder = stack.enter_context(recording(fast_path, clock, channels))
                case "reboot" if recorder.known:
                    stack.close()
                    clock.reboot(chance.uniform(1, 30))
                    recorder = stack.enter_context(recording(fast_path, clock, channels))
                    # The platform speaks before a clock that is wrong is believed.
                    recorder.heard(now(), clock.elapsed())
                case "step" if recorder.known:
                    seconds = chance.choice([HOUR, -HOUR, 2.5, -2.5, 0.1])
                    clock.step(seconds)
                    ahead += seconds
                case "channels":
                    channels = chance.choice(windows)
                    recorder.configure(channels)
            clock.advance(chance.choice([0.0003, 0.001, 0.2, 1, 5]))
        recorder.heard(now(), clock.elapsed())
        clock.advance(20)
        recorder.report()
        assert recorder.lost == 0
    found = sent(fast_path)
    assert sorted(found["no2"].values()) == sorted(true)
    for at, value in found["no2"].items():
        # Several within a millisecond get one each.
        assert abs(at - true[value]) <= 6_000, value
    assert sum(found["rainfall"].values()) == sum(found["rainfall.n"].values()) == counted


def test_what_is_kept_of_the_time_base_is_plain_json(fast_path: Path) -> None:
    clock = HandClock(START)
    with recording(fast_path, clock) as recorder:
        recorder.report()
    with Store(fast_path, 10_000_000) as store:
        assert json.loads(store.get("base") or "") == {
            "boot": "boot-0",
            "offset": START - 5_000_000,
            "phase": 0,
        }


def test_a_sample_that_waits_while_a_pack_is_synced_is_in_the_window_of_its_stamp(fast_path: Path) -> None:
    clock = HandClock(START)
    with Store(fast_path, 10_000_000) as store:
        recorder = Recorder(store, clock, CHANNELS, trust=False)
        recorder.report()
        take(recorder, clock, range(9))
        clock.advance(0.9)
        with recorder._lock:  # as while a card takes its time
            waiting = threading.Thread(target=recorder.add, args=["slow", {"no2": 9.0, "rainfall": 1.0}])
            waiting.start()
            while not recorder._pending:
                time.sleep(0.001)
            clock.advance(5)
            recorder.report()
        waiting.join()
        recorder.report()
    found = sent(fast_path)
    assert found["no2"][START + 9_900_000] == 9
    assert found["rainfall"] == {START: 10.0}

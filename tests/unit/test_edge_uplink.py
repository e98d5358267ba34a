"""The uplink: which pack goes when, and what acknowledgements count."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from paho.mqtt.client import MQTTMessageInfo

from edge.pi.store import Store
from edge.pi.uplink import IN_FLIGHT, RESERVED, Uplink
from edge.pi.windows import Point
from testbed.hand_clock import HandClock


class Wire:
    """Notes what is published, and when; the broker confirms at once, unless it is `stuck`."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.seqs: list[int] = []
        self.times: list[float] = []
        self.up = True
        self.stuck = False

    def publish(self, payload: bytes) -> MQTTMessageInfo | None:
        if not self.up:
            return None
        self.seqs.append(json.loads(payload)[0]["seq"])
        self.times.append(self.clock.elapsed() / 1e6)
        info = MQTTMessageInfo(len(self.seqs))
        if not self.stuck:
            info._set_as_published()
        return info


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(fast_path: Path) -> Iterator[Store]:
    with Store(fast_path, 10_000_000) as opened:
        yield opened


@pytest.fixture
def wire(clock: HandClock) -> Wire:
    return Wire(clock)


@pytest.fixture
def uplink(store: Store, clock: HandClock) -> Uplink:
    return Uplink(store, clock, 5.0)


def make(store: Store, count: int = 1) -> list[int]:
    return [
        seq for _ in range(count) for seq in store.commit([[Point("no2", "ug/m3", 0, 1.0)]], ticks_before=0)
    ]


def ack(store: Store, *seqs: int, log: str | None = None, now: float = 1_795_450_000.0) -> bytes:
    return json.dumps({"log": log or store.log, "seq": [[seq, seq] for seq in seqs], "now": now}).encode()


def test_a_backlog_is_sent_from_the_oldest_on_and_leaves_room_for_what_is_new(
    store: Store, uplink: Uplink, wire: Wire
) -> None:
    make(store, 100)
    uplink.connected(wire.publish)
    uplink.pump()
    assert wire.seqs == list(range(1, IN_FLIGHT - RESERVED + 1))
    uplink.pump()
    assert uplink.in_flight == IN_FLIGHT - RESERVED
    uplink.made(make(store, 3))
    uplink.pump()
    assert wire.seqs[-3:] == [101, 102, 103]
    uplink.received(ack(store, *range(1, 11)))
    uplink.pump()
    assert wire.seqs[-7:] == list(range(25, 32))  # the new ones take of the room, too
    uplink.received(ack(store, 101, 102, 103))
    uplink.pump()
    assert wire.seqs[-3:] == [32, 33, 34]


def test_slow_acknowledgements_starve_neither_a_backlog_nor_what_is_new(
    store: Store, uplink: Uplink, wire: Wire, clock: HandClock
) -> None:
    make(store, 100)
    uplink.connected(wire.publish)
    answered = 0
    for _ in range(20 * 30):  # 20 packs a second, more than the packs in flight allow
        uplink.made(make(store))
        uplink.pump()
        clock.advance(0.05)
        while answered < len(wire.seqs) and clock.elapsed() / 1e6 - wire.times[answered] >= 2:
            uplink.received(ack(store, wire.seqs[answered]))
            answered += 1
    rows = list(zip(wire.times, wire.seqs, strict=True))
    drained = next(time for time, seq in rows if seq == 100)
    assert drained - wire.times[0] < 100 / (RESERVED / 2) + 1
    live = [seq for time, seq in rows if seq > 100 and 4 < time - wire.times[0] < drained - 2]
    assert len(live) / (drained - 6 - wire.times[0]) > 0.9 * (IN_FLIGHT - RESERVED) / 2
    assert len(set(wire.seqs)) == len(wire.seqs)


def test_everything_is_sent_once_when_everything_is_answered(
    store: Store, uplink: Uplink, wire: Wire
) -> None:
    make(store, 200)
    uplink.connected(wire.publish)
    answered = 0
    while store.packs:
        uplink.pump()
        uplink.received(ack(store, *wire.seqs[answered:]))
        answered = len(wire.seqs)
        if store.packs == 120:
            uplink.made(make(store))
    assert sorted(wire.seqs) == list(range(1, store.last + 1))
    assert (uplink.sent, uplink.resent, uplink.acknowledged) == (store.last, 0, store.last)


def test_the_oldest_is_sent_again_ever_more_rarely_while_nothing_is_answered(
    store: Store, uplink: Uplink, wire: Wire, clock: HandClock
) -> None:
    make(store, 5)
    uplink.connected(wire.publish)
    for _ in range(2_000):
        uplink.pump()
        clock.advance(0.5)
    assert wire.seqs[:5] == [1, 2, 3, 4, 5]
    assert set(wire.seqs[5:]) == {1}
    pauses = [later - earlier for earlier, later in pairwise(wire.times[4:])]
    assert 4 <= pauses[0] <= 6.5
    assert 8 <= pauses[1] <= 12.5
    assert 16 <= pauses[2] <= 24.5
    assert all(48 <= pause <= 72.5 for pause in pauses[5:])


def test_once_a_resend_is_answered_ever_more_is_sent_again_at_once(
    store: Store, uplink: Uplink, wire: Wire, clock: HandClock
) -> None:
    make(store, 20)
    uplink.connected(wire.publish)
    uplink.pump()
    clock.advance(10)
    uplink.pump()
    assert wire.seqs[20:] == [1]
    for expected in ([2, 3], [4, 5, 6, 7], list(range(8, 16)), list(range(16, 21))):
        before = len(wire.seqs)
        uplink.received(ack(store, *wire.seqs[20:]))
        uplink.pump()
        assert wire.seqs[before:] == expected


def test_what_the_broker_has_not_confirmed_waits_in_a_connection_that_may_stand_still(
    store: Store, uplink: Uplink, wire: Wire, clock: HandClock
) -> None:
    make(store, 3)
    wire.stuck = True
    uplink.connected(wire.publish)
    for _ in range(11):
        uplink.pump()
        clock.advance(5)
    assert wire.seqs == [1, 2, 3]
    uplink.connected(wire.publish)
    uplink.pump()
    assert wire.seqs == [1, 2, 3, 1, 2, 3]


def test_what_the_broker_never_confirms_on_a_living_connection_is_sent_again(
    store: Store, uplink: Uplink, wire: Wire, clock: HandClock
) -> None:
    make(store, 3)
    wire.stuck = True
    uplink.connected(wire.publish)
    for _ in range(10 * 60):
        uplink.pump()
        clock.advance(1)
    assert set(wire.seqs[3:]) == {1, 2, 3}
    assert len(wire.seqs) < 3 + 15, "rarely, as the connection keeps each of them until it ends"
    wire.stuck = False
    uplink.received(ack(store, 1, 2, 3))
    assert uplink.in_flight == store.packs == 0


def test_a_new_connection_begins_with_the_oldest_again_and_takes_late_answers(
    store: Store, uplink: Uplink, wire: Wire
) -> None:
    make(store, 3)
    uplink.connected(wire.publish)
    uplink.pump()
    uplink.disconnected()
    uplink.made(make(store))
    uplink.pump()
    assert wire.seqs == [1, 2, 3]
    uplink.connected(wire.publish)
    uplink.received(ack(store, 2))
    uplink.pump()
    assert wire.seqs == [1, 2, 3, 1, 3, 4]
    assert uplink.acknowledged == 1


def test_a_connection_that_breaks_while_sending_leaves_the_rest_for_the_next(
    store: Store, uplink: Uplink, wire: Wire
) -> None:
    make(store, 3)
    uplink.connected(wire.publish)
    wire.up = False
    uplink.pump()
    uplink.made(make(store))
    uplink.pump()
    assert uplink.in_flight == 0
    wire.up = True
    uplink.pump()
    assert sorted(wire.seqs) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[1,2]",
        b'{"seq":[[1,2]]}',
        b'{"log":"LOG"}',
        b'{"log":"LOG","seq":[["1",2]]}',
        b'{"log":"\xff"}',
    ],
)
def test_what_is_no_acknowledgement_is_ignored_and_counted(
    store: Store, uplink: Uplink, wire: Wire, payload: bytes
) -> None:
    make(store)
    uplink.connected(wire.publish)
    uplink.pump()
    assert uplink.received(payload.replace(b"LOG", store.log.encode())) is None
    assert (uplink.ignored, store.packs) == (1, 1)


@pytest.mark.parametrize("now", [1e305, -1e18, 0.0, 1e18])
def test_a_clock_that_no_platform_has_is_not_believed_and_the_pack_is_safe_all_the_same(
    store: Store, uplink: Uplink, wire: Wire, now: float
) -> None:
    make(store)
    uplink.connected(wire.publish)
    uplink.pump()
    assert uplink.received(ack(store, 1, now=now)) is None
    assert (uplink.ignored, store.packs) == (1, 0)


def test_another_log_is_ignored_and_told(store: Store, uplink: Uplink, wire: Wire) -> None:
    make(store)
    uplink.connected(wire.publish)
    uplink.pump()
    assert uplink.received(ack(store, 1, log="other")) is None
    assert (uplink.ignored, uplink.foreign, store.packs) == (1, "other", 1)


def test_what_was_never_sent_is_not_taken_for_safe(store: Store, uplink: Uplink, wire: Wire) -> None:
    make(store, 100)
    uplink.connected(wire.publish)
    uplink.pump()
    uplink.received(ack(store, 50, 99))
    assert store.packs == 100
    everything = json.dumps({"log": store.log, "seq": [[0, 2**63 - 1]]}).encode()
    uplink.received(everything)
    assert store.packs == 100 - (IN_FLIGHT - RESERVED)
    assert uplink.ignored == 1


def test_the_platforms_clock_counts_only_where_it_is_clear_when_it_was_read(
    store: Store, uplink: Uplink, wire: Wire, clock: HandClock
) -> None:
    make(store, 3)
    uplink.connected(wire.publish)
    uplink.pump()
    sent = clock.elapsed()
    clock.advance(1)
    heard = uplink.received(ack(store, 1, now=1_795_450_000.5))
    assert heard is not None
    assert (heard.now, heard.sent) == (1_795_450_000_500_000, sent)
    clock.advance(10)
    uplink.pump()  # sends 2 again: the answer may be that to the first time
    assert uplink.received(ack(store, 2)) is None
    uplink.connected(wire.publish)
    uplink.pump()
    found = uplink.received(ack(store, 3))
    assert found is None or clock.elapsed() - found.sent > 10_000_000


def test_packs_that_were_dropped_meanwhile_are_passed_over(
    fast_path: Path, clock: HandClock, wire: Wire
) -> None:
    with Store(fast_path / "small", 2_000) as store:
        uplink = Uplink(store, clock, 5.0)
        make(store, 5)
        uplink.connected(wire.publish)
        uplink.pump()
        uplink.made(make(store, 100))
        for _ in range(300):
            uplink.pump()
            clock.advance(5)
            uplink.received(ack(store, *wire.seqs))
        assert store.packs == 0
        assert uplink.in_flight == 0

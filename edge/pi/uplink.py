"""The uplink: which pack is sent when, and what is done about those that nobody acknowledges."""

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
from paho.mqtt.client import MQTTMessageInfo

from edge.pi.clock import Clock
from edge.pi.packing import CHECK_LOG
from edge.pi.store import Store

IN_FLIGHT = 32
"""Most packs that are sent and not acknowledged."""
RESERVED = 8
"""Of these, so many are kept for packs that have just been made, so that a backlog does not delay them, and
so many for a backlog, so that it shrinks however slow the acknowledgements are."""
_LONGEST_WAIT = 12
"""The pauses between resends grow up to so many times the first one."""
_UNCONFIRMED = 60_000_000
"""Us after which a pack is sent again though the broker has not even confirmed it. A connection that stands
still is ended before, by its keepalive: the broker lives, and has lost it."""
_MOST_LIVE = 1_000
_MOST_EARLIER = 10_000

Publish = Callable[[bytes], MQTTMessageInfo | None]


SENSIBLE = (946_684_800, 4_102_444_800)
"""What a platform's clock can say, in seconds since 1970: from 2000 on, before 2100."""


class _Acknowledgement(msgspec.Struct):
    log: str
    seq: list[tuple[int, int]]
    now: float | None = None


@dataclass(slots=True)
class _Sent:
    first: int
    last: int
    info: MQTTMessageInfo
    live: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """The platform's clock (us since 1970), and when the newest pack it answers was sent (us since boot)."""

    now: int
    sent: int


class Uplink:
    """Sends the packs of a store over one connection after the other, for one thread.

    Packs that are made while there is a connection go first; what is left of the packs in flight goes to the
    backlog, oldest first, and of each kind `RESERVED` can always be in flight. When nothing is acknowledged,
    the oldest is sent again, ever more rarely; once it is answered, ever more of those that may have been
    lost are sent again at once.
    """

    def __init__(self, store: Store, clock: Clock, resend_after: float) -> None:
        self.sent = self.resent = self.acknowledged = self.ignored = 0
        """Packs sent for the first time on a connection, sent again, acknowledged; answers ignored."""
        self.foreign: str | None = None
        """Another log that was acknowledged to our name: does another node use it?"""
        self._store = store
        self._clock = clock
        self._resend_after = resend_after
        self._publish: Publish | None = None
        self._in_flight: dict[int, _Sent] = {}
        self._earlier: set[int] = set()
        self._live: deque[int] = deque(maxlen=_MOST_LIVE)
        self._cursor = 0
        self._attempts, self._burst, self._next_resend = 0, 1, 0

    @property
    def in_flight(self) -> int:
        """How many packs are sent and not acknowledged."""
        return len(self._in_flight)

    def connected(self, publish: Publish) -> None:
        """Begin with a new connection: what is in the store is sent from the oldest on."""
        self.disconnected()
        self._publish = publish

    def disconnected(self) -> None:
        """Forget the connection; what was in flight may or may not have arrived, and is sent again."""
        self._publish = None
        if len(self._earlier) < _MOST_EARLIER:
            self._earlier |= self._in_flight.keys()
        self._in_flight.clear()
        self._live.clear()
        self._cursor = 0
        self._calm()

    def made(self, seqs: Iterable[int]) -> None:
        """Take packs that have just been made; without a connection they are backlog."""
        if self._publish is not None:
            self._live.extend(seqs)

    def pump(self) -> None:
        """Send what there is room for, and what is overdue."""
        fresh = sum(each.live for each in self._in_flight.values())
        backlog = self._backlog()
        most = IN_FLIGHT - RESERVED if backlog else IN_FLIGHT
        while self._publish is not None and self._live and len(self._in_flight) < IN_FLIGHT and fresh < most:
            seq = self._live[0]
            if seq not in self._in_flight and not self._send(seq, live=True):
                return
            fresh += seq in self._in_flight  # else it was dropped
            self._live.popleft()
        for seq in backlog:
            flying = len(self._in_flight)
            if flying >= IN_FLIGHT - RESERVED and (flying == IN_FLIGHT or flying - fresh >= RESERVED):
                break
            if not self._send(seq, live=False):
                return
            self._cursor = seq
        self._resend()

    def _backlog(self) -> list[int]:
        """Return the next packs that were not sent on this connection, but for those that are live."""
        if self._publish is None or len(self._in_flight) >= IN_FLIGHT:
            return []
        end = self._live[0] if self._live else self._store.last + 1
        found = self._store.after(self._cursor, 2 * IN_FLIGHT)
        return [seq for seq in found if seq < end and seq not in self._in_flight]

    def wait(self) -> float:
        """Return the seconds until `pump` may have something to send again."""
        if not self._in_flight:
            return self._resend_after
        return max(0.01, (self._next_resend - self._clock.elapsed()) / 1e6)

    def received(self, payload: bytes) -> Heard | None:
        """Take in an acknowledgement; ones that aren't good, of another log or never sent are counted."""
        try:
            ack = msgspec.json.decode(payload, type=_Acknowledgement)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.ignored += 1
            return None
        if ack.log != self._store.log:
            self.ignored += 1
            if ack.log != CHECK_LOG:
                self.foreign = ack.log
            return None
        if any(high > self._store.last for _, high in ack.seq):
            self.ignored += 1  # it speaks of packs that were never made; what it says of others stands
        sent = [seq for seq in (*self._in_flight, *self._earlier) if any(a <= seq <= b for a, b in ack.seq)]
        if not sent:
            return None
        # What is safe makes room for others, though the store may not be able to forget it just now.
        answered = [self._in_flight.pop(seq) for seq in sent if seq in self._in_flight]
        if len(self._earlier) < _MOST_EARLIER:
            self._earlier.update(sent)
        self.acknowledged += self._store.acknowledge(sent)
        resent = [each for each in answered if each.first != each.last]
        self._earlier.difference_update(sent)
        self._progress()
        # The answer to a pack that was sent before, too, may be an old one.
        if ack.now is None or resent or not answered:
            return None
        if not SENSIBLE[0] <= ack.now < SENSIBLE[1]:
            self.ignored += 1
            return None
        return Heard(round(ack.now * 1e6), max(each.first for each in answered))

    def _send(self, seq: int, *, live: bool) -> bool:
        payload = self._store.payload(seq)
        if payload is None:
            return True  # dropped since
        assert self._publish is not None
        self._store.sending(seq)
        info = self._publish(payload)
        if info is None:
            return False
        now = self._clock.elapsed()
        if not self._in_flight:
            self._next_resend = now + self._patience()
        # One that went out on an earlier connection too may get the answer to that one.
        first = now - 60_000_000 if seq in self._earlier else now
        self._in_flight[seq] = _Sent(first, now, info, live)
        self.sent += 1
        return True

    def _resend(self) -> None:
        now = self._clock.elapsed()
        if self._publish is None or not self._in_flight or now < self._next_resend:
            return
        late = sorted(
            seq
            for seq, each in self._in_flight.items()
            # What the broker has not even confirmed waits in a connection that stands still.
            if now - each.last >= (self._resend_after * 1e6 if each.info.is_published() else _UNCONFIRMED)
        )
        if not late:
            self._next_resend = now + round(self._resend_after * 0.2e6)
            return
        if self._attempts:
            self._burst = 1  # the last attempt was in vain
        for seq in late[: self._burst]:
            payload = self._store.payload(seq)
            if payload is None:
                del self._in_flight[seq]
                continue
            info = self._publish(payload)
            if info is None:
                return
            sent = self._in_flight[seq]
            sent.last, sent.info = now, info
            self.resent += 1
        self._attempts += 1
        self._next_resend = now + self._patience()

    def _progress(self) -> None:
        """Look anew at what is in flight after an acknowledgement."""
        if not self._in_flight:
            self._calm()
            return
        self._burst = min(2 * self._burst, IN_FLIGHT) if self._attempts else 1
        self._attempts = 0
        now = self._clock.elapsed()
        oldest = min(each.last for each in self._in_flight.values())
        self._next_resend = max(now, oldest + self._patience())

    def _calm(self) -> None:
        self._attempts, self._burst, self._next_resend = 0, 1, 0

    def _patience(self) -> int:
        longer = min(2.0 ** min(self._attempts, 10), _LONGEST_WAIT)
        return round(self._resend_after * longer * random.uniform(0.8, 1.2) * 1e6)

"""Uplink: what a node does to get its packs stored, for many nodes over one connection.

Every pack has the (log, seq) of its node and is kept until an acknowledgement says that it is safe; until
then it is sent again and again. One connection can have one last will only, so a whole uplink that dies
leaves its nodes' status at `online`.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Self

import msgspec
from paho.mqtt.client import MQTTMessageInfo

from bypuls import topics
from bypuls.errors import BypulsError, PackError
from bypuls.senml import MAX_PAYLOAD
from bypuls.settings import BrokerSettings
from simulators.connection import Connection
from simulators.latency import Latencies
from simulators.node_store import NodeStore, Pack, Position
from simulators.stranger import Stranger

_TICK = 0.1
_HEAD = b"[{"
_MOST_FILTERS = 16
_ONLINE, _OFFLINE = b'{"state":"online"}', b'{"state":"offline"}'


class Counters(NamedTuple):
    """Packs sent (once each), sent again, acknowledged and in flight; and acknowledgements ignored.

    `readings` is how many readings the acknowledged packs hold.
    """

    sent: int
    resent: int
    acknowledged: int
    in_flight: int
    ignored: int
    readings: int


class _Acknowledgement(msgspec.Struct):
    log: str
    seq: list[tuple[int, int]]


class Uplink:
    """Sends packs for `nodes`, each continuing at its position; use it as a context manager.

    At most `per_node` packs of a node and `in_flight` packs of all are unacknowledged; then `send` waits.
    A node's oldest pack is sent again after `resend_after` seconds, and then ever more rarely, up to once a
    minute. `tell` gets sentences for people about outages, and about another sender under the same names;
    while that one sends, nodes are not called offline at the end. `line`, where there is one, tells from
    node, seq and payload what arrives of a pack; `latencies` gets how long each took to be acknowledged.
    Entering raises BypulsError when the broker can't be reached; later outages heal by themselves.
    """

    def __init__(
        self,
        broker: BrokerSettings,
        nodes: Mapping[str, Position],
        *,
        tell: Callable[[str], None],
        in_flight: int = 512,
        per_node: int = 64,
        resend_after: float = 5.0,
        line: Callable[[str, int, bytes], list[bytes]] | None = None,
        latencies: Latencies | None = None,
    ) -> None:
        self._stores = {
            node: NodeStore(position.log, position.seq, resend_after, per_node)
            for node, position in nodes.items()
        }
        self._limit, self._node_limit = in_flight, per_node
        self._line, self._latencies = line, latencies
        self._waiting: dict[str, NodeStore] = {}
        self._connection = Connection(broker, f"bypuls-{secrets.token_hex(6)}", self._received, tell)
        self._changed = threading.Condition()
        self._sent = self._resent = self._acknowledged = self._in_flight = self._ignored = self._readings = 0
        self._last_progress = time.monotonic()
        self._stranger = Stranger(tell)
        self._greeted = 0
        self._greetings: list[MQTTMessageInfo] = []
        self._stop = threading.Event()
        self._tender = threading.Thread(target=self._tend, name="uplink", daemon=True)

    def __enter__(self) -> Self:
        self._connection.open()
        try:
            if not self._greet():
                refusal = self._connection.refusal
                raise BypulsError(
                    refusal or "the MQTT broker does not confirm subscriptions; is it overloaded?"
                )
        except BaseException:
            self._connection.close()
            raise
        self._tender.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._tender.join()
        leaves = self._connection.up and not self._stranger.is_here
        farewells = self._publish_status(_OFFLINE) if leaves else []
        deadline = time.monotonic() + 2
        while not all(info.is_published() for info in farewells) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._connection.close()

    @property
    def counters(self) -> Counters:
        """What has happened since the start."""
        with self._changed:
            return Counters(
                self._sent, self._resent, self._acknowledged, self._in_flight, self._ignored, self._readings
            )

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the broker now."""
        return self._connection.up

    @property
    def silence(self) -> float:
        """Seconds without any acknowledgement while packs are in flight; 0 when none is."""
        with self._changed:
            return time.monotonic() - self._last_progress if self._in_flight else 0.0

    def safe(self, node: str) -> int:
        """Return the seq up to which every pack of the node is acknowledged."""
        with self._changed:
            store = self._stores[node]
            return next(iter(store.packs), store.last + 1) - 1

    def oldest_mark(self) -> int | None:
        """Return the lowest mark of all packs that are not acknowledged; None when all are."""
        with self._changed:
            return min(
                (pack.mark for store in self._waiting.values() for pack in store.packs.values()), default=None
            )

    def send(
        self, node: str, body: bytes, timeout: float | None = None, *, readings: int = 0, mark: int = 0
    ) -> int | None:
        """Number a SenML JSON pack as the node's next one, send it, and return its seq.

        `body` has no log and seq yet, and `readings` readings; `mark` is the caller's own number.
        Waits while as many packs are in flight as may be; returns None, and has sent nothing, when that lasts
        longer than `timeout` seconds. Raises BypulsError when the broker does not let us publish, or
        when the pack is larger than `MAX_PAYLOAD` bytes, and ValueError when it is empty.
        """
        if self._connection.refusal is not None:
            raise BypulsError(self._connection.refusal)
        if not body.startswith(_HEAD):
            raise ValueError("a pack needs at least one record")
        store = self._stores[node]
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(store), timeout):
                return None
            seq = store.last + 1
            payload = b'[{"log":"%b","seq":%d,%b' % (store.log.encode(), seq, body[len(_HEAD) :])
            if len(payload) > MAX_PAYLOAD:
                raise BypulsError(
                    f"a pack has {len(payload)} bytes, the limit is {MAX_PAYLOAD}; put fewer rows into one"
                )
            now = time.monotonic()
            self._waiting[node] = store
            if not self._in_flight:
                self._last_progress = now
            topic = topics.topic(node, topics.Leaf.UP)
            pack = Pack(topic, payload, readings, mark, now, now)
            store.add(pack, now)
            self._in_flight += 1
            self._sent += 1
        # Outside the lock: paho calls back with a lock of its own held, which publish() needs too.
        for arriving in (payload,) if self._line is None else self._line(node, seq, payload):
            pack.published = self._connection.publish(topic, arriving)
        return seq

    def announce(self, nodes: Iterable[str]) -> None:
        """Say once more that nodes are online, as one does after a reboot."""
        if self._connection.up:
            for node in nodes:
                self._connection.publish(topics.topic(node, topics.Leaf.STATUS), _ONLINE, retain=True)

    def drain(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds until every pack is acknowledged; tells whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight == 0, timeout)

    def _has_room(self, store: NodeStore) -> bool:
        return self._in_flight < self._limit and len(store.packs) < self._node_limit

    def _received(self, topic: str, payload: bytes) -> None:
        """Take in an acknowledgement; anything that isn't a good one of ours is counted and ignored."""
        try:
            node = topics.parse(topic).node
            acknowledgement = msgspec.json.decode(payload, type=_Acknowledgement)
        except (PackError, msgspec.DecodeError, UnicodeDecodeError):
            with self._changed:
                self._ignored += 1
            return
        store = self._stores.get(node)
        if store is not None and store.log != acknowledgement.log:
            self._stranger.notice(node)
        with self._changed:
            if store is None or store.log != acknowledgement.log:
                self._ignored += 1
                return
            if any(high > store.last for _, high in acknowledgement.seq):
                self._ignored += 1  # it speaks of packs that were never sent; what it says of others stands
            now = time.monotonic()
            safe = store.take_safe(acknowledgement.seq, now)
            if not safe:
                return
            self._last_progress = now
            for pack in safe:
                self._readings += pack.readings
                if self._latencies is not None:
                    self._latencies.add(now - pack.first, pack.readings)
            if not store.packs:
                self._waiting.pop(node, None)
            self._in_flight -= len(safe)
            self._acknowledged += len(safe)
            self._changed.notify_all()

    def _tend(self) -> None:
        """Greet after each reconnection and send overdue packs again, until the end."""
        while not self._stop.wait(_TICK):
            if not self._connection.up:
                continue
            if self._greeted != self._connection.number and not self._greet():
                continue
            for pack in self._overdue():
                pack.published = self._connection.publish(pack.topic, pack.payload)

    def _overdue(self) -> list[Pack]:
        now = time.monotonic()
        with self._changed:
            # A call for each of 10,000 waiting nodes, ten times a second, cost 3 % of a core.
            due = [store for store in self._waiting.values() if now >= store.next_resend]
            overdue = [pack for store in due for pack in store.overdue(now)]
            self._resent += len(overdue)
        return overdue

    def _greet(self) -> bool:
        """Subscribe to the acknowledgements and say that the nodes are online."""
        number = self._connection.number
        # A broker in Python compares each message with every filter: 1,500 of them cut it to 60 packs/s.
        nodes = self._stores if len(self._stores) <= _MOST_FILTERS else ("+",)
        if not self._connection.subscribe([topics.topic(node, topics.Leaf.ACK) for node in nodes]):
            return False
        if self._connection.refusal is not None:
            return False
        if all(info.is_published() for info in self._greetings):  # or paho still sends them again itself
            self._greetings = self._publish_status(_ONLINE)
        self._greeted = number
        return True

    def _publish_status(self, state: bytes) -> list[MQTTMessageInfo]:
        publish, status = self._connection.publish, topics.Leaf.STATUS
        return [publish(topics.topic(node, status), state, retain=True) for node in self._stores]

"""The agent: sensors, recorder, store and uplink, wired together."""

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence

from bypuls import __version__, topics
from edge.pi.clock import Clock
from edge.pi.configuration import NOTHING_REMOTE, Configuration, Plan, plan, read_remote
from edge.pi.connection import Connection, Denied, Down, Event, Received, Up
from edge.pi.errors import ConfigurationError, StoreError
from edge.pi.recorder import Recorder
from edge.pi.sampling import Sampler
from edge.pi.status import OFFLINE, Status
from edge.pi.store import Store
from edge.pi.supervision import Supervision
from edge.pi.uplink import Uplink

_log = logging.getLogger(__name__)

_FORGET_FOREIGN_AFTER = 600.0
_LOG_AGAIN = 60_000_000
_MOST_CONFIG = 65_536
_MOST_UNHEEDED = 1_000
_MOST_SHOWN = 32
_NAME = f"bypuls-edge {__version__}"


class Agent:
    """Runs a configuration until `stop` is set; `clock` is the system's, but for tests.

    Everything heals: sensors, the broker and a full disk are tried again, and told in the log and in the
    node's status.
    """

    def __init__(self, configuration: Configuration, clock: Clock, store: Store) -> None:
        node = configuration.node
        self._configuration = configuration
        self._clock = clock
        self._store = store
        self._up_topic, self._status_topic, self._ack_topic, self._config_topic = (
            topics.topic(node, leaf)
            for leaf in (topics.Leaf.UP, topics.Leaf.STATUS, topics.Leaf.ACK, topics.Leaf.CONFIG)
        )
        self._supervision = Supervision()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._samplers: list[Sampler] = []
        self._unheeded: deque[Received] = deque(maxlen=_MOST_UNHEEDED)
        self._unheeded_config: Received | None = None
        self._config_error: str | None = None
        self._config_id: str | None = None
        self._trouble: dict[str, str] = {}
        self._next_log: dict[str, int] = {}
        self._last_foreign = 0
        self._plan = self._kept_plan()
        trust = configuration.clock == "system"
        self._recorder = Recorder(store, clock, self._plan.channels, trust=trust)
        self._uplink = Uplink(store, clock, configuration.resend)
        self._connection = Connection(
            configuration.broker,
            # Two nodes with one name don't throw each other out: their logs differ.
            f"{node}-{store.log}",
            [self._ack_topic, self._config_topic],
            (self._status_topic, OFFLINE),
            self._woken,
        )
        self._status = Status(self._publish_status, clock)

    def stop(self) -> None:
        """End soon; may be called from a signal handler."""
        self._stopping.set()
        self._woken.set()

    def run(self) -> None:
        """Measure and send until `stop`."""
        if self._store.replaced is not None:
            _log.error(
                "the store could not be read and is kept in %s; a new log begins", self._store.replaced
            )
        self._connection.start()
        self._start_sensors()
        self._supervision.tell("READY=1")
        _log.info(
            "%s measures; log %s, %d packs waiting",
            *(self._configuration.node, self._store.log, self._store.packs),
        )
        try:
            self._loop()
        finally:
            self._end()

    def _loop(self) -> None:
        next_report = self._clock.elapsed()
        while not self._stopping.is_set():
            self._woken.clear()
            self._guarded("acknowledgements", self._take_events)
            if self._clock.elapsed() >= next_report:
                self._guarded("packs", self._report)
                next_report = self._next_report()
            self._guarded("sending", self._uplink.pump)
            self._tell_status()
            if not any(each.stuck for each in self._samplers) and self._connection.alive:
                self._supervision.alive()
            pause = min(1.0, self._uplink.wait(), (next_report - self._clock.elapsed()) / 1e6)
            self._clock.wait(self._woken, max(0.0, pause))

    def _end(self) -> None:
        self._supervision.tell("STOPPING=1")
        for each in self._samplers:
            each.stop(2)
        self._guarded("packs", self._report)
        self._guarded("sending", self._uplink.pump)
        if self._recorder.unwritten:
            _log.error(
                "%d samples are lost: the store %s can't be written; make room on its disk",
                *(self._recorder.unwritten, self._store.folder),
            )
        self._publish_status(OFFLINE)
        self._connection.stop()

    def _guarded(self, what: str, step: Callable[[], None]) -> None:
        """Do something; a store that can't be written is told until the same succeeds, and tried again."""
        try:
            step()
        except StoreError as error:
            self._notice(what, str(error))
        else:
            self._notice(what, None)

    def _notice(self, what: str, sentence: str | None) -> None:
        """Remember what is wrong, or no more; a sentence is logged once, and again a minute later at most."""
        if sentence is None:
            self._trouble.pop(what, None)
        elif self._trouble.get(what) != sentence:
            self._trouble[what] = sentence
            now = self._clock.elapsed()
            if len(self._next_log) > _MOST_UNHEEDED:
                self._next_log.clear()
            if now >= self._next_log.get(sentence, now):
                self._next_log[sentence] = now + _LOG_AGAIN
                _log.warning("%s", sentence)

    def _report(self) -> None:
        self._uplink.made(self._recorder.report())
        if not self._recorder.known and not self._store.packs:
            self._uplink.made(self._recorder.greet())  # its acknowledgement brings the time

    def _next_report(self) -> int:
        """Return when windows are over next: at whole multiples of `report` by UTC, and a little later.

        A different little for each node and time, so that not all of a town speak at once.
        """
        step = round(self._plan.report * 1e6)
        elapsed = self._clock.elapsed()
        now = self._recorder.stamp(elapsed)
        late = round(random.uniform(0.02, min(1.0, 0.2 * self._plan.report)) * 1e6)
        return elapsed + (now // step + 1) * step - now + late

    # The broker

    def _take_events(self) -> None:
        failed = None
        for event in self._due_events():
            try:
                self._take(event)
            except StoreError as error:
                failed = error
                if isinstance(event, Received):
                    self._postpone(event)
        if failed is not None:
            raise failed

    def _due_events(self) -> list[Event]:
        """Return what the store did not let us heed before, and what has come since."""
        events: list[Event] = [*self._unheeded]
        if self._unheeded_config is not None:
            events.append(self._unheeded_config)
        self._unheeded.clear()
        self._unheeded_config = None
        while not self._connection.events.empty():
            events.append(self._connection.events.get())
        return events

    def _postpone(self, message: Received) -> None:
        """Keep a message for when the store can be written again: of configurations the newest, of
        acknowledgements so many as will do, since the platform repeats them.
        """
        if message.topic == self._config_topic:
            self._unheeded_config = message
        else:
            self._unheeded.append(message)

    def _take(self, event: Event) -> None:
        match event:
            case Up():
                _log.info("connected to the broker")
                self._trouble.pop("broker", None)
                self._uplink.connected(lambda payload: self._connection.publish(self._up_topic, payload))
                self._status.renew()
            case Down(reason):
                self._uplink.disconnected()
                self._notice("broker", reason)
            case Denied(reason):
                self._notice("denied", reason)
            case Received(topic, payload) if topic == self._ack_topic:
                self._take_acknowledgement(payload)
            case Received(topic, payload) if topic == self._config_topic:
                self._unheeded_config = None  # an older one, which this one replaces
                self._take_configuration(payload)

    def _take_acknowledgement(self, payload: bytes) -> None:
        acknowledged = self._uplink.acknowledged
        heard = self._uplink.received(payload)
        if self._uplink.acknowledged != acknowledged:
            self._trouble.pop("denied", None)
        if heard is not None:
            self._uplink.made(self._recorder.heard(heard.now, heard.sent))
        now = self._clock.elapsed()
        if self._uplink.foreign is not None:
            other, self._uplink.foreign, self._last_foreign = self._uplink.foreign, None, now
            self._notice(
                "name", f"log {_shown(other)} is acknowledged too: does another device use this node's name?"
            )
        elif now - self._last_foreign > _FORGET_FOREIGN_AFTER * 1e6:
            self._notice("name", None)

    def _kept_plan(self) -> Plan:
        kept = self._store.get("remote")
        if kept:
            try:
                remote = read_remote(kept.encode())
                self._config_id = remote.id
                return plan(self._configuration, remote)
            except ConfigurationError as error:
                # The file has changed since.
                self._config_error = str(error)
                _log.warning("what was set from afar can't be followed any more: %s", error)
        return plan(self._configuration)

    def _take_configuration(self, payload: bytes) -> None:
        remote = NOTHING_REMOTE
        try:
            if len(payload) > _MOST_CONFIG:
                raise ConfigurationError(f"the message has {len(payload)} bytes, the limit is {_MOST_CONFIG}")
            remote = read_remote(payload)
            wanted = plan(self._configuration, remote)
        except ConfigurationError as error:
            self._config_id = remote.id or self._config_id
            self._config_error = str(error)
            _log.warning("what was set from afar can't be followed: %s", error)
            return
        self._store.put(remote=payload.decode())
        self._uplink.made(self._recorder.configure(wanted.channels))
        self._config_id = None if remote == NOTHING_REMOTE else remote.id
        self._config_error = None
        if wanted != self._plan:
            before, self._plan = self._plan, wanted
            _log.info("intervals are set from afar: %s", remote.id or "as in the file")
            if before.sensors != wanted.sensors:
                self._start_sensors()

    # Sensors

    def _start_sensors(self) -> None:
        """Start the sensors of the plan, anew where the plan for one has changed."""
        kept = [each for each in self._samplers if each.plan in self._plan.sensors]
        for each in self._samplers:
            if each not in kept:
                each.stop(5)
        known = [each.plan for each in kept]
        new = [
            Sampler(each, self._clock, self._recorder.add) for each in self._plan.sensors if each not in known
        ]
        self._samplers = kept + new
        for each in new:
            each.start()

    # Status

    @property
    def _problems(self) -> Sequence[str]:
        sensors = [each.problem for each in self._samplers if each.problem is not None]
        lost = [f"{self._recorder.lost} samples were lost"] if self._recorder.lost else []
        skew = self._recorder.skew
        clock = [f"the platform's clock differs by {skew:.0f} s"] if abs(skew) > 2 else []
        aside = [
            f"a store that could not be read is kept in {path}: it may hold readings that the platform "
            "lacks; remove the folder when you have looked"
            for path in self._store.aside
            if path.exists()
        ]
        return [*sensors, *dict.fromkeys(self._trouble.values()), *lost, *clock, *aside]

    def _publish_status(self, payload: bytes) -> bool:
        return self._connection.publish(self._status_topic, payload, retain=True) is not None

    def _tell_status(self) -> None:
        config: dict[str, str] = {}
        if self._config_id is not None:
            config["id"] = self._config_id
        if self._config_error is not None:
            config["error"] = self._config_error
        state = {
            "state": "online",
            "agent": _NAME,
            "log": self._store.log,
            "config": config,
            "clock": "known" if self._recorder.known else "unknown",
            "problems": self._problems,
        }
        counters = {
            "waiting": self._store.packs,
            "dropped": self._store.dropped,
            "refused": self._recorder.refused,
        }
        self._status.tell(state, counters)


def _shown(name: str) -> str:
    """Return a log's name that anybody may have chosen so that it can stand in a log and a status."""
    return name if len(name) <= _MOST_SHOWN and name.isprintable() else f"{name[:_MOST_SHOWN]!r}…"

"""The connection to the MQTT broker: one thread that reads, acknowledges and reconnects.

All calls into paho are made on this thread; the others only hand over. So nothing blocks in a callback,
nothing is published inside one, and no lock of paho's is waited for.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from bypuls.errors import BypulsError
from bypuls.settings import BrokerSettings, IngestSettings
from bypuls.topics import Leaf, topic
from ingest.arrival import Arrival
from ingest.backoff import Backoff
from ingest.doorbell import Doorbell
from ingest.metrics import Metrics
from ingest.queue import ArrivalQueue
from ingest.quick_client import QuickClient

_log = structlog.get_logger()

_TICK = 0.2
_MOST_AT_ONCE = 500
ANSWER_WITHIN = 5.0
"""Seconds that the broker has to answer a connection and its subscriptions."""

SILENCE = 10.0
"""Seconds after which a silent broker is asked for a sign of life, and that it has to give one."""

_UNSUPPORTED_VERSION = 0x84
_TAKEN_OVER = 0x8E
_SESSION = 7 * 24 * 3600
"""How long (seconds) the broker keeps messages for a worker that is away."""


class BrokerLink:
    """Receives packs and statuses, hands them to the queue, and sends the acknowledgements it is given."""

    def __init__(
        self,
        broker: BrokerSettings,
        ingest: IngestSettings,
        queue: ArrivalQueue,
        metrics: Metrics,
        *,
        client_id: str,
        alone: bool,
    ) -> None:
        """`client_id` must stay the same over restarts; `alone` says that this is the only worker."""
        self._broker = broker
        self._ingest = ingest
        self._queue = queue
        self._metrics = metrics
        self._client_id = client_id
        self._alone = alone
        self._protocol = MQTTv5
        self._connection = 0
        self._received: list[Arrival] = []
        self._settled: deque[Sequence[Arrival]] = deque()
        self._outgoing: deque[tuple[str, bytes]] = deque()
        self._doorbell = Doorbell()
        self._stopping = threading.Event()
        self._quiet = threading.Event()
        self._refusal = ""
        self._code: int | None = None
        self._proven = False
        self._connected = False
        self._heard = 0.0
        self._asked: float | None = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Connect and begin to read; raises BypulsError if the first connection fails."""
        try:
            self._client = self._connect()
        except (OSError, BypulsError) as error:
            raise BypulsError(
                f"can't connect to the broker at {self._broker.host}:{self._broker.port}: {error}; "
                "check BYPULS_MQTT_HOST, _PORT, _USERNAME and _PASSWORD, and that the broker runs"
            ) from error
        self._thread.start()

    def acknowledge(self, arrivals: Sequence[Arrival], replies: Sequence[tuple[str, bytes]]) -> None:
        """Confirm messages to the broker, in this order, and publish replies (topic, payload) to nodes."""
        self._settled.append(arrivals)
        self._outgoing.extend(replies)
        self._doorbell.ring()

    def stop_reading(self) -> None:
        """Take no more messages; acknowledgements still go out."""
        self._quiet.set()
        self._doorbell.ring()

    def stop(self, timeout: float) -> None:
        """Send what is due, disconnect cleanly and end the thread."""
        self._stopping.set()
        self._doorbell.ring()
        self._thread.join(timeout)

    # What follows runs on the thread.

    def _run(self) -> None:
        try:
            backoff = Backoff()
            while not self._stopping.is_set():
                if self._converse():
                    backoff.reset()
                if self._stopping.is_set():
                    break
                self._metrics.connected.labels("broker").set(0)
                pause = backoff.next()
                _log.warning("broker lost", reason=self._refusal, retry_in=round(pause, 1))
                self._stopping.wait(pause)
                try:
                    self._client = self._connect()
                except (OSError, BypulsError) as error:
                    self._refusal = str(error)
                else:
                    self._metrics.reconnects.labels("broker").inc()
                    _log.info("broker connected again")
        except BaseException as error:  # noqa: BLE001 - the service must see that the thread died
            self.failure = error
            _log.exception("broker thread died")

    def _connect(self) -> QuickClient:
        """Connect and wait until the subscriptions stand; raises OSError or BypulsError."""
        self._refusal, self._code = "", None
        client = self._new_client()
        client.connect(self._broker.host, self._broker.port, keepalive=0, **self._connect_options())
        deadline = time.monotonic() + ANSWER_WITHIN
        while not self._connected and not self._refusal and time.monotonic() < deadline:
            self._exchange(client, 0.1)
        if self._connected:
            self._proven = True
            return client
        client.disconnect()
        if self._protocol == MQTTv5 and not self._proven and self._code in (None, _UNSUPPORTED_VERSION):
            # A broker that knows only 3.1.1 refuses version 5, hangs up, or does not answer at all.
            self._protocol = MQTTv311
            return self._connect()
        reason = self._refusal or f"no answer within {ANSWER_WITHIN:g} s"
        if not self._proven:
            self._protocol = MQTTv5
        raise BypulsError(reason)

    def _new_client(self) -> QuickClient:
        client = QuickClient(
            CallbackAPIVersion.VERSION2,
            receive=self._receive,
            client_id=self._client_id,
            protocol=self._protocol,
            manual_ack=True,
            reconnect_on_failure=False,
            clean_session=None if self._protocol == MQTTv5 else False,
        )
        if self._broker.username is not None:
            password = self._broker.password
            client.username_pw_set(self._broker.username, password.get_secret_value() if password else None)
        if self._broker.tls:
            client.tls_set(ca_certs=self._broker.ca_file)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        # With this set paho leaves packets in its queue, for the loop below to write many at once.
        client.on_socket_register_write = lambda *_: None
        self._connected = False
        self._heard, self._asked = time.monotonic(), None
        # Counted here, not at the CONNACK: an acknowledgement that is due now belongs to the last connection.
        self._connection += 1
        return client

    def _connect_options(self) -> dict[str, Any]:
        if self._protocol != MQTTv5:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = self._ingest.in_flight
        properties.SessionExpiryInterval = _SESSION
        return {"clean_start": False, "properties": properties}

    def _filters(self) -> list[tuple[str, int]]:
        # 3.1.1 knows no shared subscriptions, though some brokers do: ask for one only if it is needed.
        shared = self._protocol == MQTTv5 or not self._alone
        prefix = f"$share/{self._ingest.group}/" if shared else ""
        # Statuses are retained, and retained messages don't come through a shared subscription.
        return [*((prefix + each, 1) for each in self._ingest.filters.split()), (topic("+", Leaf.STATUS), 1)]

    def _converse(self) -> bool:
        """Read and write until the connection ends; tell whether it had stood for a while."""
        client, since = self._client, time.monotonic()
        self._metrics.connected.labels("broker").set(1)
        while self._connected:
            if self._stopping.is_set():
                self._write_due(client)
                client.disconnect()
                self._exchange(client, 0)
                break
            self._exchange(client, _TICK)
        return time.monotonic() - since > 5

    def _exchange(self, client: QuickClient, timeout: float) -> None:
        """One round: wait for something to do, read what came, write what is due."""
        sock: Any = client.socket()
        if sock is None:
            self._lose("connection closed")
            return
        reading = not self._connected or not (self._queue.is_full or self._quiet.is_set())
        ahead = reading and sock.pending() > 0
        readable = self._doorbell.wait(sock, reading=reading, timeout=0 if ahead else timeout)
        self._feel_pulse(client, heard=readable or not reading)
        for _ in range(_MOST_AT_ONCE if reading else 0):
            if not (readable or sock.pending()):
                break
            readable = False
            client.loop_read()
            if client.socket() is None:
                break
        if self._received:
            self._metrics.messages.inc(len(self._received))
            self._queue.put(self._received)
            self._received = []
        self._write_due(client)
        client.loop_misc()

    def _feel_pulse(self, client: QuickClient, heard: bool) -> None:
        """Ask a silent broker for a sign of life: TCP notices a host that is gone, not a stopped process."""
        now = time.monotonic()
        if heard:
            self._heard, self._asked = now, None
        elif self._asked is None and now - self._heard > SILENCE:
            self._asked = now
            client.ask()
        elif self._asked is not None and now - self._asked > SILENCE:
            self._lose(f"the broker has not answered for {now - self._heard:.0f} s")
            client.hang_up()

    def _write_due(self, client: QuickClient) -> None:
        while self._settled:
            # An acknowledgement of an earlier connection could confirm another message of this one.
            current = [each for each in self._settled.popleft() if each.connection == self._connection]
            client.acknowledge([each.mid for each in current if each.qos == 1])
            for arrival in current:
                if arrival.qos == 2:
                    client.ack(arrival.mid, 2)
        while self._outgoing and self._connected:
            reply_topic, payload = self._outgoing.popleft()
            client.reply(reply_topic, payload)
        if client.want_write():
            client.loop_write()
        sock: Any = client.socket()
        if sock is not None:
            try:
                sock.flush()
            except OSError as error:
                self._lose(str(error))

    def _lose(self, reason: str) -> None:
        self._connected = False
        self._refusal = self._refusal or reason

    def _on_connect(
        self,
        client: Client,
        _data: Any,
        _flags: ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if code.is_failure:
            self._refusal, self._code = str(code), code.value
            return
        client.subscribe(self._filters())

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            self._refusal = f"the broker refused a subscription: {', '.join(refused)}"
        else:
            self._connected = True

    def _on_disconnect(
        self,
        _client: Client,
        _data: Any,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        hint = "; does another ingest use this BYPULS_INGEST_CLIENT_ID?" if code.value == _TAKEN_OVER else ""
        self._lose(f"connection closed: {code}{hint}")

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._receive(message._topic, bytes(message.payload), message.mid, message.qos)

    def _receive(self, name: bytes, payload: bytes, mid: int, qos: int) -> None:
        now = time.time_ns() // 1000
        text = name.decode(errors="backslashreplace")  # a broker should refuse such a topic
        self._received.append(Arrival(text, payload, now, mid, qos, self._connection))

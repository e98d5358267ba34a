"""The connection to the broker: MQTT 5, or 3.1.1 where the broker knows no 5; it heals by itself.

Each connection has a client of its own. paho would send again what an earlier connection left open; the
uplink does that itself, from the store, and nothing of an earlier connection is mistaken for this one's.
"""

import logging
import queue
import random
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from edge.pi.configuration import Broker
from edge.pi.errors import ConfigurationError, EdgeError

_log = logging.getLogger(__name__)

KEEPALIVE = 20
"""Seconds of silence after which client and broker ask each other for a sign of life."""
ANSWER_TIMEOUT = 10.0
"""Longest wait for a connection, and for the broker's answer to it, in seconds."""
STEADY = 5.0
"""A connection that was up for so many seconds was a good one: the next pause is short again. Were it longer,
a short cut soon after a long outage would cost the pause of that, a minute, once more."""
_LONGEST_PAUSE = 60.0
_UNSUPPORTED_PROTOCOL = 0x84
_NOT_AUTHORIZED = 0x87
_TAKEN_OVER = 0x8E


@dataclass(frozen=True, slots=True)
class Up:
    """The broker has taken the connection and both subscriptions."""


@dataclass(frozen=True, slots=True)
class Down:
    """The connection is gone, or could not be made; why, in a sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Received:
    """A message has come."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Denied:
    """The broker does not let us do what we must; why, in a sentence."""

    reason: str


Event = Up | Down | Received | Denied


class Connection:
    """Keeps a connection to the broker up, from `start` to `stop`; what happens comes out of `events`.

    `will` (topic, payload) is published, retained, when the connection breaks; each event sets `woken`.
    Raises ConfigurationError where a file that `broker` names can't be used.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        topics: list[str],
        will: tuple[str, bytes] | None,
        woken: threading.Event,
    ) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._broker = broker
        self._secret = broker.secret
        if broker.tls:
            tls_context(broker)  # what is wrong with its files is told now, not at each attempt to connect
        self._client_id = client_id
        self._topics = topics
        self._will = will
        self._woken = woken
        self._stop = threading.Event()
        self._protocol: MQTTProtocolVersion = mqtt.MQTTv5
        self._client: mqtt.Client | None = None
        self._up = False
        self._up_since: float | None = None
        self._answered = False
        self._answer, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread that keeps the connection still runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye to the broker, and end."""
        self._stop.set()
        client = self._client
        if client is not None:
            client.disconnect()
            if not self._ended.wait(2) and isinstance(sock := client.socket(), socket.socket):
                with suppress(OSError):  # a broker that hangs takes no goodbye
                    sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(3)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> mqtt.MQTTMessageInfo | None:
        """Publish with QoS 1; returns None where there is no connection."""
        client = self._client
        if client is None or not self._up:
            return None
        info = client.publish(topic, payload, qos=1, retain=retain)
        return info if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    # From here on everything runs in the network's thread.

    def _run(self) -> None:
        pause = 1.0
        while not self._stop.is_set():
            self._up_since = None
            try:
                reason = self._connect_once()
            except EdgeError as error:
                reason = str(error)
            except Exception as error:  # noqa: BLE001  # the thread must not end
                _log.exception("a defect in the connection")
                reason = f"a defect: {error}"
            self._up = False
            self._client = None
            if self._stop.is_set():
                return
            self._tell(Down(reason))
            if self._up_since is not None and time.monotonic() - self._up_since > STEADY:
                pause = 1.0
            self._stop.wait(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _connect_once(self) -> str:
        """Connect and stay connected; return why it ended."""
        self._reason = f"what listens at {self._where} does not answer as an MQTT broker; check broker.port"
        self._answered = False
        self._answer.clear()
        self._ended.clear()
        client = self._make()
        clean = True if self._protocol == mqtt.MQTTv5 else mqtt.MQTT_CLEAN_START_FIRST_ONLY
        try:
            client.connect(self._broker.host, self._broker.port, KEEPALIVE, clean_start=clean)
        except ssl.SSLError as error:
            return f"TLS with {self._where} fails: {error}; check broker.ca_file and broker.port"
        except socket.gaierror as error:
            return f"the name {self._broker.host!r} is not known: {error}; check broker.host and the network"
        except OSError as error:
            doubt = "; does that port speak TLS?" if self._broker.tls else ""
            return (
                f"no MQTT broker can be reached at {self._where}: {error}; "
                f"check broker.host and broker.port{doubt}"
            )
        self._client = client
        client.loop_start()  # a thread of paho's own: only then does no other thread write to the socket
        if not self._answer.wait(ANSWER_TIMEOUT):
            client.disconnect()
        self._ended.wait()
        client.loop_stop()
        if not self._answered:
            # Old brokers refuse MQTT 5 by hanging up, or by saying nothing.
            self._protocol = mqtt.MQTTv311 if self._protocol == mqtt.MQTTv5 else mqtt.MQTTv5
        return self._reason

    @property
    def _where(self) -> str:
        return f"{self._broker.host}:{self._broker.port}"

    def _make(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            self._client_id,
            protocol=self._protocol,
            reconnect_on_failure=False,
        )
        broker = self._broker
        if broker.username is not None:
            client.username_pw_set(broker.username, self._secret)
        if broker.tls:
            client.tls_set_context(tls_context(broker))
        client.connect_timeout = ANSWER_TIMEOUT
        client.max_inflight_messages_set(1_000)  # the uplink has a bound of its own
        if self._will is not None:
            client.will_set(*self._will, qos=1, retain=True)
        client.suppress_exceptions = True  # one in a callback would end the thread without a word
        client.on_log = _logged
        client.on_socket_open = _send_at_once
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_publish = self._accepted
        client.on_message = self._received
        return client

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        self._answered = True
        self._answer.set()
        if not reason.is_failure:
            self._reason = f"the broker at {self._where} is gone"
            client.subscribe([(topic, 1) for topic in self._topics])
            return
        if reason.value == _UNSUPPORTED_PROTOCOL and self._protocol == mqtt.MQTTv5:
            self._protocol = mqtt.MQTTv311
            self._reason = f"the broker at {self._where} knows no MQTT 5; trying 3.1.1"
            return
        self._reason = (
            f"the broker at {self._where} refuses the connection: {reason}; "
            "check broker.username and its password"
        )

    def _subscribed(self, client: mqtt.Client, _data: Any, _mid: int, reasons: list[Any], _more: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._reason = (
                f"the broker at {self._where} does not let this user hear {' and '.join(self._topics)}; "
                "its access rules must allow them"
            )
            self._tell(Denied(self._reason))
            client.disconnect()
            return
        self._up, self._up_since = True, time.monotonic()
        self._tell(Up())

    def _disconnected(self, _client: Any, _data: Any, flags: Any, reason: Any, _more: Any) -> None:
        self._up = False
        self._answer.set()
        self._ended.set()
        if self._answered and flags.is_disconnect_packet_from_server:
            self._reason = f"the broker at {self._where} ends the connection: {reason}"
            if reason.value == _TAKEN_OVER:
                self._reason += "; does another device use a copy of this one's store?"

    def _accepted(self, _client: Any, _data: Any, _mid: int, reason: Any, _more: Any) -> None:
        # Only MQTT 5 tells; on 3.1.1 a denied message looks like an accepted one.
        if reason.value == _NOT_AUTHORIZED:
            self._tell(Denied(f"the broker at {self._where} does not let this user publish for this node"))

    def _received(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._tell(Received(message.topic, bytes(message.payload)))

    def _tell(self, event: Event) -> None:
        self.events.put(event)
        self._woken.set()


def tls_context(broker: Broker) -> ssl.SSLContext:
    """Make what checks the broker's certificate; raises ConfigurationError where a file can't be used."""
    for key in ("ca_file", "cert_file", "key_file"):
        path = getattr(broker, key)
        try:
            if path is not None:
                path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"broker.{key}: {path} can't be read: {error.strerror}") from error
    try:
        context = ssl.create_default_context(cafile=broker.ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"broker.ca_file: {broker.ca_file} holds no certificates in PEM format: {error}"
        ) from error
    if broker.cert_file is not None:
        try:
            context.load_cert_chain(broker.cert_file, broker.key_file)
        except OSError as error:
            raise ConfigurationError(
                f"broker.cert_file, broker.key_file: {broker.cert_file} and its key can't be used: {error}"
            ) from error
    return context


def _logged(_client: mqtt.Client, _data: Any, level: int, text: str) -> None:
    if level == mqtt.MQTT_LOG_ERR and text.startswith("Caught exception"):
        _log.error("a defect: %s", text)


def _send_at_once(_client: mqtt.Client, _data: Any, sock: object) -> None:
    # paho leaves Nagle's algorithm on, which holds back small packets for up to 40 ms.
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

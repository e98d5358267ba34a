"""One MQTT connection: MQTT 5, or 3.1.1 where the broker knows no 5; it heals by itself."""

import random
import socket
import ssl
import threading
from collections.abc import Callable, Sequence

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from bypuls.errors import BypulsError
from bypuls.settings import BrokerSettings

KEEPALIVE = 30
"""Seconds of silence after which client and broker ask each other for a sign of life."""

ANSWER_TIMEOUT = 10.0
"""Longest wait for the broker's answer to a connection or a subscription, in seconds."""

_UNSUPPORTED_PROTOCOL = 0x84
_NOT_AUTHORIZED = 0x87
_TOPICS_PER_SUBSCRIPTION = 200


class Connection:
    """A client of the broker; the first connection fails loudly, later outages heal and are told.

    `on_message` gets topic and payload in the network's thread: it must be quick and publish nothing.
    `tell` gets sentences for people. `number` counts the connections made so far.
    """

    def __init__(
        self,
        broker: BrokerSettings,
        client_id: str,
        on_message: Callable[[str, bytes], None],
        tell: Callable[[str], None],
    ) -> None:
        self.number = 0
        self.refusal: str | None = None
        self._broker = broker
        self._client_id = client_id
        self._on_message = on_message
        self._tell = tell
        self._answered = threading.Event()
        self._ended = threading.Event()
        self._subscribed: dict[int, threading.Event] = {}
        self._answer: ReasonCode | None = None
        self._last_failure: ReasonCode | None = None
        self._up = False
        self._closing = False

    @property
    def up(self) -> bool:
        """Whether the broker has accepted the present connection."""
        return self._up

    def open(self) -> None:
        """Connect; raises BypulsError when the broker can't be reached or refuses."""
        self._try(mqtt.MQTTv5)
        # Old brokers refuse MQTT 5 by a code or, like amqtt, by hanging up.
        if self._answer is None or self._answer.value == _UNSUPPORTED_PROTOCOL:
            self._try(mqtt.MQTTv311)
        if self._answer is None:
            raise BypulsError(
                f"what listens at {self._where} does not answer as an MQTT broker; check BYPULS_MQTT_PORT"
            )
        if self._answer.is_failure:
            raise BypulsError(
                f"the MQTT broker at {self._where} refuses the connection: {self._answer}; "
                "check BYPULS_MQTT_USERNAME and BYPULS_MQTT_PASSWORD"
            )

    def close(self) -> None:
        """Say goodbye to the broker and end the network's thread; what was not sent is forgotten."""
        self._closing = True
        self._ended.clear()
        if self._client.disconnect() == MQTTErrorCode.MQTT_ERR_NO_CONN or self._ended.wait(2):
            self._client.loop_stop()
        # Otherwise the broker hangs, and so would loop_stop(); the thread is a daemon and may be left alone.

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> mqtt.MQTTMessageInfo:
        """Publish with QoS 1; in an outage the message is kept and sent with the next connection."""
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        while info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:  # a message of 65,535 ago still has this number
            info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc == MQTTErrorCode.MQTT_ERR_NO_CONN:
            info.rc = MQTTErrorCode.MQTT_ERR_SUCCESS  # or is_published() would raise even when it is
        return info

    def subscribe(self, topics: Sequence[str]) -> bool:
        """Subscribe with QoS 1; tells whether the broker has confirmed all of it in time."""
        self._subscribed.clear()
        waiting = []
        for start in range(0, len(topics), _TOPICS_PER_SUBSCRIPTION):
            part = [(topic, 1) for topic in topics[start : start + _TOPICS_PER_SUBSCRIPTION]]
            _, mid = self._client.subscribe(part)
            if mid is None:
                return False
            waiting.append(self._subscribed.setdefault(mid, threading.Event()))
        return all(event.wait(ANSWER_TIMEOUT) for event in waiting)

    @property
    def _where(self) -> str:
        return f"{self._broker.host}:{self._broker.port}"

    def _try(self, protocol: MQTTProtocolVersion) -> None:
        """Connect with one version of the protocol; `_answer` stays None where the broker just hangs up."""
        self._answer = None
        self._answered.clear()
        client = self._client = self._make(protocol)
        clean_start = True if protocol == mqtt.MQTTv5 else mqtt.MQTT_CLEAN_START_FIRST_ONLY
        try:
            client.connect(self._broker.host, self._broker.port, KEEPALIVE, clean_start=clean_start)
        except OSError as error:
            raise BypulsError(
                f"no MQTT broker can be reached at {self._where} ({error}); is it running? "
                "BYPULS_MQTT_HOST and BYPULS_MQTT_PORT say where it is"
            ) from error
        client.loop_start()
        self._answered.wait(ANSWER_TIMEOUT)
        if not self._up:
            client.disconnect()
            client.loop_stop()

    def _make(self, protocol: MQTTProtocolVersion) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, self._client_id, protocol=protocol)
        if self._broker.username is not None:
            password = self._broker.password
            client.username_pw_set(self._broker.username, password.get_secret_value() if password else None)
        if self._broker.tls:
            try:
                client.tls_set_context(ssl.create_default_context(cafile=self._broker.ca_file))
            except OSError as error:
                raise BypulsError(
                    f"BYPULS_MQTT_CA_FILE={self._broker.ca_file} can't be used: {error}"
                ) from error
        client.suppress_exceptions = True  # one in a callback would end the network's thread without a word
        client.on_log = self._logged
        client.on_socket_open = _send_at_once
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._confirmed
        client.on_publish = self._accepted
        client.on_message = self._received
        return client

    # From here on everything runs in the network's thread.

    def _connected(
        self,
        _client: mqtt.Client,
        _data: object,
        _flags: object,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._answer = reason
        if reason.is_failure:
            if self.number:
                self._tell(f"the MQTT broker at {self._where} refuses the connection: {reason}; trying again")
        else:
            self._up = True
            self.number += 1
            if self.number > 1:
                self._tell(f"the MQTT broker at {self._where} is back")
        self._answered.set()

    def _disconnected(
        self,
        client: mqtt.Client,
        _data: object,
        flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if self._up and not self._closing:
            why = f", saying {reason}" if flags.is_disconnect_packet_from_server else ""
            self._tell(f"the MQTT broker at {self._where} is gone{why}; trying again until it is back")
        self._up = False
        # paho doubles the delay with each attempt; drawing both ends spreads the nodes of a town.
        client.reconnect_delay_set(min_delay=random.randint(1, 3), max_delay=random.randint(20, 40))
        self._answered.set()
        self._ended.set()

    def _confirmed(
        self,
        _client: mqtt.Client,
        _data: object,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self.refusal = (
                f"the MQTT broker at {self._where} does not let this user subscribe to the acknowledgements"
            )
        self._subscribed.setdefault(mid, threading.Event()).set()

    def _accepted(
        self,
        _client: mqtt.Client,
        _data: object,
        _mid: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        # Only MQTT 5 tells; on 3.1.1 a denied message looks like an accepted one.
        if reason.value == _NOT_AUTHORIZED:
            self.refusal = f"the MQTT broker at {self._where} does not let this user publish for these nodes"
        elif reason.is_failure and reason != self._last_failure:
            self._last_failure = reason
            self._tell(
                f"the MQTT broker at {self._where} does not take a pack: {reason}; it is sent again later"
            )

    def _received(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self._on_message(message.topic, bytes(message.payload))

    def _logged(self, _client: mqtt.Client, _data: object, level: int, text: str) -> None:
        # Everything else that paho calls an error is an outage, which is told already.
        if level == mqtt.MQTT_LOG_ERR and text.startswith("Caught exception"):
            self._tell(f"a defect in Bypuls: {text}")


def _send_at_once(_client: mqtt.Client, _data: object, sock: object) -> None:
    # paho leaves Nagle's algorithm on, which holds back small packets for up to 40 ms.
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

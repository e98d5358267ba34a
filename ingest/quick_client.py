"""paho's client, relieved of what it does for each message and this service doesn't need.

A profile showed most of paho's time in a Properties object, a search for callbacks and a queue entry for the
PUBACK of each message. With the methods below, the same load of 50 readings a pack went from 130,000 to
148,000 readings a second before to 180,000 after, on 2 busy cores.

`_create_socket` and `_handle_publish` are paho's own, so a later paho may stop calling them: messages then
arrive through `on_message` as usual, only slower, and a test of this module says so.
"""

import socket
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import MQTTErrorCode

from ingest.buffered_socket import BufferedSocket

Receive = Callable[[bytes, bytes, int, int], None]
"""Takes topic, payload, packet identifier and QoS of a message."""


class QuickClient(Client):
    """A client for one thread that calls `loop_read` and `loop_write` itself, and flushes its socket."""

    def __init__(self, *args: Any, receive: Receive, **options: Any) -> None:
        """`receive` gets each QoS 0 or 1 message; QoS 2 messages go to `on_message`."""
        super().__init__(*args, **options)
        self._receive = receive

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Send PUBACKs in this order: the short form, which 3.1.1 and 5 share."""
        sock: Any = self.socket()
        if sock is not None:
            sock.send(b"".join([b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids]))

    def reply(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 0: paho makes an object with a lock for each message, 15 us of them."""
        sock: Any = self.socket()
        if sock is not None:
            name = topic.encode()
            no_properties = b"\0" if self._protocol == MQTTv5 else b""
            body = len(name).to_bytes(2, "big") + name + no_properties + payload
            sock.send(b"\x30" + _variable_byte_integer(len(body)) + body)

    def ask(self) -> None:
        """Send a PINGREQ; the answer is a PINGRESP."""
        sock: Any = self.socket()
        if sock is not None:
            sock.send(b"\xc0\x00")

    def hang_up(self) -> None:
        """Close the connection without a farewell, which a broker that stands still would not read."""
        sock: Any = self.socket()
        if sock is not None:
            sock.close()

    def _create_socket(self) -> Any:
        sock: Any = super()._create_socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The kernel finds a peer that fell silent. An MQTT keepalive would need the reading that stops
        # while the queue is full.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, seconds in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 25_000)
        return BufferedSocket(sock)

    def _handle_publish(self) -> MQTTErrorCode:
        qos = (self._in_packet["command"] & 0x06) >> 1
        if qos > 1:
            return super()._handle_publish()
        packet = bytes(self._in_packet["packet"])
        try:
            position = 2 + (packet[0] << 8 | packet[1])
            topic = packet[2:position]
            mid = 0
            if qos:
                mid = packet[position] << 8 | packet[position + 1]
                position += 2
            if self._protocol == MQTTv5:
                position = _after_properties(packet, position)
        except IndexError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._receive(topic, packet[position:], mid, qos)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def _variable_byte_integer(number: int) -> bytes:
    """Write a length as MQTT does (MQTT 5, section 1.5.5)."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _after_properties(packet: bytes, position: int) -> int:
    """Skip the properties: their length is a variable byte integer (MQTT 5, section 1.5.5)."""
    size = shift = 0
    while True:
        byte = packet[position]
        position += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return position + size
        shift += 7

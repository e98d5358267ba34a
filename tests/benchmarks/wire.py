"""Just enough MQTT 3.1.1 on a plain socket to load a broker at next to no cost of its own.

A load generator built on a client library would take the processor that the measured service needs.
"""

import socket
import struct
from collections.abc import Iterator

PUBLISH, PUBACK = 0x30, 0x40


def _length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, low = divmod(size, 128)
        encoded.append(low | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def publish(topic: str, mid: int, payload: bytes) -> bytes:
    """Build a QoS 1 PUBLISH packet."""
    body = _text(topic) + struct.pack(">H", mid) + payload
    return bytes([PUBLISH | 2]) + _length(len(body)) + body


def puback(mid: bytes) -> bytes:
    """Build a PUBACK packet for the two bytes of a packet identifier."""
    return b"\x40\x02" + mid


class Wire:
    """One connection that sends prepared packets and takes received ones apart."""

    def __init__(self, port: int, client_id: str, subscribe: str | None = None, qos: int = 0) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        body = _text("MQTT") + b"\x04\x02\x00\x00" + _text(client_id)
        self.sock.sendall(b"\x10" + _length(len(body)) + body)
        assert self.sock.recv(4) == b"\x20\x02\x00\x00", "the broker refused the connection"
        if subscribe is not None:
            body = b"\x00\x01" + _text(subscribe) + bytes([qos])
            self.sock.sendall(b"\x82" + _length(len(body)) + body)
            assert self.sock.recv(5)[0] == 0x90, "the broker refused the subscription"

    def receive(self) -> Iterator[tuple[int, bytes]]:
        """Wait for data and give each whole packet in it: first byte, body."""
        data = self._rest + self.sock.recv(1 << 20)
        position, end = 0, len(data)
        while end - position >= 2:
            size, shift, at = 0, 0, position + 1
            while at < end:
                byte = data[at]
                size |= (byte & 0x7F) << shift
                shift += 7
                at += 1
                if byte < 0x80:
                    break
            else:
                break
            if end - at < size:
                break
            yield data[position], data[at : at + size]
            position = at + size
        self._rest = data[position:]

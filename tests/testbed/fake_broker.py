"""A fake broker: it says what a test wants, which a real one would not say on demand."""

import socket
import threading
import time
from collections.abc import Callable
from typing import Self

CONNACK = b"\x20\x02\x00\x00"
PINGRESP = b"\xd0\x00"
CONNECT, PUBLISH, SUBSCRIBE, PINGREQ = 0x10, 0x30, 0x80, 0xC0


class Visit:
    """One connection of a client; `packets`: kind (as the constants above) and body of all that it sent."""

    def __init__(self, connection: socket.socket) -> None:
        self.began = time.monotonic()
        self.packets: list[tuple[int, bytes]] = []
        self._connection = connection

    def hear(self) -> tuple[int, bytes]:
        """Wait for the next packet; raises ConnectionError when the client has gone."""
        kind = self._take(1)[0] & 0xF0
        size, shift = 0, 0
        while True:
            (byte,) = self._take(1)
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        self.packets.append((kind, self._take(size)))
        return self.packets[-1]

    def say(self, data: bytes, *, pause: float | None = None) -> None:
        """Send bytes; with a `pause` (s) one by one."""
        if pause is None:
            self._connection.sendall(data)
            return
        for byte in data:
            self._connection.sendall(bytes((byte,)))
            time.sleep(pause)

    def publish(self, topic: str, payload: bytes, *, pause: float | None = None) -> None:
        """Send a message with QoS 0, 16,383 bytes at most."""
        body = len(topic).to_bytes(2) + topic.encode() + payload
        head = bytes((PUBLISH, len(body) & 127 | 128, len(body) >> 7))
        self.say(head + body, pause=pause)

    def grant(self, code: int = 0) -> None:
        """Accept the connection, wait for SUBSCRIBE, and answer both subscriptions with a code."""
        self.hear()
        self.say(CONNACK)
        kind, body = self.hear()
        assert kind == SUBSCRIBE
        self.say(b"\x90\x04" + body[:2] + bytes((code, code)))

    def _take(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._connection.recv(size - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data


class FakeBroker:
    """Listens on 127.0.0.1:`port`; `treat` is called for each connection, which ends when it returns."""

    def __init__(self, treat: Callable[[Visit], None]) -> None:
        self.visits: list[Visit] = []
        self._treat = treat
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def wait_for(self, condition: Callable[[], bool], timeout: float = 20) -> None:
        """Wait until a condition holds; fails after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"{len(self.visits)} connections within {timeout} s"
            time.sleep(0.02)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                visit = Visit(connection)
                self.visits.append(visit)
                try:
                    self._treat(visit)
                except OSError:
                    continue

"""A TCP connection between a client and a server that a test can cut, stall, slow down and half open."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, Protocol, Self

from testbed.port import free_port

Direction = Literal["up", "down"]
"""From the client to the server, or back."""


class Watcher(Protocol):
    """Looks at the bytes of one connection, before they are passed on."""

    def saw(self, direction: Direction, data: bytes) -> None:
        """Take in what came next in a direction."""


class Link:
    """Listens on 127.0.0.1:`port` and passes bytes to and from the server at `host`, `server_port`.

    `watch` makes a watcher for each new connection.
    """

    def __init__(self, host: str, server_port: int, watch: Callable[[], Watcher] | None = None) -> None:
        self.port = free_port()
        self._server = (host, server_port)
        self._watch = watch
        self._lock = threading.Lock()
        self._flowing: dict[Direction, threading.Event] = {"up": threading.Event(), "down": threading.Event()}
        self._rate: float | None = None
        self._listener: socket.socket | None = None
        self._pairs: set[_Pair] = set()

    def __enter__(self) -> Self:
        self.heal()
        return self

    def __exit__(self, *exception: object) -> None:
        self.cut()

    def cut(self) -> None:
        """Close all connections and refuse new ones, until heal()."""
        with self._lock:
            if self._listener is not None:
                _close(self._listener)
                self._listener = None
            for pair in self._pairs:
                pair.close()
            self._pairs.clear()
        self._rate = None
        self._flow()  # lets the threads of a stalled connection see that it is closed

    def heal(self) -> None:
        """Accept connections and pass everything, what a stall held back included; end half-open ones."""
        self._rate = None
        self._flow()
        with self._lock:
            for pair in [each for each in self._pairs if each.lost is not None]:
                pair.close()
                self._pairs.discard(pair)
            if self._listener is None:
                self._listener = socket.create_server(("127.0.0.1", self.port))
                self._run(self._accept, self._listener)

    def stall(self, *directions: Direction) -> None:
        """Keep connections and accept new ones, but pass nothing (in some directions), until heal()."""
        for direction in directions or ("up", "down"):
            self._flowing[direction].clear()

    def slow(self, rate: float) -> None:
        """Pass so many bytes a second in each direction of each connection, until heal()."""
        self._rate = rate

    def half_open(self, kept: Literal["client", "server"]) -> None:
        """End the present connections at one end only, as a router does that was started anew.

        The end that is `kept` hears nothing any more, and what it sends vanishes, until heal() ends it. New
        connections are passed as usual.
        """
        with self._lock:
            for pair in self._pairs:
                if pair.lost is None:
                    pair.lost = "client" if kept == "server" else "server"
                    _close(pair.client if kept == "server" else pair.server)

    def _flow(self) -> None:
        for event in self._flowing.values():
            event.set()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = _Pair(client, server, self._watch() if self._watch else None)
            with self._lock:
                current = listener is self._listener
                if current:
                    self._pairs.add(pair)
            if not current:
                pair.close()
                return
            self._run(self._pass, pair, "up")
            self._run(self._pass, pair, "down")

    def _pass(self, pair: "_Pair", direction: Direction) -> None:
        source, sink = (pair.client, pair.server) if direction == "up" else (pair.server, pair.client)
        try:
            while data := source.recv(512 if self._rate else 1 << 16):
                if pair.lost is not None:
                    continue
                if pair.watcher is not None:
                    pair.watcher.saw(direction, data)
                if (rate := self._rate) is not None:
                    time.sleep(len(data) / rate)
                self._flowing[direction].wait()
                sink.sendall(data)
        except OSError:
            if pair.lost is not None and source is not pair.lost_end:
                with suppress(OSError):  # what is still sent into the void
                    while source.recv(1 << 16):
                        pass
        if pair.lost is not None and source is pair.lost_end:
            return  # the other end does not learn of it
        with self._lock:
            self._pairs.discard(pair)
        pair.close()

    @staticmethod
    def _run(work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, name="testbed-link", daemon=True).start()


class _Pair:
    """The two ends of a connection; `lost` is the one that is gone while the other does not know."""

    def __init__(self, client: socket.socket, server: socket.socket, watcher: Watcher | None) -> None:
        self.client, self.server, self.watcher = client, server, watcher
        self.lost: Literal["client", "server"] | None = None

    @property
    def lost_end(self) -> socket.socket | None:
        """The socket of the end that is gone."""
        return {"client": self.client, "server": self.server, None: None}[self.lost]

    def close(self) -> None:
        """Close both ends."""
        _close(self.client)
        _close(self.server)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it; close alone does not
    end.close()

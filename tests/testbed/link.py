"""A TCP connection between a client and a server that a test can cut, heal and stall."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from testbed.port import free_port


class Link:
    """Listens on 127.0.0.1:`port` and passes bytes to and from the server at `host`, `server_port`."""

    def __init__(self, host: str, server_port: int) -> None:
        self.port = free_port()
        self._server = (host, server_port)
        self._lock = threading.Lock()
        self._flowing = threading.Event()
        self._listener: socket.socket | None = None
        self._ends: set[socket.socket] = set()

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
            for end in self._ends:
                _close(end)
            self._ends.clear()
        self._flowing.set()  # lets the threads of a stalled connection see that it is closed

    def heal(self) -> None:
        """Accept connections and pass everything, what a stall held back included."""
        self._flowing.set()
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server(("127.0.0.1", self.port))
                self._run(self._accept, self._listener)

    def stall(self) -> None:
        """Accept connections and keep those there are, but pass nothing, until heal() or cut()."""
        self._flowing.clear()

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
            with self._lock:
                current = listener is self._listener
                if current:
                    self._ends |= {client, server}
            if not current:
                _close(client)
                _close(server)
                return
            self._run(self._pass, client, server)
            self._run(self._pass, server, client)

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                self._flowing.wait()
                sink.sendall(data)
        except OSError:
            pass
        with self._lock:
            self._ends -= {source, sink}
        _close(source)
        _close(sink)

    @staticmethod
    def _run(work: Callable[..., None], *arguments: socket.socket) -> None:
        threading.Thread(target=work, args=arguments, name="testbed-link", daemon=True).start()


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it; close alone does not
    end.close()

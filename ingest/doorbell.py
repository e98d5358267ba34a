"""Waiting for a socket in a way that other threads can end."""

import selectors
import socket
from contextlib import suppress

from ingest.buffered_socket import BufferedSocket


class Doorbell:
    """One thread waits, any thread rings."""

    def __init__(self) -> None:
        self._inside, self._outside = socket.socketpair()
        self._inside.setblocking(False)
        self._outside.setblocking(False)

    def ring(self) -> None:
        """End the wait, or the next one."""
        with suppress(BlockingIOError):  # then it has rung often enough
            self._outside.send(b"\0")

    def wait(self, sock: BufferedSocket, *, reading: bool, timeout: float) -> bool:
        """Wait until the socket can be read (if `reading`) or written (if something is unsent), or a ring.

        Returns whether there is something to read; `timeout` is in seconds.
        """
        events = (selectors.EVENT_READ if reading else 0) | (selectors.EVENT_WRITE if sock.has_unsent else 0)
        readable = False
        with selectors.PollSelector() as selector:
            selector.register(self._inside, selectors.EVENT_READ)
            if events:
                selector.register(sock, events)
            for key, mask in selector.select(timeout):
                if key.fileobj is self._inside:
                    self._inside.recv(4096)
                elif mask & selectors.EVENT_READ:
                    readable = True
        return readable

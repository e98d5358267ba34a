"""A socket that spares paho its system calls.

paho reads a packet with three calls of recv (type, length, rest) and writes each packet with one of send.
Behind this wrapper one recv serves many packets, and packets leave together at `flush`. paho asks
`pending()`, as it does with TLS sockets, so nothing is left lying in the buffer.
"""

import socket
import ssl
from contextlib import suppress

_CHUNK = 256 * 1024


class BufferedSocket:
    """A connected stream socket, plain or TLS, that reads ahead and collects what is sent."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._read = b""
        self._position = 0
        self._unsent = bytearray()

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes that were read ahead, else read; raises BlockingIOError as sockets do."""
        if self._position == len(self._read):
            self._read = self._sock.recv(_CHUNK)
            self._position = 0
        data = self._read[self._position : self._position + size]
        self._position += len(data)
        return data

    def pending(self) -> int:
        """Bytes that can be had without a system call."""
        ahead = len(self._read) - self._position
        return ahead + (self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0)

    def send(self, data: bytes | bytearray) -> int:
        """Collect data for `flush`; takes all of it."""
        self._unsent += data
        return len(data)

    def flush(self) -> None:
        """Send what was collected, as far as the kernel takes it; raises OSError when it is broken."""
        try:
            while self._unsent:
                del self._unsent[: self._sock.send(self._unsent)]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass  # the rest goes with the next flush

    @property
    def has_unsent(self) -> bool:
        """Whether a flush is due."""
        return bool(self._unsent)

    def fileno(self) -> int:
        """Return the descriptor, for select."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """Pass on to the socket."""
        self._sock.setblocking(flag)

    def close(self) -> None:
        """Send what is left if that needs no waiting, and close."""
        with suppress(OSError):  # it is perhaps being closed because it broke
            self.flush()
        self._sock.close()

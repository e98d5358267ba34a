"""What systemd is told: that the agent is ready, and that it is alive (sd_notify(3))."""

import os
import socket
import time
from contextlib import suppress


class Supervision:
    """Speaks to the service manager that started us; without one everything here does nothing."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        watchdog = int(os.environ.get("WATCHDOG_USEC", "0"))
        self._pause = watchdog / 1e6 / 3
        self._next = 0.0

    def tell(self, *assignments: str) -> None:
        """Send assignments such as READY=1."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # If the manager is gone, it will look after us when it is back.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
            sender.sendto("\n".join(assignments).encode(), address)

    def alive(self) -> None:
        """Feed the watchdog when it is time to."""
        now = time.monotonic()
        if self._pause and now >= self._next:
            self.tell("WATCHDOG=1")
            self._next = now + self._pause

"""Clocks: time since boot, which never steps, and the system's wall clock, which may."""

import ctypes
import threading
import time
from pathlib import Path
from typing import Protocol

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_UNSYNCHRONISED = 5
"""What adjtimex(2) returns when no time source disciplines the clock: TIME_ERROR."""


class Clock(Protocol):
    """Where the agent takes its time from; all in microseconds."""

    boot: str
    """Names the boot that `elapsed` counts from."""

    def elapsed(self) -> int:
        """Return the time since boot; it never steps."""

    def wall(self) -> int:
        """Return the time since 1970 as the system says."""

    def synchronised(self) -> bool:
        """Return whether the system says that a time source keeps its wall clock right."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, `seconds` at the longest; tell whether it is."""


class SystemClock:
    """The clocks of Linux; the time since boot goes on in suspend."""

    def __init__(self) -> None:
        self.boot = BOOT_ID.read_text(encoding="ascii").strip()
        self._libc = ctypes.CDLL(None, use_errno=True)

    def elapsed(self) -> int:
        """Return the time since boot."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000

    def wall(self) -> int:
        """Return the time since 1970 as the system says."""
        return time.time_ns() // 1_000

    def synchronised(self) -> bool:
        """Ask the kernel whether NTP or the like disciplines the clock."""
        question = ctypes.create_string_buffer(512)  # struct timex, all zero: change nothing
        return self._libc.adjtimex(question) not in (-1, _UNSYNCHRONISED)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, `seconds` at the longest; tell whether it is."""
        return event.wait(seconds)

"""Ctrl-C and its like, noticed where it is safe to stop and nowhere else."""

import signal
import time
from types import FrameType
from typing import Self


class Interrupted(Exception):
    """The user, or the system, asked for an end."""


class Interruption:
    """Within `with`, on the main thread, SIGINT, SIGTERM and SIGHUP only raise a flag.

    A plain flag and short sleeps: an Event set by a handler while its waiter holds the lock would hang.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            before = signal.getsignal(number)
            if number == signal.SIGHUP and before == signal.SIG_IGN:
                continue  # started by nohup, to go on without its terminal
            self._before[number] = before
            signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]  # whatever getsignal returned

    @property
    def wanted(self) -> bool:
        """Whether an end was asked for."""
        return self.signal is not None

    def wait(self, seconds: float) -> bool:
        """Sleep, but not longer than until an end is asked for; tell whether it was."""
        end = time.monotonic() + seconds
        while not self.wanted and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
        return self.wanted

    def pause(self, seconds: float) -> None:
        """Sleep; raise Interrupted when an end was asked for, before or meanwhile."""
        if self.wait(seconds):
            raise Interrupted

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)

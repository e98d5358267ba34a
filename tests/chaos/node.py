"""A node under chaos: an agent as a process, its line to the broker, and the journal of its sensor."""

import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from chaos.tap import Pack, Tap
from testbed import Link

WINDOW = 0.2
"""Length of the windows of each node's second channel, in seconds."""
HOUR = 3600.0


class Node(ABC):
    """A node from `with` to its end; a subclass says how its agent is run.

    Its sensor makes the number of each sample the value of two channels: `no2`, where every sample is a
    reading, and `rainfall`, whose windows send their sum and their n. `first` is the number of the first
    sample. What befell the agent is kept for the judge: `in_hand` has the last sample before each kill, or
    end that may interrupt a measurement, which may have been on its way from the sensor to the store; `ended`
    when each kill was begun (us since 1970); `wiped` and `torn` the last sample before the store was wiped or
    its end torn off; `misled` the samples of each run that began with a wrong clock and was killed.
    """

    kind: str
    keeps_windows: bool
    """Whether the samples of an open window outlive the agent's process."""

    def __init__(self, name: str, port: int, first: int = 0) -> None:
        self.name, self.first = name, first
        self.tap = Tap()
        self.link = Link("127.0.0.1", port, self.tap.watch)
        self.in_hand: set[int] = set()
        self.ended: list[int] = []
        self.wiped = -1
        self.torn: set[int] = set()
        self.torn_off: set[Pack] = set()
        """Packs that were at the torn end of the store, which it may declare lost."""
        self.frozen = 0.0
        """Seconds for which it stood still at the most."""
        self.unset_clock = False
        """Whether it has been without the time."""
        self.misled: list[range] = []
        self._rebooted_after: int | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.link)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    @abstractmethod
    def start(self) -> None:
        """Start the agent; it is ready a little later."""

    @abstractmethod
    def stop(self) -> None:
        """End the agent in order."""

    @abstractmethod
    def end(self) -> None:
        """End the agent by SIGKILL."""

    @abstractmethod
    def send(self, number: signal.Signals) -> None:
        """Send the agent a signal."""

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether the agent's process lives."""

    @abstractmethod
    def samples(self) -> Mapping[int, int]:
        """Return when each sample was taken by the journal, us since 1970, by its number."""

    def acknowledged(self) -> Mapping[str, frozenset[int]]:
        """Return which packs the platform has said to be safe so far: seqs by log."""
        return {log: frozenset(seqs) for log, seqs in list(self.tap.acknowledged.items())}

    @abstractmethod
    def tear(self, size: int) -> set[Pack]:
        """Tear up to so many bytes off the end of the store, as a power cut does, but not a whole record;
        return the packs that this has cost.
        """

    @abstractmethod
    def fills(self, sizes: Sequence[int]) -> bool:
        """Tell whether packs of these sizes (bytes) leave no room in the store, or nearly none."""

    def unfinished(self) -> set[Pack]:
        """Return the packs that the ended agent was just writing, where the store ends with half a record."""
        return set()

    @abstractmethod
    def wipe_store(self) -> None:
        """Remove the store."""

    @abstractmethod
    def shift(self, seconds: float) -> None:
        """Let the clock be wrong by so many seconds; 0 puts it right."""

    def reboot_clocks(self) -> None:  # noqa: B027
        """Begin the time since boot anew, where the agent can tell that."""

    @property
    @abstractmethod
    def log(self) -> Path:
        """What the agent tells."""

    def kill(self) -> None:
        """End the agent by SIGKILL, and keep for the judge what it had in hand."""
        self.ended.append(time.time_ns() // 1_000)
        self.end()
        last = max(self.samples(), default=-1)
        self.in_hand.add(last)
        self.torn_off |= self.unfinished()
        if self._rebooted_after is not None:
            self.misled.append(range(self._rebooted_after + 1, last + 1))
            self._rebooted_after = None

    def reboot(self, seconds: float) -> None:
        """Cut the power for a moment; then the clock is wrong by so many seconds."""
        self.kill()
        self.reboot_clocks()
        self.shift(seconds)
        self._rebooted_after = max(self.samples(), default=-1)
        self.start()

    def freeze(self) -> None:
        """Stop the agent where it is."""
        self.send(signal.SIGSTOP)

    def thaw(self, after: float) -> None:
        """Let the agent go on after so many seconds."""
        self.frozen = max(self.frozen, after)
        self.send(signal.SIGCONT)

    def tear_off(self, size: int) -> None:
        """Tear the end off the store of the killed agent."""
        self.torn_off |= self.tear(size)
        self.torn |= set(sorted(self.samples())[-2:])

    def wipe(self) -> None:
        """Remove the store of the killed agent."""
        self.wipe_store()
        self.unset_clock = True
        self.wiped = max(self.samples(), default=-1)

"""Live readings: what was committed, read once and pushed to all who listen, each with a bounded buffer."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic, thread_time

from api import events, times
from api.listener import MOST_BYTES, Listener, Wanted
from api.live_reader import Reader
from api.problems import TooManyListeners
from bypuls.store.database import Database
from bypuls.store.live import Newest

MOST_LISTENERS = 2_000
MOST_IN_EVENT = 500
"""Readings of one event."""

MOST_KEPT = 20_000
"""Readings that are kept for those who come back."""

HEARTBEAT = 10.0
"""Seconds."""

_LINGER = 60.0
"""Seconds for which it is listened on when the last has gone, so that who comes back finds where he was."""


@dataclass(slots=True)
class _Kept:
    number: int
    readings: list[Newest]


@dataclass(slots=True)
class _State:
    """What is known while it is listened: `epoch` is new each time, since what was between is not known."""

    epoch: str = field(default_factory=lambda: secrets.token_hex(4))
    number: int = 0
    kept: deque[_Kept] = field(default_factory=deque)
    kept_readings: int = 0
    committed: datetime | None = None
    database: bool = False

    @property
    def id(self) -> str:
        """Name of the last event."""
        return f"{self.epoch}-{self.number}"


class Live:
    """The live readings of one app: a thread that listens to the database while there are listeners."""

    def __init__(self, database: Database, tell: Callable[[int, int], None]) -> None:
        """`tell` hears of the number of listeners, and of how many were dropped now."""
        self._database = database
        self._tell = tell
        self._listeners: set[Listener] = set()
        self._state = _State()
        self._ready = asyncio.Event()
        self._reader: Reader | None = None
        self._heart: asyncio.Task[None] | None = None
        self._left = 0.0

    @property
    def id(self) -> str:
        """Where a listener begins that knows all that is stored now: to be given as `after`."""
        return self._state.id

    async def join(self, wanted: Wanted, after: str | None) -> Listener:
        """Add a listener. Raises TooManyListeners.

        `after` is the last event that it knows. It gets those since, or a reset where these aren't known.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise TooManyListeners(f"There are {MOST_LISTENERS} listeners, the limit.")
        if self._reader is None:
            self._begin()
        await self._ready.wait()
        listener = Listener(wanted)
        listener.put(events.hello(self._state.id if after is None else None, HEARTBEAT))
        if after is not None:
            self._resume(listener, after)
        listener.put(self._pulse())
        self._listeners.add(listener)
        self._tell(len(self._listeners), 0)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener, if it wasn't dropped already."""
        self._listeners.discard(listener)
        self._left = monotonic()
        self._tell(len(self._listeners), 0)

    def give_up(self, listener: Listener) -> None:
        """Drop a listener whose connection takes nothing any more."""
        if listener in self._listeners:
            self._drop([listener])

    def close(self) -> None:
        """End all streams, since the service ends."""
        for listener in self._listeners:
            listener.end()
        self._stop()

    def _begin(self) -> None:
        self._state, self._ready = _State(), asyncio.Event()
        self._reader = Reader(self._database, asyncio.get_running_loop(), self)
        self._reader.start()
        self._heart = asyncio.create_task(self._beat())

    def _stop(self) -> None:
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
        if self._heart is not None and self._heart is not asyncio.current_task():
            self._heart.cancel()

    def _resume(self, listener: Listener, after: str) -> None:
        state = self._state
        epoch, _, number = after.rpartition("-")
        first = state.kept[0].number if state.kept else state.number + 1
        if epoch != state.epoch or not number.isdecimal() or not first - 1 <= int(number) <= state.number:
            listener.put(events.reset(state.id))
            return
        missed = [
            event
            for kept in state.kept
            if kept.number > int(number)
            if (event := self._write(kept, listener.wanted))
        ]
        if sum(map(len, missed)) > MOST_BYTES // 2:
            listener.put(events.reset(state.id))
            return
        for event in missed:
            listener.put(event)

    def is_read_by(self, reader: Reader) -> bool:
        """Tell whether this is the reader, and none that was told to stop."""
        return reader is self._reader

    async def publish(self, readings: Sequence[Newest]) -> float:
        """Push readings to all who want them, and keep them for those who come back; return what it cost.

        The cost is the processor time of the event loop, in seconds, that of sending included.
        """
        state, began = self._state, thread_time()
        for begin in range(0, len(readings), MOST_IN_EVENT):
            state.number += 1
            kept = _Kept(state.number, list(readings[begin : begin + MOST_IN_EVENT]))
            state.kept.append(kept)
            state.kept_readings += len(kept.readings)
            while state.kept_readings > MOST_KEPT:
                state.kept_readings -= len(state.kept.popleft().readings)
            self._send(kept)
            await asyncio.sleep(0)  # the listeners' turn: who keeps up has an empty buffer again
        return thread_time() - began

    def note(self, *, database: bool, committed: datetime | None) -> None:
        """Take in whether the database can be reached, and when something was committed last."""
        changed = self._ready.is_set() and database != self._state.database
        self._state.database = database
        self._state.committed = committed or self._state.committed
        self._ready.set()
        if changed:
            self._tell_state()

    def _write(self, kept: _Kept, wanted: Wanted) -> bytes:
        some = [reading for reading in kept.readings if wanted.matches(reading)]
        return events.readings(f"{self._state.epoch}-{kept.number}", some) if some else b""

    def _send(self, kept: _Kept) -> None:
        """Put an event into the buffers: written once for all who want the same."""
        made: dict[Wanted, bytes] = {}
        dropped = []
        for listener in self._listeners:
            wanted = listener.wanted
            if wanted not in made:
                made[wanted] = self._write(kept, wanted)
            if made[wanted] and not listener.put(made[wanted]):
                dropped.append(listener)
        self._drop(dropped)

    def _tell_state(self) -> None:
        beat = self._pulse()
        self._drop([listener for listener in self._listeners if not listener.put(beat)])

    def _drop(self, listeners: Sequence[Listener]) -> None:
        """Forget listeners at once: who takes nothing would hold its place for as long as it stays."""
        if listeners:
            self._listeners.difference_update(listeners)
            self._left = monotonic()
            self._tell(len(self._listeners), len(listeners))

    def _pulse(self) -> bytes:
        state = self._state
        return events.heartbeat(state.id, times.now(), state.committed, database=state.database)

    async def _beat(self) -> None:
        """Send heartbeats while there are listeners, and stop listening some time after the last has gone."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            self._tell_state()
            if not self._listeners and monotonic() - self._left > _LINGER:
                self._stop()
                return

"""One client of the live readings: what it wants, and what waits to be sent to it, bounded."""

import asyncio
from collections import deque
from dataclasses import dataclass

from api import events
from bypuls.store.catalog import Box
from bypuls.store.live import Newest

MOST_BYTES = 1 << 20
"""What waits for a listener that stands still; the same bytes wait for all who want the same."""

_AT_ONCE = 64 * 1024
"""Bytes that are handed to a connection, more or less; what it holds is its own."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a listener wants to hear of; None is everything."""

    quantity: str | None = None
    box: Box | None = None

    def matches(self, reading: Newest) -> bool:
        """Tell whether a reading is wanted; one of no known place lies in no box."""
        if self.quantity is not None and reading.quantity != self.quantity:
            return False
        box, longitude, latitude = self.box, reading.longitude, reading.latitude
        if box is None:
            return True
        if longitude is None or latitude is None:
            return False
        return box.west <= longitude <= box.east and box.south <= latitude <= box.north


class Listener:
    """One client: what waits to be sent to it. All of it happens on the event loop."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._news = asyncio.Event()

    def put(self, event: bytes) -> bool:
        """Add an event; False if there is no room, which ends it: it is told so, and nothing else."""
        if self._ended:
            return True
        if self._bytes + len(event) > MOST_BYTES:
            self._waiting.clear()
            self.end(events.dropped())
            return False
        self._bytes += len(event)
        self._waiting.append(event)
        self._news.set()
        return True

    def end(self, last: bytes = b"") -> None:
        """Let the stream end after what waits, and `last`."""
        if last:
            self._waiting.append(last)
        self._ended = True
        self._news.set()

    async def take(self) -> bytes:
        """Return some of what waits, once there is something; b"" at the end."""
        await self._news.wait()
        taken = b""
        while self._waiting and len(taken) < _AT_ONCE:
            taken += self._waiting.popleft()
        self._bytes = sum(map(len, self._waiting))
        if not self._waiting and not self._ended:
            self._news.clear()
        return taken

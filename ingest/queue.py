"""The queue between the network and the checks: bounded by bytes."""

import threading
from collections import deque
from collections.abc import Sequence

from ingest.arrival import Arrival


class ArrivalQueue:
    """Messages that wait to be checked, counted in bytes until they are committed.

    One thread puts, one takes. `is_full` tells the network to stop reading, so that the broker waits;
    nothing is ever dropped here.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._waiting: deque[Arrival] = deque()
        self._held = 0
        self._arrived = threading.Condition()
        self._closed = False

    @property
    def held_bytes(self) -> int:
        """Memory of the messages that are not committed yet, the waiting ones and those in work."""
        return self._held

    @property
    def is_full(self) -> bool:
        """Whether no more should be read from the network for now."""
        return self._held >= self._most_bytes

    def put(self, arrivals: list[Arrival]) -> None:
        """Add messages in order of arrival."""
        with self._arrived:
            self._waiting.extend(arrivals)
            self._held += sum(arrival.size for arrival in arrivals)
            self._arrived.notify()

    def take(self, most_bytes: int, timeout: float) -> list[Arrival]:
        """Take messages up to a size, but at least one, waiting up to `timeout` seconds; [] if none came."""
        with self._arrived:
            if not self._waiting and not self._closed:
                self._arrived.wait_for(lambda: self._waiting or self._closed, timeout)
            taken: list[Arrival] = []
            while self._waiting and most_bytes > 0:
                most_bytes -= self._waiting[0].size
                taken.append(self._waiting.popleft())
            return taken

    def release(self, arrivals: Sequence[Arrival]) -> None:
        """Count messages off: they are committed, or the broker will send them again."""
        with self._arrived:
            self._held -= sum(arrival.size for arrival in arrivals)

    def close(self) -> None:
        """Wake up the taker for good: nothing more will come."""
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

"""The node's status: published when it has changed, and not too often."""

from collections.abc import Callable, Mapping

import msgspec

from edge.pi.clock import Clock

OFFLINE = msgspec.json.encode({"state": "offline"})

_PAUSE = 60_000_000
"""Counters alone bring a new status no more often, in microseconds; a change of state brings it at once."""
_SHORTEST_PAUSE = 500_000


class Status:
    """Hands statuses to `publish`, which tells whether there is a connection."""

    def __init__(self, publish: Callable[[bytes], bool], clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        self._said: tuple[bytes, bytes] | None = None
        self._last = self._next = 0

    def renew(self) -> None:
        """Say all again, as on a new connection."""
        self._said = None

    def tell(self, state: Mapping[str, object], counters: Mapping[str, int]) -> None:
        """Publish state and counters, if it is time to."""
        now = self._clock.elapsed()
        if now < self._last + _SHORTEST_PAUSE:
            return
        said = (msgspec.json.encode(state), msgspec.json.encode(counters))
        before = self._said or (b"", b"")
        if said[0] == before[0] and (said[1] == before[1] or now < self._next):
            return
        if self._publish(msgspec.json.encode({**state, **counters})):
            self._said = said
            self._last, self._next = now, now + _PAUSE

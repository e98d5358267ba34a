"""The store of a simulated node: its packs until they are known to be safe, and when they are sent again."""

import random
import secrets
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from paho.mqtt.client import MQTTMessageInfo

_LONGEST_WAIT = 60.0


class Position(NamedTuple):
    """How far a node's store has got: its log, and the last seq before the first pack to be sent."""

    log: str
    seq: int

    @classmethod
    def new(cls) -> Self:
        """Return the start of a store that has just been made."""
        return cls(secrets.token_hex(6), 0)


@dataclass(slots=True)
class Pack:
    """A pack that was sent: `first` and last (`sent`) at these seconds of the monotonic clock."""

    topic: str
    payload: bytes
    readings: int
    mark: int
    first: float
    sent: float
    published: MQTTMessageInfo | None = None


@dataclass(slots=True)
class NodeStore:
    """One node's packs that are not known to be safe, by seq, oldest first.

    Packs are sent again after `resend_after` seconds and ever more rarely, `most` at once. Not for several
    threads at a time; `now` is in seconds of the monotonic clock.
    """

    log: str
    last: int
    resend_after: float
    most: int
    packs: dict[int, Pack] = field(default_factory=dict)
    attempts: int = 0
    next_resend: float = 0.0
    burst: int = 1

    def add(self, pack: Pack, now: float) -> int:
        """Take in the node's next pack, and return its seq."""
        if not self.packs:
            self.next_resend = now + self._patience()
        self.last += 1
        self.packs[self.last] = pack
        return self.last

    def take_safe(self, ranges: list[tuple[int, int]], now: float) -> list[Pack]:
        """Take out the packs in closed ranges of seqs: they are safe."""
        safe = [seq for seq in self.packs if any(low <= seq <= high for low, high in ranges)]
        taken = [self.packs.pop(seq) for seq in safe]
        if taken:
            oldest = next(iter(self.packs.values()), None)
            # After a resend, ingest is there again: ever more of what it may have lost is sent at once.
            self.burst = min(2 * self.burst, self.most) if oldest and self.attempts else 1
            self.attempts = 0
            self.next_resend = max(now, oldest.sent + self._patience()) if oldest else 0.0
        return taken

    def overdue(self, now: float) -> list[Pack]:
        """Return the packs that are to be sent again at `next_resend`, and count that as done."""
        late = [pack for pack in self.packs.values() if now - pack.sent >= self.resend_after]
        # paho itself sends again what the broker has not confirmed.
        late = [pack for pack in late if pack.published is None or pack.published.is_published()]
        if not late:
            return []
        if self.attempts:
            self.burst = 1  # the last attempt was in vain
        overdue = late[: self.burst]
        for pack in overdue:
            pack.sent = now
        self.attempts += 1
        self.next_resend = now + self._patience()
        return overdue

    def _patience(self) -> float:
        doubled = self.resend_after * 2.0 ** min(self.attempts, 30)
        return min(doubled, _LONGEST_WAIT) * random.uniform(0.8, 1.2)

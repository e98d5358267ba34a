"""The time base: what UTC is, told from the time since boot.

A stamp is the time since boot plus an offset that is set once there is evidence of what time it is, so that
a step of the system's clock moves no stamp. The offset changes only when two of three clocks (ours, the
system's, the platform's) say that ours is wrong. Where a change, or a window cut short, could lead to
instants that were used before, the stamps are shifted by a microsecond: they are whole milliseconds plus
`phase`, so that no stream gets two values for one instant.
"""

from dataclasses import dataclass, replace

from edge.pi.clock import Clock

TOLERANCE = 2_000_000
"""Clocks that differ by no more than this agree, in microseconds."""
_FIRST_TOLERANCE = 10_000_000
"""An answer that took longer than this doesn't set a clock that is unknown, either."""
_WITNESSES = 3
"""So many acknowledgements in a row must contradict us."""
_MILLISECOND = 1_000


@dataclass(frozen=True, slots=True)
class Base:
    """From time since boot to UTC; `offset` is None while UTC is unknown. All in microseconds."""

    boot: str
    offset: int | None = None
    phase: int = 0

    def stamp(self, elapsed: int) -> int:
        """Return the UTC instant of a time since boot; raises ValueError while that is unknown."""
        if self.offset is None:
            raise ValueError("the time is not known yet")
        return (elapsed + self.offset) // _MILLISECOND * _MILLISECOND + self.phase

    def elapsed(self, stamp: int) -> int:
        """Return the whole milliseconds since boot, in microseconds, that have this stamp."""
        assert self.offset is not None
        return stamp - self.phase - self.offset // _MILLISECOND * _MILLISECOND

    def shifted(self) -> "Base":
        """Return the base whose stamps are disjoint from those of this one."""
        return replace(self, phase=(self.phase + 1) % _MILLISECOND)


class Timebase:
    """Watches the evidence; `base` is in force until one of `look` and `heard` returns another.

    With `trust` the system's clock is believed from the start, else only when it is synchronised.
    """

    def __init__(self, clock: Clock, base: Base, *, trust: bool) -> None:
        self.base = base
        self.skew = 0
        """By how much the platform's clock was ahead of ours when it last spoke, in microseconds."""
        self._clock = clock
        self._trust = trust
        self._against = 0

    def look(self) -> Base | None:
        """Return the first known base if the system's clock can be believed by now."""
        if self.base.offset is None and (self._trust or self._clock.synchronised()):
            return replace(self.base, offset=self._clock.wall() - self._clock.elapsed())
        return None

    def heard(self, now: int, sent: int) -> Base | None:
        """Take in the platform's clock from the acknowledgement of a pack first sent at `sent` (since boot).

        The platform said `now` between then and this moment; an answer that took long says little.
        """
        elapsed = self._clock.elapsed()
        offset = self.base.offset
        if elapsed - sent > (_FIRST_TOLERANCE if offset is None else TOLERANCE):
            return None
        platform = now - elapsed
        if offset is None:
            return replace(self.base, offset=platform)
        self.skew = platform - offset
        if abs(self.skew) <= TOLERANCE:
            self._against = 0
            return None
        system = self._clock.wall() - elapsed
        if abs(system - offset) <= TOLERANCE and (self._trust or self._clock.synchronised()):
            return None  # the system's clock sides with ours: it is the platform's that is wrong
        self._against += 1
        if self._against < _WITNESSES:
            return None
        self._against = 0
        return replace(self.base, offset=platform)

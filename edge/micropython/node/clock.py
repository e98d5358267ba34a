"""Time: milliseconds since start by the ticks, and wall time by the platform's clock."""

import time

from micropython import const

_PATIENCE = const(2_000)
_TOLERANCE = const(1_000)
_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)


def ticks():
    """Return ms that wrap around at 2^30 on every port: they fit an array of 32 bits."""
    return time.ticks_ms() & _MASK


def passed(since, until):
    """Return the ms from one value of `ticks` to another, at most 6 days, negative where it lies before."""
    return ((until - since + _HALF) & _MASK) - _HALF


def later(since, milliseconds):
    """Return a value of `ticks` so much later."""
    return (since + milliseconds) & _MASK


class Clock:
    """Counts on from the ticks; the wall time is unknown (`epoch` None) until the platform tells it.

    `mono`: ms since start, never stepped. `epoch`: ms since 1970 at `mono` 0. All are integers, because a
    32-bit float can't hold them. A wall clock of the board is not followed: it may be stepped under us.
    """

    def __init__(self):
        self.mono = 0
        self.epoch = None
        self._last = ticks()
        self._patience = _PATIENCE

    def tick(self):
        """Take in the ticks since the last call, at most 6 days ago, and return `mono`."""
        now = ticks()
        self.mono += passed(self._last, now)
        self._last = now
        return self.mono

    def now(self):
        """Return the time for stamps: ms since 1970, or since start while that is unknown."""
        return self.mono if self.epoch is None else self.epoch + self.mono

    def judge(self, now, round_trip):
        """Return the epoch to be set, or None, after the platform said `now` within the last `round_trip` ms.

        The true time is between `now` and `now` + `round_trip`. The first answer that came quickly sets the
        clock (a slow one only when no quicker one comes), and later ones step it by what is surely wrong, if
        that is more than a second.
        """
        if self.epoch is None:
            if round_trip > self._patience:
                self._patience *= 2
                return None
            return now - self.mono
        ahead = self.epoch + self.mono - now
        if ahead < -_TOLERANCE:
            return self.epoch - ahead
        if ahead > round_trip + _TOLERANCE:
            return self.epoch - ahead + round_trip
        return None

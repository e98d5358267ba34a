"""Which stretches of the past have yet to be sent, and in which order."""

from collections.abc import Iterable
from itertools import pairwise

from bypuls.readings import SECOND
from simulators.town.journal import Segment

_HOUR = 3_600 * SECOND
RECENT = (3 * _HOUR, 24 * _HOUR)
"""The last hours are sent first, then the last day, then the rest."""

Stretch = tuple[int, int]
"""[start, end), microseconds since 1970."""


def missing(segments: Iterable[Segment], start: int, end: int) -> list[Stretch]:
    """Return what of [start, end) lies in none of the segments, ascending."""
    gaps = []
    for segment in sorted(segments, key=lambda each: each.start):
        if segment.start > start:
            gaps.append((start, min(segment.start, end)))
        start = max(start, segment.end)
        if start >= end:
            break
    gaps.append((start, end))
    return [(begin, stop) for begin, stop in gaps if stop > begin]


def newest_first(stretches: Iterable[Stretch], now: int) -> list[Stretch]:
    """Cut stretches before `now` where RECENT says, and put the recent parts first; each part ascends."""
    whole = list(stretches)
    oldest = min((start for start, _ in whole), default=now)
    cuts = [
        (max(start, low), min(end, high))
        for high, low in pairwise([now, *(now - age for age in RECENT), oldest])
        for start, end in whole
    ]
    return [(start, end) for start, end in cuts if start < end]

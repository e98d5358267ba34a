"""Eras: when a run of the node began, where its packs were made before it knew the time.

Such packs carry times counted from the start of their era, and are sent only once that start is known. An
era that ended without knowing it is placed by the board's own clock, if that had one and what it said is
possible, and fits what it said in other eras; else its packs can't be placed, and are declared lost.

The file holds entries of a fixed size, the last one of an era counts: a guess (the board's clock, and the
highest instant used before), or a decision (the start, and microseconds that all its times carry). The
microseconds tell apart the readings of an era that may overlap another's, so that no instant ever has two
values.
"""

import struct
from binascii import crc32

from micropython import const

from node.era_notes import DECISION, ENTRY, GUESS, SIZE, UNPLACED, decide, persist
from node.senml import mark_of

__all__ = ["persist"]

_SLACK = const(5_000)


def decided(path, era):
    """Return start (ms since 1970, or UNPLACED) and mark of an era; None as long as they are not decided."""
    return _last(path, era, DECISION)


def place(path, era, until):
    """Return start and mark of an era that ended before `until` (ms since 1970); decide them if need be.

    The start is UNPLACED where the board's clock is no help.
    """
    found = decided(path, era)
    if found is None:
        began = _last(path, era, GUESS)
        possible = began is not None and _possible(began[0], began[1], until)
        possible = possible and not _contradicted(path, era, began[0], until)
        found = began[0] if possible else UNPLACED, mark_of(era)
        decide(path, era, *found)
    return found


def _possible(at, high, until):
    return high - _SLACK <= at <= until


def _contradicted(path, era, start, until):
    """Tell whether a later era began before that start, or an earlier one after it.

    Then the board's clock was wrong in one of them, and nobody can tell in which.
    """
    # Of an era that could not be placed, what the board's clock said still counts, if that is possible.
    starts = {}
    for other, kind, at, high in entries(path):
        if at >= 0 and (kind == DECISION or _possible(at, high, until)):
            starts[other] = at  # noqa: PERF403 - a comprehension takes memory for a function of its own
    for other, at in starts.items():
        if (other < era and at > start + _SLACK) or (other > era and at + _SLACK < start):
            return True
    return False


def _last(path, era, kind):
    found = None
    for one, of_kind, a, b in entries(path):
        if one == era and of_kind == kind:
            found = (a, b)
    return found


def entries(path):
    """Give era, kind and both numbers of each entry that is whole."""
    try:
        file = open(path, "rb")
    except OSError:
        return
    entry = bytearray(SIZE)
    with file:
        while file.readinto(entry) == SIZE:
            era, kind, a, b, checksum = struct.unpack(ENTRY, entry)
            if checksum == crc32(memoryview(entry)[:-4]):
                yield era, kind, a, b

"""Eras: when a run of the node began, where its packs were made before it knew the time.

Such packs carry times counted from the start of their era, and are sent only once that start is known. An era that
ended without knowing it is placed by the board's own clock, if that had one and what it said is possible; else its
packs can't be placed, and are declared lost.

The file holds entries of a fixed size, the last one of an era counts: a guess (the board's clock, and the highest
instant used before), or a decision (the start, and microseconds that all its times carry). The microseconds tell
apart the readings of an era that may overlap another's, so that no instant ever has two values.
"""

import os
import struct
from binascii import crc32

_ENTRY = "<IBqqI"
_SIZE = 25
_GUESS = 0
_DECISION = 1
_SLACK = 5_000
_MOST = 40
UNPLACED = -1


class Eras:
    """The entries in a file; `oldest` of `shorten` tells which are needed."""

    def __init__(self, path):
        self._path = path
        self._known = (0, None, 0)  # the last decision looked up
        self._entry = bytearray(_SIZE)

    def guess(self, era, board_clock, high):
        """Note when an era began by the board's clock (ms since 1970, or None), and the highest instant before."""
        self._append(era, _GUESS, UNPLACED if board_clock is None else board_clock, high)

    def decide(self, era, epoch, mark):
        """Note when an era began, for good, and the microseconds that mark its times."""
        self._append(era, _DECISION, epoch, mark)
        self._known = (era, epoch, mark)

    def epoch(self, era):
        """Return the start of an era in ms since 1970; None as long as it is not known, or if it never will be."""
        found = self._decision(era)
        return None if found is None or found[1] == UNPLACED else found[1]

    def place(self, era, until):
        """Return start and mark of an era that ended before `until` (ms since 1970); decide it if need be.

        The start is UNPLACED where the board's clock is no help.
        """
        found = self._decision(era)
        if found is None:
            guess = self._last(era, _GUESS)
            possible = guess is not None and guess[1] - _SLACK <= guess[0] <= until
            self.decide(era, guess[0] if possible else UNPLACED, mark_of(era))
            found = self._known
        return found[1], found[2]

    def shorten(self, oldest):
        """Leave out the eras before `oldest` when the file has grown, or was cut in mid-entry."""
        try:
            size = os.stat(self._path)[6]
        except OSError:
            return
        if size % _SIZE == 0 and size <= _MOST * _SIZE:
            return
        new = self._path + ".new"
        with open(new, "wb") as file:
            for era, kind, a, b in self._entries():
                if era >= oldest:
                    file.write(_encode(era, kind, a, b))
        os.rename(new, self._path)

    def _decision(self, era):
        if self._known[0] != era:
            found = self._last(era, _DECISION)
            if found is None:
                return None
            self._known = (era, found[0], found[1])
        return self._known

    def _last(self, era, kind):
        found = None
        for one, of_kind, a, b in self._entries():
            if one == era and of_kind == kind:
                found = (a, b)
        return found

    def _entries(self):
        try:
            file = open(self._path, "rb")
        except OSError:
            return
        with file:
            while file.readinto(self._entry) == _SIZE:
                era, kind, a, b, checksum = struct.unpack(_ENTRY, self._entry)
                if checksum == crc32(memoryview(self._entry)[:-4]):
                    yield era, kind, a, b

    def _append(self, era, kind, a, b):
        with open(self._path, "ab") as file:
            file.write(_encode(era, kind, a, b))


def mark_of(era):
    """Return the microseconds, 1 to 999, that tell the times of an era from those of the 998 others around it."""
    return era % 999 + 1


def _encode(era, kind, a, b):
    entry = struct.pack("<IBqq", era, kind, a, b)
    return entry + struct.pack("<I", crc32(entry))

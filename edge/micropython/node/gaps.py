"""Gaps: the packs that were dropped and whose loss the platform has not acknowledged yet.

Each is the name of an empty file, such as `0000000012-0000000075.gap`: it needs no room on a full flash,
and a power cut leaves either name or none.
"""

import os

_MOST = 8
"""Gaps: the head of a pack has room for them. Where there would be more, one grows over what lies between,
which is gone too, and safe, as the oldest packs are dropped first."""


class Gaps:
    """The gaps in a folder; [low, high, the seq of the pack that declares it or 0] each."""

    def __init__(self, folder):
        self._folder = folder
        self._gaps = []
        for entry in os.ilistdir(folder):  # a list of all names could be larger than what is free
            name = entry[0]
            if name.endswith(".gap"):
                self._gaps.append([int(name[:10]), int(name[11:21]), 0])
        self._gaps.sort()

    def covers(self, seq):
        """Tell whether a pack was dropped."""
        return any(low <= seq <= high for low, high, _ in self._gaps)

    def declare(self, low, high):
        """Note that the packs `low` to `high` are lost, before they are removed."""
        gaps = self._gaps
        before = None
        for gap in gaps:
            if gap[0] <= low:
                before = gap
        if len(gaps) >= _MOST:
            before = before or gaps[0]
        elif before is None or low > before[1] + 1:
            before = [low, high, 0]
            gaps.append(before)
            gaps.sort()
            try:
                open(self._path(before), "wb").close()
            except OSError:
                pass  # not a byte is left: then it is only declared if the node runs on
            return
        wider = [min(low, before[0]), max(high, before[1])]
        if wider != before[:2]:
            try:
                os.rename(self._path(before), self._path(wider))
            except OSError:
                pass  # it could not be made
            before[:] = [wider[0], wider[1], 0]

    def undeclared(self, seq):
        """Return the first gaps that no stored pack tells of yet; the pack `seq` is going to."""
        found = []
        for gap in self._gaps:
            if not gap[2]:
                gap[2] = seq
                found.append((gap[0], gap[1]))
        return found

    def acknowledge(self, seq):
        """Forget what the pack `seq` declared, for it is safe."""
        for place in range(len(self._gaps) - 1, -1, -1):
            if self._gaps[place][2] == seq:
                self._remove(place)

    def forget(self, seq):
        """Forget the gaps that reach to `seq` or beyond: they are those of another store."""
        for place in range(len(self._gaps) - 1, -1, -1):
            if self._gaps[place][1] >= seq:
                self._remove(place)

    def lost(self, low, high):
        """Declare again what the packs `low` to `high` would have told, which are dropped themselves."""
        for gap in self._gaps:
            if low <= gap[2] <= high:
                gap[2] = 0

    def _remove(self, place):
        try:
            os.remove(self._path(self._gaps.pop(place)))
        except OSError:
            pass  # it could not be made

    def _path(self, gap):
        return "%s/%010d-%010d.gap" % (self._folder, gap[0], gap[1])

"""How well quality flags and quarantine recognise faults: precision and recall by kind."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from bypuls.quality import Flag
from bypuls.readings import SECOND, FlagArray, TimeArray
from simulators.town.faults import FAULTS, Episode, Faults
from simulators.town.journal import Segment
from simulators.town.town import Group

RECOGNISED_BY: dict[str, tuple[Flag, ...]] = {
    "stuck": (Flag.STUCK,),
    "spike": (Flag.SPIKE, Flag.OUT_OF_RANGE),
    "drift": (Flag.OUT_OF_RANGE, Flag.STEP),
    "dropout": (Flag.GAP,),
    "wrong-unit": (),
    "clock-ahead": (Flag.CLOCK,),
    "clock-behind": (Flag.CLOCK,),
    "reboot": (Flag.GAP,),
}
"""The flags that a fault should raise; an episode whose readings are in quarantine is recognised too."""

BY_DESIGN: dict[str, str] = {
    "drift": "one sensor alone can't tell a drift from the weather; compare it with its neighbours",
    "clock-behind": "a reading that comes late from a good clock looks the same",
    "reboot": "two minutes are too short for a gap, and warming up looks like the weather",
}
"""Faults that no flag is meant to recognise, and why."""

_LIVE_ONLY = ("clock-ahead", "clock-behind")
_NEAR = 4


@dataclass(frozen=True, slots=True)
class Recognition:
    """How one kind of fault was recognised.

    `recall` is the share of its episodes that were, `precision` the share of alarms of its flags that had a
    fault of any kind as their cause; an alarm is a run of flagged readings of one stream. None where there is
    nothing to divide.
    """

    fault: str
    by: str
    episodes: int
    recognised: int
    alarms: int
    caused: int
    note: str

    @property
    def recall(self) -> float | None:
        """Share of the episodes that were recognised."""
        return self.recognised / self.episodes if self.episodes else None

    @property
    def precision(self) -> float | None:
        """Share of the alarms that had a cause."""
        return self.caused / self.alarms if self.alarms else None


class Recognitions:
    """Counts, stream by stream, what was recognised."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._episodes: dict[str, set[tuple[str, int]]] = defaultdict(set)
        self._recognised: dict[str, set[tuple[str, int]]] = defaultdict(set)
        self._alarms: dict[Flag, list[bool]] = defaultdict(list)
        self.flagged_good = 0

    def note(
        self,
        group: Group,
        row: int,
        channel: str,
        segments: list[Segment],
        time: TimeArray,
        flags: FlagArray,
        quarantined: TimeArray,
    ) -> None:
        """Take in what the platform has of a stream: times, flags, and times of what is in quarantine."""
        if not segments:
            return
        start, end = segments[0].start, segments[-1].end
        mine = [
            episode
            for episode in self._faults.episodes(group, start, end)
            if episode.row == row and episode.channel in (None, channel)
        ]
        causes = np.zeros(len(time), np.bool_)
        for episode in mine:
            near = _NEAR * group.step
            causes |= (time >= episode.start - near) & (time < episode.end + near + _skew(episode))
            if not any(_hides(other, episode) for other in mine):
                self._judge(group, episode, segments, time, flags, quarantined)
        for flag in Flag:
            flagged = (flags & flag) != 0
            if not flagged.any():
                continue
            places = np.flatnonzero(flagged)
            begins = np.flatnonzero(np.diff(time[places], prepend=-(2**60)) > (_NEAR + 1) * group.step)
            self._alarms[flag] += np.logical_or.reduceat(causes[places], begins).tolist()
        self.flagged_good += int(((flags != 0) & ~causes).sum())

    def table(self) -> list[Recognition]:
        """Return a row for each kind of fault of the run."""
        rows = []
        for name in self._faults.rates:
            alarms = [caused for flag in RECOGNISED_BY[name] for caused in self._alarms[flag]]
            by = " or ".join(flag.name.lower() for flag in RECOGNISED_BY[name] if flag.name)
            if name == "wrong-unit":
                by = "quarantine"
            elif name == "clock-ahead":
                by = "clock or quarantine"
            episodes, recognised = len(self._episodes[name]), len(self._recognised[name])
            rows.append(
                Recognition(name, by, episodes, recognised, len(alarms), sum(alarms), BY_DESIGN.get(name, ""))
            )
        return rows

    def _judge(
        self,
        group: Group,
        episode: Episode,
        segments: list[Segment],
        time: TimeArray,
        flags: FlagArray,
        quarantined: TimeArray,
    ) -> None:
        """Count an episode if it can be seen at all, and whether it was recognised."""
        if not any(_visible(group, episode, segment) for segment in segments):
            return
        key = (f"{episode.node}/{episode.channel}", episode.start)
        self._episodes[episode.fault].add(key)
        wanted = sum(RECOGNISED_BY[episode.fault])
        lasting = episode.fault in ("dropout", "reboot")  # which is noticed afterwards
        until = episode.end + (_NEAR * group.step if lasting else 0)
        low, high = sorted((0, round(_skew(episode))))
        within = (time >= episode.start - group.step + low) & (time < until + high)
        if ((flags[within] & wanted) != 0).any() or _any_within(quarantined, episode):
            self._recognised[episode.fault].add(key)


def _hides(other: Episode, episode: Episode) -> bool:
    """Tell whether a spike can't be seen, because nothing, or a stuck value, was sent instead."""
    if episode.fault != "spike" or other.fault not in ("stuck", "dropout", "wrong-unit", "reboot"):
        return False
    return other.start < episode.end and other.end > episode.start


def _skew(episode: Episode) -> int:
    return round(episode.size * SECOND) if episode.fault in _LIVE_ONLY else 0


def _visible(group: Group, episode: Episode, segment: Segment) -> bool:
    """Tell whether an episode lies in a segment, with a reading after it where it is noticed by that."""
    begin = segment.live if episode.fault in _LIVE_ONLY else segment.start
    if episode.fault in ("dropout", "reboot"):
        return begin <= episode.start and episode.end + _NEAR * group.step < segment.end
    if FAULTS[episode.fault].longest > 24:  # a day of it must be there
        start, end = max(episode.start, begin), min(episode.end, segment.end)
        return episode.start >= begin and end - start >= min(episode.end - episode.start, 24 * 3600 * SECOND)
    return min(episode.end, segment.end) - max(episode.start, begin) >= group.step


def _any_within(quarantined: TimeArray, episode: Episode) -> bool:
    if episode.fault not in ("wrong-unit", "clock-ahead"):
        return False
    return bool(
        ((quarantined >= episode.start - 3600 * SECOND) & (quarantined < episode.end + _skew(episode))).any()
    )

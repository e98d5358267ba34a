"""How well quality flags and quarantine recognise faults: precision and recall by kind."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

from bypuls.channels import of_channel
from bypuls.limits_of_change import LIMITS
from bypuls.quality import Flag
from bypuls.readings import SECOND, FlagArray, TimeArray
from simulators.town.faults import FAULTS, Episode, Faults
from simulators.town.journal import LineFault, Segment
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

_OF_VALUES = Flag.OUT_OF_RANGE | Flag.STEP | Flag.SPIKE | Flag.STUCK
_CAN_CAUSE: dict[str, Flag] = {
    "stuck": _OF_VALUES,
    "drift": _OF_VALUES,
    "spike": _OF_VALUES,
    "dropout": _OF_VALUES | Flag.GAP,
    "wrong-unit": _OF_VALUES | Flag.GAP,
    "clock-ahead": _OF_VALUES | Flag.GAP | Flag.CLOCK,
    "clock-behind": _OF_VALUES | Flag.GAP,
    "reboot": _OF_VALUES | Flag.GAP,
    "reordering": Flag.GAP,
}
"""What a fault can bring about at all: values don't open gaps, and a late clock isn't ahead.

A pack that was overtaken is a gap until it comes.
"""

_DAY = 24 * 3600 * SECOND
_LIVE_ONLY = ("clock-ahead", "clock-behind")
_NEAR = 4


@dataclass(frozen=True, slots=True)
class Recognition:
    """How one kind of fault was recognised.

    An alarm is a run of readings of one stream with one flag. Of the alarms of its flags, `caused` had an
    episode of this kind as their cause and `uncaused` none of any kind; those that other kinds caused are in
    their rows. `recall` is the share of its episodes that were recognised, `precision` that of the alarms
    with its cause among those with its or none. None where there is nothing to divide, and for a kind that
    no flag is meant to recognise, and none did.
    """

    fault: str
    by: str
    episodes: int
    recognised: int
    caused: int
    uncaused: int
    note: str

    @property
    def recall(self) -> float | None:
        """Share of the episodes that were recognised."""
        return self.recognised / self.episodes if self.episodes else None

    @property
    def precision(self) -> float | None:
        """Share of the alarms with this cause among those with this or none."""
        if not self.caused and (self.note or not self.uncaused):
            return None
        return self.caused / (self.caused + self.uncaused)


class Recognitions:
    """Counts, stream by stream, what was recognised."""

    def __init__(self, faults: Faults, line: Iterable[LineFault] = ()) -> None:
        self._faults = faults
        self._overtaken: dict[str, list[LineFault]] = defaultdict(list)
        for each in line:
            if each.fault == "reordering":
                self._overtaken[each.node].append(each)
        self._episodes: dict[str, set[tuple[str, int]]] = defaultdict(set)
        self._recognised: dict[str, set[tuple[str, int]]] = defaultdict(set)
        self._caused: dict[tuple[str, Flag], int] = defaultdict(int)
        self._uncaused: dict[Flag, int] = defaultdict(int)
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
        near = _NEAR * group.step
        causes: dict[str, NDArray[np.bool_]] = {}
        for episode in mine:
            low, high = sorted((0, _skew(episode)))
            within = (time >= episode.start - near + low) & (time < episode.end + near + high)
            causes[episode.fault] = causes.get(episode.fault, False) | within
            if not any(_hides(other, episode) for other in mine):
                self._judge(group, episode, segments, time, flags, quarantined)
        for pack in self._overtaken.get(group.names[row], ()):
            within = (time >= pack.start - near) & (time < pack.end + near)
            causes["reordering"] = causes.get("reordering", False) | within
        for flag in Flag:
            self._count(flag, (flags & flag) != 0, causes, time, group.step)
        caused = np.logical_or.reduce([np.zeros(len(time), np.bool_), *causes.values()])
        self.flagged_good += int(((flags != 0) & ~caused).sum())

    def _count(
        self,
        flag: Flag,
        flagged: NDArray[np.bool_],
        causes: dict[str, NDArray[np.bool_]],
        time: TimeArray,
        step: int,
    ) -> None:
        """Count a stream's alarms of one flag by their cause."""
        places = np.flatnonzero(flagged)
        if not places.size:
            return
        begins = np.flatnonzero(np.diff(time[places], prepend=-(2**60)) > (_NEAR + 1) * step)
        fits = {
            name: np.logical_or.reduceat(near[places], begins)
            for name, near in causes.items()
            if _CAN_CAUSE[name] & flag
        }
        # A kind that the flag is meant for has it alone; else two minutes off would share a dropout's gap.
        meant = [name for name in fits if flag in RECOGNISED_BY.get(name, ()) and name not in BY_DESIGN]
        none = np.zeros(len(begins), np.bool_)
        taken = np.logical_or.reduce([none, *(fits[name] for name in meant)])
        for name, fit in fits.items():
            self._caused[name, flag] += int((fit if name in meant else fit & ~taken).sum())
        self._uncaused[flag] += int((~np.logical_or.reduce([none, *fits.values()])).sum())

    def uncaused(self) -> dict[str, int]:
        """Return how many alarms had no cause, by flag; without those that never were so."""
        return {flag.name.lower(): count for flag, count in self._uncaused.items() if count and flag.name}

    def table(self) -> list[Recognition]:
        """Return a row for each kind of fault of the run."""
        rows = []
        for name in self._faults.rates:
            caused = sum(self._caused[name, flag] for flag in RECOGNISED_BY[name])
            uncaused = sum(self._uncaused[flag] for flag in RECOGNISED_BY[name])
            by = " or ".join(flag.name.lower() for flag in RECOGNISED_BY[name] if flag.name)
            if name == "wrong-unit":
                by = "quarantine"
            elif name == "clock-ahead":
                by = "clock or quarantine"
            episodes, recognised = len(self._episodes[name]), len(self._recognised[name])
            rows.append(
                Recognition(name, by, episodes, recognised, caused, uncaused, BY_DESIGN.get(name, ""))
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
        low, high = sorted((0, _skew(episode)))
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
    if FAULTS[episode.fault].longest > 24:
        seen = min(episode.end, segment.end) - episode.start
        return episode.start >= begin and seen >= _needed(group, episode)
    return min(episode.end, segment.end) - max(episode.start, begin) >= group.step


def _needed(group: Group, episode: Episode) -> int:
    """Return how much of a lasting episode must be there: a day of it, or as long as values may stay."""
    limit = LIMITS.get(of_channel(episode.channel or "").key or "")
    hours = limit.stuck_hours if limit is not None and episode.fault == "stuck" else nan
    # Where a quantity is never called stuck, a day is enough to miss it.
    return _DAY if isnan(hours) else round(hours * 3600 * SECOND) + 2 * group.step


def _any_within(quarantined: TimeArray, episode: Episode) -> bool:
    if episode.fault not in ("wrong-unit", "clock-ahead"):
        return False
    return bool(
        ((quarantined >= episode.start - 3600 * SECOND) & (quarantined < episode.end + _skew(episode))).any()
    )

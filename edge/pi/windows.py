"""Windows: from samples to what is sent of them, by the numeric core."""

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.kinds import Kind
from bypuls.numeric.statistics import statistics
from bypuls.numeric.summary import summarise
from edge.pi.channel import PLAIN, Channel

Times = NDArray[np.int64]
Values = NDArray[np.float64]


class Point(NamedTuple):
    """One reading to be sent; `time` in microseconds since 1970."""

    name: str
    unit: str
    time: int
    value: float


class _Open:
    """The samples of one channel that belong to no finished window yet, in order of time."""

    __slots__ = ("channel", "times", "values")

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.times = array("q")
        self.values = array("d")

    def before(self, end: int) -> int:
        """Return how many samples lie before an instant."""
        return int(np.searchsorted(np.frombuffer(self.times, np.int64), end)) if self.times else 0


class Windows:
    """The open windows of channels; stamps are multiples of a millisecond plus `phase` microseconds.

    A window begins at a multiple of its length since 1970, plus the phase.
    """

    def __init__(self, channels: Iterable[Channel], phase: int = 0) -> None:
        self._open = {channel.name: _Open(channel) for channel in channels}
        self._phase = phase

    def add(self, name: str, time: int, value: float) -> bool:
        """Take in a sample, later than all before it; tells whether there is such a channel."""
        found = self._open.get(name)
        if found is None:
            return False
        found.times.append(time)
        found.values.append(value)
        return True

    def earliest_from(self, ends: dict[str, int]) -> int | None:
        """Return the time of the oldest sample that is not before these ends; None if there is none."""
        left = ((each.times, each.before(ends[name])) for name, each in self._open.items())
        return min((times[size] for times, size in left if size < len(times)), default=None)

    def held(self) -> int:
        """Return how many samples are held."""
        return sum(len(each.times) for each in self._open.values())

    def begin(self, time: int) -> int:
        """Return the earliest instant that a sample taken at a time may be sent with."""
        return min((self._start(each, time) for each in self._open.values()), default=time)

    def horizon(self) -> int:
        """Return the end of the last window that has samples; 0 without samples."""
        return max((self._end_of(each) for each in self._open.values() if each.times), default=0)

    def halve(self) -> int:
        """Give up the older half of all samples; return how many these were."""
        before = self.held()
        for each in self._open.values():
            size = len(each.times) // 2
            del each.times[:size], each.values[:size]
        return before - self.held()

    def ends(self, until: int | None) -> dict[str, int]:
        """Return, for each channel, the end of its last window that is over at `until`; None ends all."""
        return {name: self._end(each, until) for name, each in self._open.items()}

    def finished(self, ends: dict[str, int]) -> list[Point]:
        """Return what is to be sent of the samples before these ends; they are held until `discard`."""
        points: list[Point] = []
        groups: dict[tuple[Kind, int], list[tuple[Channel, Times, Values]]] = {}
        for name, each in self._open.items():
            size = each.before(ends[name])
            if size == 0:
                continue
            time = np.frombuffer(each.times, np.int64)[:size]
            value = np.frombuffer(each.values)[:size]
            channel = each.channel
            if channel.window == 0:
                points += map(Point, [name] * size, [channel.unit] * size, time.tolist(), value.tolist())
            else:
                groups.setdefault((channel.kind, channel.window), []).append((channel, time, value))
        for (kind, window), members in groups.items():
            points += _summed_up(kind, window, self._phase, members)
        return points

    def discard(self, ends: dict[str, int]) -> None:
        """Let go of the samples before these ends."""
        for name, each in self._open.items():
            size = each.before(ends[name])
            del each.times[:size], each.values[:size]

    def _start(self, each: _Open, time: int) -> int:
        window = each.channel.window
        return time if window == 0 else (time - self._phase) // window * window + self._phase

    def _end_of(self, each: _Open) -> int:
        return self._start(each, each.times[-1]) + (each.channel.window or 1)

    def _end(self, each: _Open, until: int | None) -> int:
        if until is None:
            return each.times[-1] + 1 if each.times else 0
        return self._start(each, until)


def _summed_up(
    kind: Kind, window: int, phase: int, members: Sequence[tuple[Channel, Times, Values]]
) -> list[Point]:
    """Sum up channels of one kind and one length of windows together."""
    time = np.concatenate([times for _, times, _ in members])
    value = np.concatenate([values for _, _, values in members])
    stream = np.repeat(np.arange(len(members), dtype=np.int32), [len(times) for _, times, _ in members])
    start = (time - phase) // window * window + phase
    # Only windows with samples: the pause between two may be long.
    starts = np.unique(start)
    edges = np.union1d(starts, starts + window)
    summary = summarise(stream, time, value, edges=edges, kind=kind)
    told = kind not in (Kind.COUNTER, Kind.STATE)
    wanted = [PLAIN, "n"] if kind is Kind.CIRCULAR else [PLAIN, "n", "min", "max"]
    columns = statistics(summary, wanted if told else ["n"], edges=edges)
    rows = [(int(s), int(edges[w])) for s, w in zip(summary.stream, summary.window, strict=True)]
    points = []
    for name, column in columns.items():
        for (number, begin), number_value in zip(rows, column.tolist(), strict=True):
            channel = members[number][0]
            # The directions may cancel, and then there is no mean.
            if name in channel.statistics and number_value == number_value:
                points.append(_point(channel, name, begin, number_value))
    if not told:
        kept = _telling(kind, stream, start, value)
        for at, i, number_value in zip(time[kept].tolist(), stream[kept].tolist(), value[kept], strict=True):
            if PLAIN in members[i][0].statistics:
                points.append(_point(members[i][0], PLAIN, at, float(number_value)))
    return points


def _telling(kind: Kind, stream: NDArray[np.int32], start: Times, value: Values) -> NDArray[np.bool_]:
    """Mark the samples that tell all that others of their window do; all (n,), by stream and time.

    Of a meter the first, the last and both sides of each fall; of a state the first and each that is new.
    """
    border = np.ones(len(value) + 1, np.bool_)
    border[1:-1] = (stream[1:] != stream[:-1]) | (start[1:] != start[:-1])
    step = np.diff(value, prepend=value[:1])
    told = border[:-1].copy()
    if kind is Kind.STATE:
        told |= step != 0
        return told
    fall = (step < 0) & ~told
    told |= border[1:] | fall
    told[:-1] |= fall[1:]
    return told


def _point(channel: Channel, statistic: str, time: int, value: float) -> Point:
    if statistic == PLAIN:
        return Point(channel.name, channel.unit, time, value)
    return Point(f"{channel.name}.{statistic}", "1" if statistic == "n" else channel.unit, time, value)

"""Quality checks that compare a reading with those before it; the state of each stream is carried on."""

from collections import deque
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.flags import Flag
from bypuls.numeric.hampel import WINDOW, spikes

Streams = NDArray[np.int32]
Rows = NDArray[np.intp]
Times = NDArray[np.int64]
Values = NDArray[np.float64]
Flags = NDArray[np.int16]
Mask = NDArray[np.bool_]
Column = NDArray[Any]
_Number = TypeVar("_Number", np.int64, np.float64)

SECOND = 1_000_000
STUCK_AFTER = 12
"""Readings of one value that make it stuck, if they also last as long as the limits say.

At real stations the hourly temperature stayed the same, to 0.1 Cel, for up to 7 readings in a year.
"""

GAP_INTERVALS = 3.0
CLOCK_AHEAD = 5 * SECOND

CHUNK = 8192
"""Readings in work at once, so that their columns stay in the cache.

Measured with 50,000 streams in batches of 50,000: 4.8 million readings/s and 85 page faults a batch, against
3.9 million and 1,390 faults for whole batches.
"""

_MOST_CHUNKS_BACK = 100
"""Chunks that can be taken back, of 0.7 MB at most: ingest has three batches of up to 19 on their way."""

_BEFORE = WINDOW - 1
_LAG = WINDOW // 2
_NEVER = -(2**62)
"""The time of a reading that hasn't been; differences from it stay within int64."""


@dataclass(frozen=True, slots=True)
class ChangeLimits:
    """How values may change: a table with one row per set of limits; NaN means no such limit.

    Shapes: all float64 (r,). `rate` in units per second; `noise`, in units, is what may come on top of it
    between any two readings; `most`, in units, is how far a reading may lie from the last ones however long
    ago they were; `stuck` in seconds; values within `around` of `rest`, in units, may last for ever.
    """

    rate: Values
    noise: Values
    most: Values
    stuck: Values
    rest: Values
    around: Values

    def __post_init__(self) -> None:
        columns = (self.rate, self.noise, self.most, self.stuck, self.rest, self.around)
        shapes = {column.shape for column in columns}
        if len(shapes) != 1 or self.rate.ndim != 1:
            raise ValueError(f"the columns of a table of limits must have one length, not {sorted(shapes)}")


class Checks:
    """Checks batches in the order of their arrival; for one thread at a time.

    It keeps 88 bytes a stream number, up to twice the highest one met, however many readings come. What the
    state was before is kept too, until `keep` says that the readings are; `rewind` goes back to it, or
    readings that are checked again would find themselves there and count as late.
    """

    def __init__(self, limits: ChangeLimits) -> None:
        self._limits = limits
        self._values = np.empty((_BEFORE, 0))
        self._times = np.empty((_LAG, 0), np.int64)
        # Room for one chunk, kept: made anew for each, it cost up to 2,000 page faults a batch.
        self._laid_values = np.empty((WINDOW, CHUNK))
        self._laid_times = np.empty((_LAG + 1, CHUNK), np.int64)
        self._run_start = np.empty(0, np.int64)
        self._run_length = np.empty(0, np.int64)
        self._before: deque[tuple[int, Rows, list[Column]]] = deque(maxlen=_MOST_CHUNKS_BACK)
        self.position = 0

    def keep(self, position: int) -> None:
        """Keep what was checked up to this `position`; it can't be taken back any more."""
        while self._before and self._before[0][0] <= position:
            self._before.popleft()

    def rewind(self) -> None:
        """Take back all checks but those kept."""
        while self._before:
            _, group, rows = self._before.pop()
            for held, row in zip(self._columns(), rows, strict=True):
                held[group] = row

    def _columns(self) -> tuple[Column, ...]:
        return (*self._values, *self._times, self._run_start, self._run_length)

    def check(
        self, stream: Streams, time: Times, value: Values, *, limit: Rows, interval: Values, received: Times
    ) -> Flags:
        """Flag steps, spikes, stuck values, gaps and clocks that are ahead.

        Shapes: all (n,), sorted by stream and then time; `time` and `received` in microseconds since 1970,
        `value` finite, in its quantity's unit; `limit` a row of the table; `interval` in seconds, NaN where
        unknown. Returns int16 (n,). A flag depends on the readings before alone, so that cutting batches
        otherwise changes none. A reading no newer than the newest one of its stream is late: it's checked for
        its clock only, and leaves no trace. Raises ValueError, with the state untouched.
        """
        self._refuse_wrong(stream, time, value, limit, interval, received)
        flags = np.zeros(len(stream), np.int16)
        self.position += 1
        if len(stream):
            self._grow(int(stream[-1]) + 1)
        for begin in range(0, len(stream), CHUNK):
            part = slice(begin, begin + CHUNK)
            flags[part] = self._compare(stream[part], time[part], value[part], limit[part], interval[part])
            flags[part][time[part] - received[part] > CLOCK_AHEAD] |= Flag.CLOCK
        return flags

    def _refuse_wrong(
        self, stream: Streams, time: Times, value: Values, limit: Rows, interval: Values, received: Times
    ) -> None:
        lengths = {len(column) for column in (stream, time, value, limit, interval, received)}
        if len(lengths) != 1:
            raise ValueError(f"the columns of a batch must have one length, not {sorted(lengths)}")
        if not len(stream):
            return
        disorder = (time[1:] < time[:-1]) & (stream[1:] == stream[:-1]) | (stream[1:] < stream[:-1])
        if disorder.any():
            place = int(np.argmax(disorder)) + 1
            raise ValueError(
                f"reading {place} (stream {stream[place]}, time {time[place]}) is out of order; "
                "sort the batch by stream and time"
            )
        if stream[0] < 0:
            raise ValueError(f"stream {stream[0]} is no stream's number: they begin at 0")
        finite = np.isfinite(value)
        if not finite.all():
            place = int(np.argmin(finite))
            raise ValueError(f"reading {place} has the value {value[place]}; leave out what isn't finite")
        rows = len(self._limits.rate)
        if limit.min() < 0 or limit.max() >= rows:
            raise ValueError(
                f"limits {limit.min()} to {limit.max()} are asked for, the table has rows 0 to {rows - 1}"
            )

    def _grow(self, streams: int) -> None:
        had = self._values.shape[1]
        if streams <= had:
            return
        more = max(streams, 2 * had) - had
        self._values = np.hstack((self._values, np.full((_BEFORE, more), np.nan)))
        self._times = np.hstack((self._times, np.full((_LAG, more), _NEVER)))
        self._run_start = np.append(self._run_start, np.full(more, _NEVER))
        self._run_length = np.append(self._run_length, np.zeros(more, np.int64))

    def _fresh(self, stream: Streams, time: Times) -> Mask:
        """Tell which readings are newer than all of their stream before them."""
        newer: Mask = time > self._times[-1].take(stream)
        newer[1:] &= (time[1:] != time[:-1]) | (stream[1:] != stream[:-1])
        return newer

    def _compare(self, stream: Streams, time: Times, value: Values, limit: Rows, interval: Values) -> Flags:
        """Compare the fresh readings of a chunk with those before them; late ones get no flag."""
        fresh = self._fresh(stream, time)
        if fresh.all():
            return self._carry(stream, time, value, limit, interval)
        flags = np.zeros(len(stream), np.int16)
        if fresh.any():
            flags[fresh] = self._carry(
                stream[fresh], time[fresh], value[fresh], limit[fresh], interval[fresh]
            )
        return flags

    def _carry(self, stream: Streams, time: Times, value: Values, limit: Rows, interval: Values) -> Flags:
        """Flag readings that are all fresh, and carry the state on past them."""
        flags = np.zeros(len(stream), np.int16)
        first = np.flatnonzero(np.diff(stream, prepend=-1))
        last = np.append(first[1:], len(stream)) - 1
        group = stream[first].astype(np.intp)  # other integers are cast anew by every use as an index
        count = last - first + 1
        self._before.append((self.position, group, [column.take(group) for column in self._columns()]))
        values = _ago(value, self._values, group, first, count, out=self._laid_values[:, : len(stream)])
        times = _ago(time, self._times, group, first, count, out=self._laid_times[:, : len(stream)])
        for held, row in zip((*self._values, *self._times), (*values[1:], *times[1:]), strict=True):
            held[group] = row.take(last)

        with np.errstate(over="ignore"):  # between 1e308 and -1e308 lies infinity
            change, elapsed = np.abs(value - values[-2]), (time - times[-2]) / SECOND
        rate, noise = self._limits.rate.take(limit), self._limits.noise.take(limit)
        flags[np.flatnonzero(change > noise + rate * elapsed)] |= Flag.STEP
        flags[np.flatnonzero((elapsed > GAP_INTERVALS * interval) & ~np.isnan(change))] |= Flag.GAP
        # When a stream begins to change as fast as it may, the median is still that of three readings ago.
        allowed = noise + rate * ((time - times[0]) / SECOND)
        # Taken over half an hour, what a minute allows would let everything pass; a NaN counts as no limit.
        np.fmin(allowed, self._limits.most.take(limit), out=allowed)
        flags[np.flatnonzero(spikes(values, allowed))] |= Flag.SPIKE

        stuck = self._limits.stuck.take(limit)
        length, lasted = self._runs(time, first, last, group, (change != 0) | (elapsed > stuck / 4))
        still = (length >= STUCK_AFTER) & (lasted >= stuck)
        place = np.flatnonzero(still)
        if place.size:
            row = limit[place]
            rests = np.abs(value[place] - self._limits.rest[row]) <= self._limits.around[row]
            flags[place[~rests]] |= Flag.STUCK
        return flags

    def _runs(self, time: Times, first: Rows, last: Rows, group: Rows, begins: Mask) -> tuple[Times, Values]:
        """Return how many readings each one's run of equal values has so far, and for how many seconds."""
        carried, started = np.zeros(len(time), np.int64), time.copy()
        goes_on = np.flatnonzero(~begins[first])
        place, stream = first[goes_on], group[goes_on]
        carried[place], started[place] = self._run_length[stream], self._run_start[stream]
        begins[first] = True
        begin = np.flatnonzero(begins)
        begin = np.repeat(begin, np.diff(begin, append=len(time)))
        length, start = np.arange(1, len(time) + 1) - begin + carried[begin], started[begin]
        self._run_length[group], self._run_start[group] = length[last], start[last]
        return length, (time - start) / SECOND


def _ago(
    column: NDArray[_Number],
    state: NDArray[_Number],
    group: Rows,
    first: Rows,
    count: Rows,
    out: NDArray[_Number],
) -> NDArray[_Number]:
    """Lay beside each reading those of its stream before it: from the column, or from what the state holds.

    `state` is (b, streams), oldest first; the column has `count` readings of each of `group`, from `first`.
    Returns `out`, (b + 1, n), oldest first.
    """
    depth = len(state)
    out[depth] = column
    for ago in range(1, depth + 1):
        out[depth - ago, ago:] = column[:-ago]
    for rank in range(depth):
        which = np.flatnonzero(count > rank)
        place, stream = first[which] + rank, group[which]
        for row, held in zip(out, state[rank:], strict=False):
            row[place] = held.take(stream)
    return out

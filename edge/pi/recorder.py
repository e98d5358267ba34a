"""The recorder: samples in, packs in the store out, on one time base, whatever happens in between.

Samples go to the store at once, with the time since boot. When their windows are over they become a pack, in
one transaction with the removal of the samples, so that the death of the process loses no sample and doubles
none. While UTC is unknown they wait in the store.
"""

import json
import math
import secrets
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

import msgspec

from edge.pi.channel import Channel
from edge.pi.clock import Clock
from edge.pi.errors import StoreError
from edge.pi.packing import packs_of
from edge.pi.store import Store
from edge.pi.ticks import Samples
from edge.pi.timebase import Base, Timebase
from edge.pi.windows import Windows

MOST_HELD = 1_000_000
"""Samples held in memory at the most; there are so many only while the store can't be written."""

_decode_channels = msgspec.json.Decoder(tuple[Channel, ...]).decode


class Recorder:
    """Takes samples of channels in, from any thread, and makes packs of them.

    What an earlier process left open in the store is continued: by the same windows if the machine was not
    booted anew and the channels are the same, else it is closed as it is; as long as the store can't be
    written for that, samples are held in memory, and `report` tries again. With `trust` the system's clock is
    believed though nothing keeps it right.
    """

    def __init__(self, store: Store, clock: Clock, channels: Sequence[Channel], *, trust: bool) -> None:
        self.refused = 0
        """Samples that were no finite number."""
        self.lost = 0
        """Samples given up: the store was full of others, or of a boot whose time was never known."""
        self._store = store
        self._clock = clock
        self._lock = threading.RLock()
        self._stamping = threading.Lock()
        self._pending: dict[str, int] = {}
        self._channels: tuple[Channel, ...] = ()
        self._last: dict[str, int] = {}
        self._newest = -1_000
        self._horizon = 0
        self._timebase = Timebase(clock, self._kept_base(), trust=trust)
        self._windows = Windows(())
        self._closed: dict[str, int] = {}
        self._due: tuple[tuple[Channel, ...], Base, bool] | None = None
        """The turn that the store did not let us make when we began."""
        self._early: deque[tuple[int, Samples]] = deque()
        """Samples that were taken before that turn."""
        self._unwritten: dict[int, int] = {}
        """How many samples of which time are in memory only, as the store could not be written."""
        self._resume(tuple(channels))

    @property
    def known(self) -> bool:
        """Whether UTC is known."""
        return self._due is None and self._settled

    @property
    def skew(self) -> float:
        """By how many seconds the platform's clock was ahead of ours when it last spoke."""
        return self._timebase.skew / 1e6

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels as they are recorded."""
        return self._channels

    @property
    def unwritten(self) -> int:
        """How many samples would be lost if the process ended now."""
        with self._lock:
            return sum(len(samples) for _, samples in self._early) + sum(self._unwritten.values())

    def stamp(self, elapsed: int) -> int:
        """Return the UTC instant of a time since boot, or that time itself while UTC is unknown."""
        base = self._timebase.base
        return elapsed if base.offset is None else base.stamp(elapsed)

    def add(self, sensor: str, samples: Samples) -> None:
        """Take in what a sensor has just measured, by channel."""
        kept = {name: value for name, value in samples.items() if math.isfinite(value)}
        with self._stamping:
            # A channel's stamps are whole milliseconds, and no two are the same.
            elapsed = max(self._now(), self._last.get(sensor, self._newest) + 1_000)
            self._last[sensor] = elapsed
            self._pending[sensor] = elapsed
        with self._lock:
            self.refused += len(samples) - len(kept)
            self._pending.pop(sensor)
            if not kept:
                return
            if self._due is None:
                self._take(elapsed, kept)
                return
            self._early.append((elapsed, kept))
            if len(self._early) > MOST_HELD:
                self.lost += len(self._early.popleft()[1])

    def report(self) -> list[int]:
        """Make packs of all windows that are over, and return their seqs; raises StoreError."""
        with self._lock:
            self.lost += self._store.take_ticks_dropped()
            made = self._catch_up()
            base = self._timebase.look()
            if base is not None:
                made += self._turn(self._channels, base)
            if not self.known:
                return made
            with self._stamping:
                # While a pack is synced to a slow card, samples with earlier stamps may wait for the lock.
                now = min(self._pending.values(), default=self._now())
            return made + self._pack(self._timebase.base.stamp(now))

    def greet(self) -> list[int]:
        """Make a pack without readings, whose acknowledgement tells the time; raises StoreError."""
        with self._lock:
            return self._store.commit([[]], ticks_before=0)

    def heard(self, now: int, sent: int) -> list[int]:
        """Take in the platform's clock, see `Timebase.heard`; return the seqs of packs made."""
        with self._lock:
            made = self._catch_up()
            base = self._timebase.heard(now, sent)
            return made if base is None else made + self._turn(self._channels, base)

    def configure(self, channels: Sequence[Channel]) -> list[int]:
        """Record these channels from now on; what is open is closed. Returns the seqs of packs made."""
        with self._lock:
            made = self._catch_up()
            if tuple(channels) == self._channels:
                return made
            return made + self._turn(tuple(channels), self._timebase.base)

    # Inside, with the lock held

    @property
    def _settled(self) -> bool:
        return self._timebase.base.offset is not None

    def _begin(self, channels: tuple[Channel, ...], base: Base, *, forget: bool = False) -> None:
        """Make the first turn, now or when the store can be written."""
        self._due = (channels, base, forget)
        with suppress(StoreError):
            self._catch_up()

    def _catch_up(self) -> list[int]:
        """Make the first turn if it is due still; return the seqs of packs made."""
        if self._due is None:
            return []
        channels, base, forget = self._due
        made = self._turn(channels, base, forget=forget)
        self._due = None
        while self._early:
            self._take(*self._early.popleft())
        return made

    def _take(self, elapsed: int, samples: Samples) -> None:
        """Keep samples in the store, and in their windows as soon as the time is known."""
        try:
            self._store.add_tick(elapsed, samples)
        except StoreError:
            if self.known:
                self._unwritten[elapsed] = self._unwritten.get(elapsed, 0) + len(samples)
            else:
                self.lost += len(samples)
        # What could not be written is in memory still, and `report` tells if that lasts.
        if self.known:
            self._hold(elapsed, samples)

    def _now(self) -> int:
        """Return the time since boot, cut to the millisecond as that of every sample is.

        Cut only when it is stamped, a sample could get an earlier stamp than a window's end that is over.
        """
        return self._clock.elapsed() // 1_000 * 1_000

    def _kept_base(self) -> Base:
        kept = self._store.get("base")
        if kept is None:
            # Of a store that was lost nobody knows which instants it has used.
            phase = secrets.randbelow(999) + 1 if self._store.replaced else 0
            return Base(self._clock.boot, None, phase)
        return Base(**json.loads(kept))

    def _resume(self, channels: tuple[Channel, ...]) -> None:
        kept = self._store.get("channels")
        base = self._timebase.base
        if kept is None:
            self._begin(channels, base)
            return
        if base.boot == self._clock.boot:
            self._newest = max((at for at, _ in self._store.ticks()), default=-1_000)
        self._channels = _decode_channels(kept)
        self._closed = json.loads(self._store.get("closed") or "{}")
        self._horizon = int(self._store.get("horizon") or 0)
        self._windows = Windows(self._channels, base.phase)
        if self._settled:
            self._load()
        if base.boot != self._clock.boot:
            if not self._settled:
                self.lost += sum(len(samples) for _, samples in self._store.ticks())
            self._begin(channels, Base(self._clock.boot, None, base.phase), forget=True)
        elif channels != self._channels:
            self._begin(channels, base)

    def _turn(self, channels: tuple[Channel, ...], base: Base, *, forget: bool = False) -> list[int]:
        """Close what is open, and begin new windows on a base, at one stroke; return the seqs of packs made.

        Samples whose time was not known until now get it, unless they are to be forgotten.
        """
        waiting = not self._settled and not forget
        points = [] if waiting else self._windows.finished(self._windows.ends(None))
        horizon = max(self._horizon, self._windows.horizon(), *self._closed.values(), 0)
        if base.offset is not None:
            first = self._now()
            if waiting:
                first, _ = next(self._store.ticks(), (first, None))
            if Windows(channels, base.phase).begin(base.stamp(first)) < horizon:
                # A window cut short, one of another length, a clock put back: no instant is used again.
                base = base.shifted()
        made = self._store.commit(
            packs_of(points),
            ticks_before=0 if waiting else None,
            channels=msgspec.json.encode(channels).decode(),
            base=json.dumps(asdict(base)),
            closed="{}",
            horizon=str(horizon),
        )
        self._unwritten.clear()
        self._channels, self._closed, self._horizon = channels, {}, horizon
        self._timebase.base = base
        self._windows = Windows(channels, base.phase)
        if waiting and self._settled:
            self._load()
        return made

    def _load(self) -> None:
        """Put the samples that are in the store into the windows, but for those that were packed already."""
        for elapsed, samples in self._store.ticks():
            self._hold(elapsed, samples)

    def _hold(self, elapsed: int, samples: Samples) -> None:
        stamp = self._timebase.base.stamp(elapsed)
        for name, value in samples.items():
            if stamp >= self._closed.get(name, stamp):
                self._windows.add(name, stamp, value)

    def _pack(self, until: int) -> list[int]:
        ends = self._windows.ends(until)
        points = self._windows.finished(ends)
        if not points:
            return []
        earliest = self._windows.earliest_from(ends)
        before = None if earliest is None else self._timebase.base.elapsed(earliest)
        try:
            made = self._store.commit(packs_of(points), ticks_before=before, closed=json.dumps(ends))
        except StoreError:
            if self._windows.held() > MOST_HELD:
                self.lost += self._windows.halve()
                self._unwritten.clear()
            raise
        self._closed = ends
        self._windows.discard(ends)
        # Where windows differ in length, some of these are packed already: rather too many are told.
        self._unwritten = {at: n for at, n in self._unwritten.items() if before is not None and at >= before}
        return made

"""`bypuls replay`: recordings published as their nodes would, until the last reading is acknowledged."""

import heapq
import time
from itertools import accumulate
from pathlib import Path

import numpy as np
from rich.console import Console

from bypuls.channels import of_channel
from bypuls.errors import BypulsError
from bypuls.interruption import Interruption
from bypuls.readings import SECOND
from bypuls.senml import Record, encode_json
from bypuls.settings import BrokerSettings
from simulators import recording
from simulators.node_store import Position
from simulators.progress import SendProgress
from simulators.recording import Recording
from simulators.replay_state import Entry, ReplayState, default_path
from simulators.uplink import Uplink

_STEP = 0.2
_BETWEEN_SAVES = 0.5
_LAST_CHANCE = 3.0


def run(
    broker: BrokerSettings,
    recordings: list[Path],
    speed: float | None,
    state: Path | None,
    timeout: float,
    pack_rows: int,
) -> None:
    """Replay recordings (all shipped ones when the list is empty) and return when everything is acknowledged.

    `speed` is how many seconds of the recordings pass in one (None: as fast as it goes); times are never
    changed. A pack holds at most `pack_rows` rows. An interrupted replay is continued, by the file `state`.
    Raises BypulsError when the broker can't be reached, or nothing is acknowledged for `timeout` seconds;
    SystemExit when a signal says to stop.
    """
    if speed is not None and not speed > 0:
        raise BypulsError(f"the speed is {speed:g}; it must be a factor above 0, or max")
    if pack_rows < 1:
        raise BypulsError(f"{pack_rows} rows a pack were asked for; a pack has at least one")
    read = [recording.read(path) for path in recordings or recording.shipped()]
    nodes = [one.node for one in read]
    for node in nodes:
        if nodes.count(node) > 1:
            raise BypulsError(f"two of the recordings are of the node {node}; replay one after the other")
    console = Console(highlight=False, soft_wrap=True)
    with ReplayState(state or default_path()) as kept, Interruption() as interruption:
        entries = _entries(broker, read, kept, speed, pack_rows)
        feeds = [_Feed(one, entry) for one, entry in zip(read, entries, strict=True)]
        if any(entry.safe for entry in entries):
            console.print(f"continuing the interrupted replay of {kept.path} (delete it to start anew)")
        positions = {feed.node: Position(feed.entry.log, feed.entry.safe) for feed in feeds}
        with Uplink(broker, positions, tell=console.print) as uplink:
            kept.save()
            done, total = sum(feed.safe_readings for feed in feeds), sum(feed.readings[-1] for feed in feeds)
            with SendProgress(console, "replaying", total, done) as progress:
                _Replay(feeds, uplink, kept, progress, interruption, timeout).work(speed)
            counters = uplink.counters
        if interruption.signal is not None:
            console.print(f"interrupted; {progress.readings:,} readings are safe, the same command continues")
            raise SystemExit(128 + interruption.signal)
        for one in read:
            del kept.entries[_name(broker, one)]
        kept.save()
    console.print(
        f"{counters.acknowledged:,} packs with {progress.readings:,} readings are safe, "
        f"in {progress.seconds:.1f} s: {progress.rate:,.0f} readings/s; {counters.resent:,} packs sent again"
    )


def _name(broker: BrokerSettings, one: Recording) -> str:
    return f"{broker.host}:{broker.port} {one.node} {one.digest}"


def _entries(
    broker: BrokerSettings, read: list[Recording], kept: ReplayState, speed: float | None, pack_rows: int
) -> list[Entry]:
    """Return the entry of each recording: the one kept, or a new one with a new log.

    The kept one also says how the recording is cut: a seq must never come with another content.
    """
    names = [_name(broker, one) for one in read]
    if all(name in kept.entries and kept.entries[name].finished for name in names):
        for name in names:
            del kept.entries[name]
    for name, one in zip(names, read, strict=True):
        if name not in kept.entries:
            rows = pack_rows if speed is None else _paced_rows(one, speed, pack_rows)
            kept.entries[name] = Entry(Position.new().log, rows, len(_cut(one, rows)))
    return [kept.entries[name] for name in names]


def _paced_rows(one: Recording, speed: float, most: int) -> int:
    """Return how many rows pass in about a second, at least one."""
    if len(one) < 2:
        return 1
    interval = float(np.median(np.diff(one.time))) / SECOND
    return max(1, min(most, int(speed / interval)))


def _cut(one: Recording, rows: int) -> list[tuple[int, int]]:
    """Return the first row of each pack and the row after its last; rows without any value make no pack."""
    filled = np.logical_or.reduce([np.isfinite(column) for column in one.channels.values()])
    starts = range(0, len(one), rows)
    return [(start, start + rows) for start in starts if filled[start : start + rows].any()]


class _Feed:
    """One recording on its way; the pack with seq k is always the same, or a resumed replay would lie."""

    def __init__(self, one: Recording, entry: Entry) -> None:
        self.node = one.node
        self.entry = entry
        self._recording = one
        self._packs = _cut(one, entry.pack_rows)
        self._next = self._first = entry.safe
        filled = np.sum([np.isfinite(column) for column in one.channels.values()], axis=0)
        self.readings = [0, *accumulate(int(filled[start:end].sum()) for start, end in self._packs)]
        """How many readings the first k packs hold, by k."""

    @property
    def exhausted(self) -> bool:
        """Whether every pack has been sent."""
        return self._next >= len(self._packs)

    @property
    def safe_readings(self) -> int:
        """How many readings are acknowledged."""
        return self.readings[self.entry.safe]

    def due(self, speed: float | None) -> float:
        """Return how many seconds after the start the last row of the next pack is to be sent."""
        if speed is None:
            return 0.0
        time = self._recording.time
        last = min(self._packs[self._next][1], len(time)) - 1
        return float(time[last] - time[self._packs[self._first][0]]) / SECOND / speed

    def send(self, uplink: Uplink) -> bool:
        """Send the next pack; tells whether there was room for it within a moment."""
        start, end = self._packs[self._next]
        base = int(self._recording.time[start]) // SECOND
        offsets = ((self._recording.time[start:end] - base * SECOND) / SECOND).tolist()
        records = []
        for channel, column in self._recording.channels.items():
            quantity = of_channel(channel).quantity
            unit = quantity.unit if quantity is not None else ""
            values = zip(offsets, column[start:end].tolist(), strict=True)
            records += [Record(n=channel, u=unit, t=offset, v=v) for offset, v in values if v == v]  # not NaN
        records[0].bt = float(base)
        seq = uplink.send(self.node, encode_json(records), _STEP)
        if seq is not None:
            self._next = seq
        return seq is not None


class _Replay:
    """One run: sends what is due, notes what is safe, and gives up when nothing is acknowledged."""

    def __init__(
        self,
        feeds: list[_Feed],
        uplink: Uplink,
        kept: ReplayState,
        progress: SendProgress,
        interruption: Interruption,
        timeout: float,
    ) -> None:
        self._feeds = feeds
        self._uplink = uplink
        self._kept = kept
        self._progress = progress
        self._interruption = interruption
        self._timeout = timeout
        self._last_save = time.monotonic()

    def work(self, speed: float | None) -> None:
        """Send all packs and wait for their acknowledgements, or until a signal says to stop."""
        start = time.monotonic()
        try:
            turns = 0  # equally due feeds take turns
            queue = [
                (feed.due(speed), turns, index)
                for index, feed in enumerate(self._feeds)
                if not feed.exhausted
            ]
            heapq.heapify(queue)
            while queue and not self._interruption.wanted:
                due, _, index = queue[0]
                early = start + due - time.monotonic()
                if early > 0:
                    self._interruption.wait(min(early, _STEP))
                elif self._feeds[index].send(self._uplink):
                    heapq.heappop(queue)
                    turns += 1
                    if not self._feeds[index].exhausted:
                        heapq.heappush(queue, (self._feeds[index].due(speed), turns, index))
                self._look()
            while not self._interruption.wanted and not self._uplink.drain(_STEP):
                self._look()
            if self._interruption.wanted:
                self._uplink.drain(_LAST_CHANCE)
        finally:
            self._note()

    def _look(self) -> None:
        if time.monotonic() - self._last_save >= _BETWEEN_SAVES:
            self._note()
        silence = self._uplink.silence
        if silence > self._timeout:
            why = (
                "is ingest running, on this broker?"
                if self._uplink.connected
                else "and the broker can't be reached"
            )
            raise BypulsError(
                f"nothing has been acknowledged for {silence:.0f} s: {why} "
                f"What is safe is noted in {self._kept.path}; the same command continues"
            )

    def _note(self) -> None:
        for feed in self._feeds:
            feed.entry.safe = self._uplink.safe(feed.node)
        self._progress.update(sum(feed.safe_readings for feed in self._feeds))
        self._kept.save()
        self._last_save = time.monotonic()

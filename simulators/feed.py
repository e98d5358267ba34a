"""The feed of a run: what is sent when, history first and then what is now; what is told and noted."""

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from bypuls.instants import to_datetime
from bypuls.interruption import Interruption
from bypuls.readings import SECOND
from simulators.latency import Latencies
from simulators.progress import SendProgress
from simulators.town import stretches
from simulators.town.faults import Faults
from simulators.town.journal import Journal, Segment
from simulators.town.packs import packs
from simulators.town.scenarios import SCENARIOS
from simulators.town.town import Town
from simulators.uplink import Uplink

if TYPE_CHECKING:
    from simulators.simulation import Plan

_STEP = 0.2
PATIENCE = 30.0
"""Seconds without an acknowledgement after which that is told."""

_BETWEEN_NOTES, _LONGEST_BETWEEN_NOTES, _BETWEEN_NOTES_OF_HISTORY = 60.0, 900.0, 5.0
_BETWEEN_LINES = 5.0
_LONGEST_WINDOW = 3 * 3_600 * SECOND
_PACK = 3_500
"""Most readings in a pack of history: some 130 kB."""


class Feed:
    """One run of a plan."""

    def __init__(
        self,
        plan: "Plan",
        town: Town,
        faults: Faults,
        uplink: Uplink,
        journal: Journal,
        latencies: Latencies,
        interruption: Interruption,
        console: Console,
    ) -> None:
        self._plan, self._town, self._faults = plan, town, faults
        self._uplink, self._journal = uplink, journal
        self._latencies, self._interruption, self._console = latencies, interruption, console
        clock = now()
        self._behind = behind = plan.behind if plan.speed > 1 else 0
        begin, until = clock - max(plan.history, behind), min(journal.safe_until or 0, clock)
        self._live = live = max(clock - behind, until)
        if plan.faults:
            begin = max(begin, until)
        gaps = stretches.missing(journal.segments, begin, live)
        self._history = gaps if plan.faults else stretches.newest_first(gaps, live)
        # What is live goes on with the segment of the history before it.
        start = next((start for start, end in self._history if end == live), live)
        self._cursor = start
        self._segment = self._live_segment = Segment(start, start, live)
        self._in_history = bool(self._history)
        self._counted = (0, 0)
        self._beside = False
        self._begun = self._told = self._noted = self._lined = time.monotonic()
        self._silent = False
        self._before = uplink.counters
        densest = max(len(node.channels) / node.interval for node in town.nodes)
        self._window = max(min(round(_PACK / densest * SECOND), _LONGEST_WINDOW), SECOND)

    def run(self) -> None:
        """Send history and then what is now, until the plan's end or a signal."""
        for name in self._town.scene.forces.names:
            scenario, (begin, end) = SCENARIOS[name], self._town.scene.forces.span(name)
            told = {"scenario": name, "where": self._plan.town, "size": scenario.size, "unit": scenario.unit}
            shows = {"shows": self._town.plan.shows.get(name, []), "about": scenario.what}
            self._journal.span("scenario", begin, end, told | shows)
        self._tell_faults(self._cursor - SECOND, self._cursor, begun_before=True)
        if self._history:
            self._send_history()
        if not self._interruption.wanted:
            self._go_live()

    def note(self) -> None:
        """Note in the journal what is acknowledged by now."""
        oldest = self._uplink.oldest_mark()
        segment = self._segment
        segment.end = max(self._cursor if oldest is None else min(oldest, self._cursor), segment.start)
        readings, late = self._counted
        self._counted = self._uplink.counters.readings, self._latencies.late
        segment.readings += self._counted[0] - readings
        segment.late += self._counted[1] - late
        self._journal.safe(segment)
        self._noted = time.monotonic()

    def latencies(self) -> str:
        """Tell how long packs took to be acknowledged."""
        shares = [
            f"p{percent} {1e3 * self._latencies.percentile(percent):,.0f} ms" for percent in (50, 95, 99)
        ]
        return f"to acknowledgement: {', '.join(shares)}, max {1e3 * self._latencies.longest:,.0f} ms"

    def _send_history(self) -> None:
        total = round(self._town.rate * sum(end - start for start, end in self._history) / SECOND)
        first = rfc(min(start for start, _ in self._history))
        self._console.print(f"history from {first}: {total:,} readings")
        with SendProgress(self._console, "history", total) as progress:
            for start, stop in self._history:
                self._cursor = start
                self._segment = self._live_segment if stop == self._live else Segment(start, start, stop)
                while self._cursor < stop and not self._interruption.wanted:
                    end = min(self._cursor + self._window, stop)
                    if self._send(end):
                        self._cursor = end
                    progress.update(
                        min(self._uplink.counters.readings, total), f"; at {rfc(self._cursor)[:16]}"
                    )
                    self._look()
                # Only one stretch is in flight at a time, so that its segment tells what is safe of it.
                while not self._interruption.wanted and self._uplink.counters.in_flight:
                    self._uplink.drain(_STEP)
                    progress.update(min(self._uplink.counters.readings, total))
                    self._look()
                if self._interruption.wanted:
                    break
                self.note()
            sent, seconds = self._uplink.counters.readings, progress.seconds
        self._console.print(
            f"history: {sent:,} readings are safe after {seconds:.1f} s, {sent / seconds:,.0f}/s"
        )

    def _go_live(self) -> None:
        self._segment, self._cursor, self._in_history = self._live_segment, self._live, False
        begun, origin = time.monotonic(), now() - self._behind
        quickest = min(node.interval for node in self._town.nodes)
        tick = 1.0 if quickest >= 10 else 0.2
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        ) as line:
            task = line.add_task(self._text(begun), total=None)
            while not self._interruption.wanted:
                passed = time.monotonic() - begun
                if self._plan.duration is not None and passed * SECOND >= self._plan.duration:
                    break
                # With the clock, and never ahead of it.
                clock = now()
                wanted = min(origin + round(passed * SECOND * self._plan.speed), clock)
                end = min(wanted, self._cursor + self._window)
                if end > self._cursor and self._send(end):
                    self._cursor = end
                if not self._beside:  # what was sent so far was sent after its time
                    self._segment.live, self._beside = self._cursor, clock - self._cursor < SECOND
                line.update(task, description=self._text(begun))
                self._look()
                if self._plan.load and time.monotonic() - self._lined >= _BETWEEN_LINES:
                    self._tell_load()
                if wanted - self._cursor < SECOND:
                    self._interruption.wait(tick - (time.monotonic() - begun) % tick)

    def _send(self, end: int) -> bool:
        """Send what is measured from the cursor to `end`; False when a signal came first."""
        start = self._cursor
        self._tell_faults(start, end)
        for block in self._town.blocks(start, end):
            for pack in packs(self._faults.apply(block)):
                while (
                    self._uplink.send(pack.node, pack.body, _STEP, readings=pack.readings, mark=start) is None
                ):
                    if self._interruption.wanted:
                        return False
                    self._look()
        return True

    def _tell_faults(self, start: int, end: int, *, begun_before: bool = False) -> None:
        if not self._faults.rates:
            return
        reboots = []
        for group in self._town.groups:
            for episode in self._faults.episodes(group, start, end):
                if start <= episode.start or begun_before:
                    told = {"fault": episode.fault, "node": episode.node, "channel": episode.channel}
                    self._journal.span("fault", episode.start, episode.end, told | {"size": episode.size})
                    if episode.fault == "reboot":
                        reboots.append(episode.node)
        self._uplink.announce(reboots)

    def _look(self) -> None:
        moment = time.monotonic()
        # A run that is killed sends again what was not noted: little beside what it has lasted.
        pause = min(max(_BETWEEN_NOTES, (moment - self._begun) / 10), _LONGEST_BETWEEN_NOTES)
        if moment - self._noted >= (_BETWEEN_NOTES_OF_HISTORY if self._in_history else pause):
            self.note()
        if self._uplink.connected and (self._uplink.silence > PATIENCE) != self._silent:
            self._silent = not self._silent
            self._console.print(
                f"nothing has been acknowledged for {PATIENCE:.0f} s: is ingest running? The packs are kept"
                if self._silent
                else "packs are being acknowledged again"
            )

    def _text(self, begun: float) -> str:
        counters = self._uplink.counters
        rate = counters.readings / max(time.monotonic() - begun, 1e-6)
        return (
            f"live at {rfc(self._cursor)[:19]}: {counters.readings:,} readings safe, {rate:,.1f}/s; "
            f"lag {self._lag:.1f} s, {counters.in_flight:,} packs in flight"
        )

    @property
    def _lag(self) -> float:
        """How far, in seconds, what has been sent is behind the clock."""
        return (now() - self._cursor) / SECOND

    def _tell_load(self) -> None:
        moment, counters, before = time.monotonic(), self._uplink.counters, self._before
        seconds = moment - self._lined
        self._console.print(
            f"{(counters.acknowledged - before.acknowledged) / seconds:,.0f} packs/s, "
            f"{(counters.readings - before.readings) / seconds:,.0f} readings/s acknowledged, "
            f"{counters.in_flight:,} packs in flight, lag {self._lag:.1f} s; {self.latencies()}"
        )
        self._lined, self._before = moment, counters


def now() -> int:
    """Return microseconds since 1970."""
    return time.time_ns() // 1_000


def rfc(time_: int) -> str:
    """Write an instant by RFC 3339, to the second."""
    return to_datetime(time_).isoformat(timespec="seconds")

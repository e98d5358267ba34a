"""`bypuls simulate`: a town whose nodes publish their history as fast as it goes, and then what is now."""

import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from bypuls.errors import BypulsError
from bypuls.instants import to_datetime
from bypuls.interruption import Interruption
from bypuls.readings import SECOND
from bypuls.settings import BrokerSettings
from simulators.latency import Latencies
from simulators.progress import SendProgress
from simulators.town import plan as plans
from simulators.town import rivers, stretches
from simulators.town import town as towns
from simulators.town.faults import Faults
from simulators.town.journal import Journal, Recipe, Segment, read
from simulators.town.line import Line
from simulators.town.packs import packs
from simulators.town.scenarios import SCENARIOS, Forces
from simulators.town.town import Town
from simulators.uplink import Position, Uplink

HALF_A_DAY = 43_200 * SECOND
_DAY = 2 * HALF_A_DAY
_STEP = 0.2
_LAST_CHANCE = 3.0
_PATIENCE = 30.0
_BETWEEN_NOTES, _BETWEEN_NOTES_OF_HISTORY = 60.0, 5.0
_BETWEEN_LINES = 5.0
_LONGEST_WINDOW = 3 * 3_600 * SECOND
_PACK = 3_500
"""Most readings in a pack of history: some 130 kB."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate; durations in microseconds.

    `history` before now is sent first, its last hours before the rest; but with `faults` as time goes, since
    the platform compares no reading with those before it when newer ones are there. With a `speed` above 1
    the live part begins `behind` the clock, since the platform takes nothing from the future, and goes on at
    1 when it has caught up. It ends after `duration` of real time, None: when interrupted. `load` tells
    throughput and latencies. `at` is when scenarios are at their height; None: half a day before the start,
    so that it can be seen.
    """

    town: str = "lillestrom"
    seed: int = 1
    nodes: int | None = None
    interval: float | None = None
    scenarios: tuple[str, ...] = ()
    at: int | None = None
    faults: tuple[tuple[str, float], ...] = ()
    speed: float = 1.0
    history: int = 0
    behind: int = 0
    duration: int | None = None
    journal: Path | None = None
    load: bool = False

    def check(self) -> None:
        """Raise BypulsError for what can't be."""
        if self.interval is not None and not 0.05 <= self.interval <= 86_400:
            raise BypulsError(f"the interval is {self.interval:g} s; it must be between 0.05 s and a day")
        if not 0 < self.speed <= 100_000:
            raise BypulsError(f"the speed is {self.speed:g}; it must be a factor above 0, and at most 100000")
        most = (_now() - rivers.START) // _DAY
        for option, duration in (("--history", self.history), ("--behind", self.behind)):
            if duration > most * _DAY:
                raise BypulsError(
                    f"{option} is {duration / _DAY:,.0f} days; the town's rivers begin to flow on "
                    f"{_rfc(rivers.START)[:10]}, so that it must be at most {most} days"
                )

    def recipe(self, now: int) -> Recipe:
        """Return what makes the readings; without `at` that of the journal, if there is one, holds."""
        at = self.at
        if at is None and self.journal is not None and self.journal.exists() and self.journal.stat().st_size:
            at = read(self.journal).recipe.at
        if at is None:
            at = (now - HALF_A_DAY) // (60 * SECOND) * (60 * SECOND)
        return Recipe(
            self.town, self.seed, self.nodes, self.interval, sorted(self.scenarios), at, dict(self.faults)
        )


def build(recipe: Recipe) -> tuple[Town, Faults]:
    """Make the town of a recipe, and its faults; raises BypulsError for what is not known."""
    plan = plans.read(recipe.town)
    nodes = towns.nodes_of(plan, recipe.nodes, recipe.interval)
    town = Town(plan, nodes, recipe.seed, Forces(recipe.scenarios, recipe.at))
    return town, Faults(town, recipe.faults)


def run(broker: BrokerSettings, plan: Plan) -> None:
    """Simulate until the plan's end, or SIGINT or SIGTERM.

    Raises BypulsError when the broker can't be reached at first, or does not let us publish, and when packs
    are not acknowledged at the end. What can't be sent in an outage is sent afterwards with its true times:
    the state of any instant can be computed.
    """
    plan.check()
    console = Console(highlight=False, soft_wrap=True)
    recipe = plan.recipe(_now())
    town, faults = build(recipe)
    latencies, line = Latencies(), Line(recipe.faults, recipe.seed)
    positions = {node.node: Position.new() for node in town.nodes}
    with (
        Journal(plan.journal, recipe) as journal,
        Interruption() as interruption,
        Uplink(
            broker,
            positions,
            tell=console.print,
            in_flight=max(512, 2 * len(town.nodes)),
            line=line if any(line.rates) else None,
            latencies=latencies,
        ) as uplink,
    ):
        console.print(f"{len(town.nodes):,} simulated nodes publish to {broker.host}:{broker.port}")
        feed = _Feed(plan, town, faults, uplink, journal, line, latencies, interruption, console)
        try:
            feed.run()
            uplink.drain(_LAST_CHANCE if interruption.wanted or plan.duration is None else _PATIENCE)
        finally:
            feed.note()
        counters = uplink.counters
    acknowledged = f"{counters.acknowledged:,} acknowledged, {counters.resent:,} sent again"
    console.print(f"{counters.sent:,} packs sent, {acknowledged}; {counters.readings:,} readings are safe")
    if plan.load:
        console.print(feed.latencies())
    if counters.in_flight:
        raise BypulsError(
            f"{counters.in_flight:,} packs were not acknowledged, and are gone with this process: is ingest "
            "running? With --journal, the next run whose --history reaches back sends their readings again"
        )


class _Feed:
    """One run: what is sent when, and what is told and noted meanwhile."""

    def __init__(
        self,
        plan: Plan,
        town: Town,
        faults: Faults,
        uplink: Uplink,
        journal: Journal,
        line: Line,
        latencies: Latencies,
        interruption: Interruption,
        console: Console,
    ) -> None:
        self._plan, self._town, self._faults = plan, town, faults
        self._uplink, self._journal, self._line = uplink, journal, line
        self._latencies, self._interruption, self._console = latencies, interruption, console
        now = _now()
        self._behind = behind = plan.behind if plan.speed > 1 else 0
        begin, until = now - max(plan.history, behind), min(journal.safe_until or 0, now)
        self._live = live = max(now - behind, until)
        if plan.faults:
            begin = max(begin, until)
        gaps = stretches.missing(journal.segments, begin, live)
        self._history = gaps if plan.faults else stretches.newest_first(gaps, live)
        # What is live goes on with the segment of the history before it.
        start = next((start for start, end in self._history if end == live), live)
        self._cursor = start
        self._segment = self._live_segment = Segment(start, start, live)
        self._in_history = bool(self._history)
        self._counted: tuple[int, int, dict[str, int]] = (0, 0, {})
        self._beside = False
        self._told = self._noted = self._lined = time.monotonic()
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
        readings, late, counts = self._counted
        line = {name: count for name, count in self._line.counts.items() if name in self._line.rates}
        self._counted = self._uplink.counters.readings, self._latencies.late, line
        segment.readings += self._counted[0] - readings
        segment.late += self._counted[1] - late
        segment.line = {name: segment.line.get(name, 0) + line[name] - counts.get(name, 0) for name in line}
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
        first = _rfc(min(start for start, _ in self._history))
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
                        min(self._uplink.counters.readings, total), f"; at {_rfc(self._cursor)[:16]}"
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
        begun, origin = time.monotonic(), _now() - self._behind
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
                clock = _now()
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
        now = time.monotonic()
        if now - self._noted >= (_BETWEEN_NOTES_OF_HISTORY if self._in_history else _BETWEEN_NOTES):
            self.note()
        if self._uplink.connected and (self._uplink.silence > _PATIENCE) != self._silent:
            self._silent = not self._silent
            self._console.print(
                f"nothing has been acknowledged for {_PATIENCE:.0f} s: is ingest running? The packs are kept"
                if self._silent
                else "packs are being acknowledged again"
            )

    def _text(self, begun: float) -> str:
        counters = self._uplink.counters
        rate = counters.readings / max(time.monotonic() - begun, 1e-6)
        return (
            f"live at {_rfc(self._cursor)[:19]}: {counters.readings:,} readings safe, {rate:,.1f}/s; "
            f"lag {self._lag:.1f} s, {counters.in_flight:,} packs in flight"
        )

    @property
    def _lag(self) -> float:
        """How far, in seconds, what has been sent is behind the clock."""
        return (_now() - self._cursor) / SECOND

    def _tell_load(self) -> None:
        now, counters, before = time.monotonic(), self._uplink.counters, self._before
        seconds = now - self._lined
        self._console.print(
            f"{(counters.acknowledged - before.acknowledged) / seconds:,.0f} packs/s, "
            f"{(counters.readings - before.readings) / seconds:,.0f} readings/s acknowledged, "
            f"{counters.in_flight:,} packs in flight, lag {self._lag:.1f} s; {self.latencies()}"
        )
        self._lined, self._before = now, counters


def _now() -> int:
    return time.time_ns() // 1_000


def _rfc(time_: int) -> str:
    return to_datetime(time_).isoformat(timespec="seconds")

"""`bypuls simulate`: a town whose nodes publish their history as fast as it goes, and then what is now."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bypuls.errors import BypulsError
from bypuls.interruption import Interruption
from bypuls.readings import SECOND
from bypuls.settings import BrokerSettings
from simulators.feed import PATIENCE, Feed, now, rfc
from simulators.latency import Latencies
from simulators.node_store import Position
from simulators.town import plan as plans
from simulators.town import rivers
from simulators.town import town as towns
from simulators.town.faults import Faults
from simulators.town.journal import Journal, Recipe, read
from simulators.town.line import LINE_FAULTS, Line
from simulators.town.scenarios import Forces
from simulators.town.town import Town
from simulators.uplink import Uplink

HALF_A_DAY = 43_200 * SECOND
_DAY = 2 * HALF_A_DAY
_LAST_CHANCE = 3.0


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
        most = (now() - rivers.START) // _DAY
        for option, duration in (("--history", self.history), ("--behind", self.behind)):
            if duration > most * _DAY:
                raise BypulsError(
                    f"{option} is {duration / _DAY:,.0f} days; the town's rivers begin to flow on "
                    f"{rfc(rivers.START)[:10]}, so that it must be at most {most} days"
                )

    def check_journal(self) -> None:
        """Raise BypulsError for a journal that can't be read, or is of another town."""
        Journal(self.journal, self.recipe(now()))

    def recipe(self, clock: int) -> Recipe:
        """Return what makes the readings; without `at` that of the journal, if there is one, holds."""
        at = self.at
        if at is None and self.journal is not None and self.journal.exists() and self.journal.stat().st_size:
            at = read(self.journal).recipe.at
        if at is None:
            at = (clock - HALF_A_DAY) // (60 * SECOND) * (60 * SECOND)
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
    recipe = plan.recipe(now())
    town, faults = build(recipe)
    latencies = Latencies()
    positions = {node.node: Position.new() for node in town.nodes}
    with Journal(plan.journal, recipe) as journal, Interruption() as interruption:
        line = Line(recipe.faults, recipe.seed, journal.bad_line)
        with Uplink(
            broker,
            positions,
            tell=console.print,
            in_flight=max(512, 2 * len(town.nodes)),
            line=line if any(map(recipe.faults.get, LINE_FAULTS)) else None,
            latencies=latencies,
        ) as uplink:
            console.print(f"{len(town.nodes):,} simulated nodes publish to {broker.host}:{broker.port}")
            feed = Feed(plan, town, faults, uplink, journal, latencies, interruption, console)
            try:
                feed.run()
                uplink.drain(_LAST_CHANCE if interruption.wanted or plan.duration is None else PATIENCE)
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

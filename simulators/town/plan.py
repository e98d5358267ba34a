"""The plan of a town: what its file says of its place, rivers and nodes, and where scenarios must show."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bypuls.errors import BypulsError
from simulators.town.scenarios import SCENARIOS

FOLDER = Path(__file__).parent

Place = tuple[float, float]
"""Latitude and longitude, in degrees."""

STATISTICS = ("max", "min", "mean", "sum", "increase")
"""Of an hour, in which a scenario can show."""

_Positive = Annotated[float, msgspec.Meta(gt=0)]


class River(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A river: its basin by the names of `simulators.town.rivers`, and the levels of its gauges.

    `area` in km², `zones` as height above the town (m) and share. `quick` is how much of the upper store runs
    off in a day, `threshold` (mm) above which it does so faster; `percolation` in mm and `slow` as a share a
    day; `lake` the days that a lake delays it, 0 without one; `base` what regulated lakes add all year, in
    m³/s; `rain` how much of the town's rain falls there.

    A gauge shows (discharge / `metre`) ** `power` in m; of a `flat` river all show the level at its mouth,
    as along a lake. `held_by` names the river that dams it up, by `held` of its level. On a summer afternoon
    its water is `warms` degrees warmer than on average.
    """

    name: str
    area: _Positive
    zones: list[tuple[float, _Positive]]
    quick: _Positive
    threshold: float
    percolation: float
    slow: _Positive
    lake: float
    base: float
    rain: _Positive
    metre: _Positive
    power: _Positive
    warms: float
    flat: bool = False
    held_by: str | None = None
    held: float = 0.0


class BurstMain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a main bursts; at `reach` metres from there the pressure falls by 1/e of what it does there."""

    at: Place
    reach: _Positive


class KindPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nodes of one kind, which have the same `channels` (with their decimals); `interval` in seconds.

    `thresholds` are, by node and channel, the levels that the registry takes.
    """

    kind: str
    owner: str
    interval: _Positive
    open_data: bool
    nodes: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    channels: Annotated[dict[str, int], msgspec.Meta(min_length=1)]
    thresholds: dict[str, dict[str, dict[str, float]]] = {}


class Site(msgspec.Struct, frozen=True):
    """What each node has, whatever its kind; what else it has are its kind's parameters, all numbers."""

    node: str
    place: str
    at: Place
    interval: _Positive | None = None


class TownPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a town's file says.

    `at` is the town's place, by which the sun stands; `snow` the river in whose lowest zone the town lies.
    `shows` are, by scenario, the streams in whose hourly aggregates it must be seen: stream and statistic.
    """

    name: str
    title: str
    at: Place
    snow: str
    river: Annotated[list[River], msgspec.Meta(min_length=1)]
    burst_main: BurstMain
    shows: dict[str, list[str]]
    kind: Annotated[list[KindPlan], msgspec.Meta(min_length=1)]

    @property
    def rivers(self) -> dict[str, River]:
        """The rivers by their names."""
        return {river.name: river for river in self.river}


def known() -> list[str]:
    """Return the names of the towns that come with Bypuls."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@lru_cache
def read(name: str) -> TownPlan:
    """Read a town that comes with Bypuls; raises BypulsError for one that is not known."""
    if name not in known():
        raise BypulsError(f"there is no town {name!r}; known are {', '.join(known())}")
    return load(FOLDER / f"{name}.toml")


def load(path: Path) -> TownPlan:
    """Read a town's file; raises BypulsError that says where in it what is wrong."""
    try:
        plan = msgspec.toml.decode(path.read_bytes(), type=TownPlan)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise BypulsError(f"the town in {path} can't be read: {error}") from error
    for wrong in _wrong(plan):
        raise BypulsError(f"the town in {path} can't be built: {wrong}")
    return plan


def _wrong(plan: TownPlan) -> list[str]:
    rivers, wrong = (
        plan.rivers,
        [f"there is no scenario {name!r} to show" for name in {*plan.shows} - {*SCENARIOS}],
    )
    if len(rivers) < len(plan.river):
        wrong.append("two rivers have one name")
    if plan.snow not in rivers:
        wrong.append(f"snow = {plan.snow!r} is none of its rivers, {', '.join(rivers)}")
    for river in plan.river:
        total = sum(share for _, share in river.zones)
        if abs(total - 1) > 1e-6:
            wrong.append(
                f"the zones of the river {river.name} have shares of {total:g} in all; they must be 1"
            )
        if river.held_by is not None and river.held_by not in rivers:
            wrong.append(f"the river {river.name} is held by {river.held_by!r}, which is none of its rivers")
    streams = {
        f"{node.get('node')}/{channel}"
        for kind in plan.kind
        for node in kind.nodes
        for channel in kind.channels
    }
    wrong += [
        f"there are thresholds of {node}/{channel}, and no node has this stream"
        for kind in plan.kind
        for node, channels in kind.thresholds.items()
        for channel in channels
        if f"{node}/{channel}" not in streams
    ]
    wrong += [
        f"{scenario} shows in '{stream}:{statistic}'; that must be a stream of its nodes "
        f"and one of {', '.join(STATISTICS)}"
        for scenario, each in plan.shows.items()
        for stream, _, statistic in (shown.rpartition(":") for shown in each)
        if stream not in streams or statistic not in STATISTICS
    ]
    return wrong

"""A town: which nodes stand where, read from a file, and what they measure in any stretch of time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from bypuls.channels import of_channel
from bypuls.errors import BypulsError
from bypuls.quantities import Kind
from bypuls.readings import SECOND, FloatArray, TimeArray
from bypuls.registry import RegisteredNode
from simulators.town import chance
from simulators.town import plan as plans
from simulators.town.measuring import KINDS
from simulators.town.plan import KindPlan, Site, TownPlan
from simulators.town.scenarios import Forces
from simulators.town.scene import Scene
from simulators.town.sensing import Sites, Values

_IN_WORK = 1 << 14
"""Instants of nodes in work at once, so that their columns stay in the cache."""

_AMOUNTS = {
    "traffic", "stoves", "trains", "vehicles", "bicycles", "commuters", "fair", "lamps", "mean_flow",
    "crowd", "walkers",
}  # fmt: skip
"""Parameters of which a multiplied node has less; the others are what its place is like."""

_WINDOWED = (Kind.TOTAL, Kind.ENERGETIC)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of a node: `decimals` is its resolution; a windowed value carries its window's start."""

    name: str
    decimals: int
    unit: str
    windowed: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A simulated node; `interval` in seconds, `parameters` as its kind takes them."""

    node: str
    kind: str
    owner: str
    place: str
    latitude: float
    longitude: float
    interval: float
    open_data: bool
    channels: tuple[Channel, ...]
    parameters: dict[str, float]
    thresholds: dict[str, dict[str, float]] = field(default_factory=dict)
    """by channel"""

    def registered(self) -> RegisteredNode:
        """Return the node as the registry takes it."""
        streams = [
            {
                "channel": channel.name,
                "expected_interval": float(self.interval),
                "thresholds": self.thresholds.get(channel.name, {}),
                "open_data": self.open_data,
            }
            for channel in self.channels
        ]
        return RegisteredNode.model_validate(
            {
                "node": self.node,
                "owner": f"{self.owner} (simulated)",
                "place": self.place,
                "latitude": self.latitude,
                "longitude": self.longitude,
                "stream": streams,
            }
        )


def read(name: str, nodes: int | None = None, interval: float | None = None) -> list[Node]:
    """Return the nodes of a town that comes with Bypuls, as `nodes_of` does."""
    return nodes_of(plans.read(name), nodes, interval)


def nodes_of(plan: TownPlan, nodes: int | None = None, interval: float | None = None) -> list[Node]:
    """Return a town's nodes; with `nodes` so many of them, multiplied plausibly where the town has fewer.

    With `interval` all of them measure that often (seconds). Raises BypulsError for what the plan says wrong.
    """
    rivers = list(plan.rivers)
    by_kind = [[_node(kind, entry, rivers) for entry in kind.nodes] for kind in plan.kind]
    longest = max(map(len, by_kind))
    # One of each kind first, so that a few of them are a town too.
    town = [nodes_[turn] for turn in range(longest) for nodes_ in by_kind if turn < len(nodes_)]
    if nodes is not None:
        if nodes < 1:
            raise BypulsError(f"{nodes} nodes were asked for; a town has at least one")
        town = [_copy(town[number % len(town)], number // len(town)) for number in range(nodes)]
    return town if interval is None else [replace(node, interval=float(interval)) for node in town]


def _node(kind: KindPlan, entry: dict[str, Any], rivers: list[str]) -> Node:
    if kind.kind not in KINDS:
        raise BypulsError(f"there is no kind of node {kind.kind!r}; known are {', '.join(KINDS)}")
    try:
        site = msgspec.convert(entry, Site)
        own = {key: value for key, value in entry.items() if key not in Site.__struct_fields__}
        if own.get("river") in rivers:
            own["river"] = rivers.index(own["river"])
        parameters = msgspec.convert(own, dict[str, float])
        wanted = KINDS[kind.kind][1]
        if set(parameters) != set(wanted):
            raise ValueError(f"it has the parameters {sorted(parameters)}; they must be {sorted(wanted)}")
        channels = tuple(_channel(channel, decimals) for channel, decimals in kind.channels.items())
    except (ValueError, msgspec.ValidationError) as error:
        raise BypulsError(
            f"the {kind.kind} node {entry.get('node', entry)!r} can't be built: {error}"
        ) from error
    interval = kind.interval if site.interval is None else site.interval
    return Node(
        site.node,
        kind.kind,
        kind.owner,
        site.place,
        *site.at,
        interval,
        kind.open_data,
        channels,
        parameters,
        kind.thresholds.get(site.node, {}),
    )


def _channel(name: str, decimals: int) -> Channel:
    meaning = of_channel(name)
    if meaning.unit is None:
        raise ValueError(f"the channel {name!r} names no quantity")
    windowed = meaning.quantity is not None and meaning.quantity.kind in _WINDOWED
    return Channel(name, decimals, meaning.unit, windowed)


def _copy(node: Node, copy: int) -> Node:
    """Return a node of the same kind up to two kilometres away, with a little less of what there is of it.

    A river's gauge stays where it is, since its river does.
    """
    if copy == 0:
        return node
    name = f"{node.node}-{copy + 1}"
    aside = chance.uniform(chance.keys(0, [name]), np.arange(20, dtype=np.int64))
    shrunk = {
        key: value * (1 - 0.3 * share) if key in _AMOUNTS else value
        for (key, value), share in zip(node.parameters.items(), aside[2:].tolist(), strict=False)
    }
    latitude, longitude = node.latitude, node.longitude
    if node.kind != "river":
        latitude = round(latitude + 0.036 * (float(aside[0]) - 0.5), 4)
        longitude = round(longitude + 0.072 * (float(aside[1]) - 0.5), 4)
    return replace(
        node,
        node=name,
        place=f"{node.place} {copy + 1}",
        latitude=latitude,
        longitude=longitude,
        parameters=shrunk,
        thresholds={},  # they were found for the gauge that is copied
    )


@dataclass(frozen=True)
class Group:
    """Nodes of one kind and interval, which are computed together; all times in microseconds."""

    kind: str
    step: int
    channels: tuple[Channel, ...]
    names: list[str]
    phase: TimeArray
    """(n,): at which remainder of `step` a node measures"""
    sites: Sites

    @classmethod
    def of(cls, nodes: Sequence[Node], seed: int) -> Self:
        """Make the group of nodes that are alike in kind and interval."""
        names = [node.node for node in nodes]
        key = chance.keys(seed, names)
        step = round(nodes[0].interval * SECOND)
        # Whole seconds where the interval allows, else tenths of it.
        grain = SECOND if step >= 10 * SECOND else max(step // 10, 1)
        phase = (chance.uniform(chance.of(key, "phase"), np.zeros(1, np.int64)) * step).astype(np.int64)
        rows = np.array([list(node.parameters.values()) for node in nodes])
        columns = {name: rows[:, place : place + 1] for place, name in enumerate(nodes[0].parameters)}
        sites = Sites(
            key[:, None],
            np.full((len(nodes), 1), nodes[0].interval),
            np.array([[node.latitude] for node in nodes]),
            np.array([[node.longitude] for node in nodes]),
            columns,
        )
        return cls(nodes[0].kind, step, nodes[0].channels, names, phase // grain * grain, sites)

    def sites_of(self, rows: NDArray[np.intp]) -> Sites:
        """Return the sites of some of the nodes."""
        sites = self.sites
        return Sites(
            sites.key[rows],
            sites.interval[rows],
            sites.latitude[rows],
            sites.longitude[rows],
            {name: column[rows] for name, column in sites.parameters.items()},
        )

    def ticks(self, start: int, end: int) -> Iterator[tuple[NDArray[np.intp], TimeArray]]:
        """Give the instants of measuring in [start, end): rows (n,) of as many instants each, and (n, t)."""
        first = -((self.phase - start) // self.step) * self.step + self.phase
        counts = -(-(end - first) // self.step)
        for count in np.unique(counts[counts > 0]).tolist():
            rows = np.flatnonzero(counts == count)
            most = max(_IN_WORK // len(rows), 1)
            for begin in range(0, count, most):
                turns = np.arange(begin, min(begin + most, count), dtype=np.int64)
                width = max(_IN_WORK // len(turns), 1)
                for low in range(0, len(rows), width):
                    part = rows[low : low + width]
                    yield part, first[part, None] + turns * self.step


@dataclass
class Block:
    """What some nodes of a group measured: `tick` int64 (n, t), when; `values` float64 (n, t) by channel.

    Values have their sensor's resolution. A windowed value is of the interval before its tick, and is stamped
    with that interval's start. What faults do to it stands beside: `sent` is false where nothing is sent,
    `skew` how far the node's clock is wrong (microseconds), `units` where a channel has another unit.
    """

    group: Group
    rows: NDArray[np.intp]
    tick: TimeArray
    values: Values
    sent: NDArray[np.bool_] | None = None
    skew: TimeArray | None = None
    units: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


class Town:
    """Nodes in the town of a seed, under the forces of its scenarios."""

    def __init__(self, plan: TownPlan, nodes: Sequence[Node], seed: int, forces: Forces) -> None:
        self.plan = plan
        self.nodes = list(nodes)
        self.seed = seed
        self.scene = Scene(plan, seed, forces)
        alike: dict[tuple[str, float], list[Node]] = {}
        for node in self.nodes:
            alike.setdefault((node.kind, node.interval), []).append(node)
        self.groups = [Group.of(each, seed) for each in alike.values()]

    @cached_property
    def rate(self) -> float:
        """Readings a second."""
        return sum(len(node.channels) / node.interval for node in self.nodes)

    def blocks(self, start: int, end: int) -> Iterator[Block]:
        """Give what all nodes measure in [start, end), microseconds since 1970, in pieces, without faults."""
        for group in self.groups:
            for rows, tick in group.ticks(start, end):
                yield Block(group, rows, tick, self.measure(group, rows, tick))

    def measure(self, group: Group, rows: NDArray[np.intp], tick: TimeArray) -> Values:
        """Return what nodes of a group measure at their ticks (n, t), before the sensor's resolution."""
        at, over = self.scene.at(tick), self.scene.at(tick - group.step // 2)
        return KINDS[group.kind][0](group.sites_of(rows), at, over, self.scene)


def rounded(group: Group, values: Values) -> Values:
    """Put the sensors' resolution on the values."""
    return {channel.name: _rounded(values[channel.name], channel.decimals) for channel in group.channels}


def _rounded(values: FloatArray, decimals: int) -> FloatArray:
    if decimals:
        values = values * 10.0**decimals
    values = np.rint(values)
    if decimals:
        values /= 10.0**decimals
    values += 0.0  # -0.0 is silly
    return values

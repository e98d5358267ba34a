"""`bypuls simulate`: a dozen simple nodes in Lillestrøm that publish what the town's state is just now."""

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from bypuls.channels import of_channel
from bypuls.errors import BypulsError
from bypuls.interruption import Interruption
from bypuls.quantities import Kind
from bypuls.readings import SECOND, TimeArray
from bypuls.senml import Record
from bypuls.settings import BrokerSettings
from simulators import signals
from simulators.noise import Noise
from simulators.scene import Scene
from simulators.uplink import Position, Uplink

REGISTRY = Path(__file__).with_name("nodes.toml")
"""Places, owners and intervals of the simulated nodes, as `bypuls nodes apply` reads them."""

INTERVAL = 5.0
"""The default interval of the quickest node, in seconds; the registry goes by it."""

_STEP = 0.2
_MOST_ROWS = 200
_LAST_CHANCE = 1.5
_PATIENCE = 30.0
_WINDOWED = (Kind.TOTAL, Kind.ENERGETIC)


@dataclass(frozen=True, slots=True)
class SimulatedNode:
    """A node: what it measures, and its interval as a multiple of the quickest node's."""

    measure: Callable[[Scene, str, float], signals.Values]
    every: int


NODES: dict[str, SimulatedNode] = {
    "air-01": SimulatedNode(signals.town_air, 6),
    "air-02": SimulatedNode(signals.roadside_air, 6),
    "weather-01": SimulatedNode(signals.weather, 2),
    "glomma-01": SimulatedNode(signals.main_river, 12),
    "nitelva-01": SimulatedNode(signals.backwater, 12),
    "noise-01": SimulatedNode(signals.sound, 1),
    "traffic-01": SimulatedNode(signals.road, 6),
    "people-01": SimulatedNode(signals.square, 6),
    "parking-01": SimulatedNode(signals.parking, 4),
    "light-01": SimulatedNode(signals.street_light, 12),
    "water-01": SimulatedNode(signals.water_meter, 6),
    "waste-01": SimulatedNode(signals.waste, 12),
}


def state(node: str, seed: int, instants: TimeArray, interval: float) -> signals.Values:
    """Return what a node measures at these instants: values by channel, float64 (n,).

    `instants` is int64 (n,), microseconds since 1970 (UTC); for totals and sound levels each is the start of
    a window of `interval` seconds. Units are the catalogue's. The same arguments give the same values.
    """
    return NODES[node].measure(Scene(Noise(seed), instants), node, interval)


def records(node: str, seed: int, ticks: TimeArray, interval: float) -> list[Record]:
    """Return the pack of a node for these instants of publishing, times stamped as the wire contract says."""
    step = round(interval * SECOND)
    at_tick, window = state(node, seed, ticks, interval), state(node, seed, ticks - step, interval)
    base = int(ticks[0] - step) // SECOND
    pack = []
    for channel in at_tick:
        quantity = of_channel(channel).quantity
        if quantity is None:
            raise ValueError(f"the simulated channel {channel!r} names no quantity")
        windowed = quantity.kind in _WINDOWED
        values = (window if windowed else at_tick)[channel].tolist()
        offsets = ((ticks - step * windowed - base * SECOND) / SECOND).tolist()
        for offset, value in zip(offsets, values, strict=True):
            if quantity.kind is Kind.STATE:
                pack.append(Record(n=channel, t=offset, vb=bool(value)))
            else:
                pack.append(Record(n=channel, u=quantity.unit, t=offset, v=value + 0.0))  # -0.0 is silly
    pack[0].bt = float(base)
    return pack


def run(broker: BrokerSettings, seed: int, interval: float) -> None:
    """Simulate the town until SIGINT or SIGTERM; the quickest node publishes every `interval` seconds.

    Raises BypulsError when the broker can't be reached at first, or does not let us publish. What can't be
    sent in an outage is sent afterwards with its true times: the state of any instant can be computed.
    """
    if not 0.05 <= interval <= 3_600:
        raise BypulsError(f"the interval is {interval:g} s; it must be between 0.05 and 3600 s")
    console = Console(highlight=False, soft_wrap=True)
    positions = {node: Position.new() for node in NODES}
    with Interruption() as interruption, Uplink(broker, positions, tell=console.print) as uplink:
        console.print(f"{len(NODES)} simulated nodes publish to {broker.host}:{broker.port}")
        _publish(uplink, seed, interval, interruption, console)
        uplink.drain(_LAST_CHANCE)
        counters = uplink.counters
    acknowledged = f"{counters.acknowledged:,} acknowledged, {counters.resent:,} sent again"
    console.print(f"{counters.sent:,} packs sent, {acknowledged}")


def _publish(
    uplink: Uplink, seed: int, interval: float, interruption: Interruption, console: Console
) -> None:
    steps = {node: round(interval * simulated.every * SECOND) for node, simulated in NODES.items()}
    # Instants lie on a grid of absolute time, each node's a bit aside, so that a restart fits into it.
    aside = {node: steps[node] * turn // len(NODES) for turn, node in enumerate(NODES)}
    now = _now()
    queue = [
        ((now - aside[node]) // steps[node] * steps[node] + aside[node] + steps[node], node) for node in NODES
    ]
    heapq.heapify(queue)
    told = False
    while not interruption.wanted:
        due, node = queue[0]
        now = _now()
        if due > now:
            interruption.wait(min((due - now) / SECOND, _STEP))
        else:
            ticks = np.arange(due, now + 1, steps[node])[:_MOST_ROWS]
            if uplink.send(node, records(node, seed, ticks, steps[node] / SECOND), _STEP) is not None:
                heapq.heapreplace(queue, (int(ticks[-1]) + steps[node], node))
        if uplink.connected and (uplink.silence > _PATIENCE) != told:
            told = not told
            console.print(
                f"nothing has been acknowledged for {_PATIENCE:.0f} s: is ingest running? The packs are kept"
                if told
                else "packs are being acknowledged again"
            )


def _now() -> int:
    return time.time_ns() // 1_000

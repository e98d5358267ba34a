"""Faults of sensors and nodes: when they befall whom, and what they do to what was measured.

Whether a node has a fault in a slot of time, and where in it the episode lies, is a matter of seed, node,
kind and slot alone, so that any instant can be computed by itself, and a scorer finds the same episodes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bypuls.channels import of_channel
from bypuls.errors import BypulsError
from bypuls.quantities import Kind
from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators.town import chance
from simulators.town.line import LINE_FAULTS, LINE_RATE
from simulators.town.town import Block, Group, Town, rounded

_HOUR = 3_600 * SECOND
_WARM_UP = 900 * SECOND
_MOST_SKEW, _LEAST_SKEW = 1_200, 12  # seconds


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault: at most one episode in a slot of `slot` hours, `shortest` to `longest` hours long.

    `sensor`: it befalls a channel by itself, else the node as a whole. `rate` is the chance of an episode in
    a slot, where nothing else is asked for.
    """

    what: str
    slot: float
    shortest: float
    longest: float
    sensor: bool
    rate: float = 0.1


# Stuck sensors last for days: with 0.1 a month has too few of them for a share to mean much.
FAULTS: dict[str, Fault] = {
    "stuck": Fault("the value stays what it was, until somebody comes", 360, 96, 240, True, 0.4),
    "drift": Fault("the value moves away, further and further", 240, 48, 120, True),
    "spike": Fault("one reading lies far off", 8, 0, 0, True),
    "dropout": Fault("nothing is measured or sent for a while", 72, 4, 10, False),
    "wrong-unit": Fault("raw volts instead of the quantity", 168, 1, 6, True),
    "clock-ahead": Fault("the node's clock is ahead by 12 s to 20 min", 168, 2, 24, False),
    "clock-behind": Fault("the node's clock is behind by 12 s to 20 min", 168, 2, 24, False),
    "reboot": Fault("two minutes off, then 15 min of warming up; seq is kept", 96, 0.2833, 0.2833, False),
}  # fmt: skip
"""What happens to readings; what a bad line does to packs is in `simulators.town.line`."""

_HOUSEKEEPING = ("battery_voltage", "signal_strength")
_ANYTHING_GOES = ("power", "fill_level")
"""A load is switched and a bin emptied, and both rest: any value may follow any other, or itself."""

# How far a spike lies off, and a drift moves in a day: large beside what is usual, small beside the range.
_OFF: dict[str, tuple[float, float]] = {
    "no2": (700, 12), "pm10": (900, 15), "pm2_5": (700, 8), "o3": (700, 12), "air_temperature": (25, 1.5),
    "water_temperature": (9, 0.6), "road_temperature": (30, 2), "relative_humidity": (45, 5),
    "air_pressure": (60, 3), "wind_speed": (45, 0.8), "wind_direction": (150, 20), "water_level": (3, 0.15),
    "discharge": (2_500, 20), "pipe_pressure": (7, 0.3), "sound_level": (55, 2), "power": (9_000, 150),
    "fill_level": (60, 6),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Episode:
    """One fault of one node: `channel` is None where all of the node is befallen; times in microseconds.

    `size` is in the channel's unit: how far a spike lies off, and how far a drift has come at the end. Of a
    wrong clock it is in seconds.
    """

    fault: str
    group: Group
    row: int
    channel: str | None
    start: int
    end: int
    size: float

    @property
    def node(self) -> str:
        """The node's name."""
        return self.group.names[self.row]


class Faults:
    """The faults of a run: kinds with the chance that a slot of a node has an episode."""

    def __init__(self, town: Town, rates: dict[str, float]) -> None:
        self._town = town
        self.rates = {name: rate for name, rate in rates.items() if name in FAULTS}

    def episodes(self, group: Group, start: int, end: int) -> Iterator[Episode]:
        """Give the episodes of a group's nodes that touch [start, end)."""
        for name in self.rates:
            yield from self._of_kind(name, group, start, end)

    def apply(self, block: Block) -> Block:
        """Do to a block what its faults do; its values get their sensors' resolution."""
        group, tick = block.group, block.tick
        place = {int(row): index for index, row in enumerate(block.rows)}
        begin, end = int(tick.min()), int(tick.max()) + 1
        sensors: list[tuple[int, NDArray[np.bool_], Episode]] = []
        for episode in self.episodes(group, begin, end):
            index = place.get(episode.row)
            if index is None:
                continue
            within = (tick[index] >= episode.start) & (tick[index] < episode.end)
            if within.any():
                sensors.append((index, within, episode))
        for index, within, episode in sensors:
            self._befall(block, index, within, episode)
        block.values = rounded(group, block.values)
        for index, within, episode in sensors:
            if episode.fault == "stuck" and episode.channel is not None:
                block.values[episode.channel][index, within] = self._before(episode)
        return block

    def _of_kind(self, name: str, group: Group, start: int, end: int) -> Iterator[Episode]:
        fault = FAULTS[name]
        width, longest = round(fault.slot * _HOUR), round(fault.longest * _HOUR)
        slots = np.arange((start - longest) // width, (end - 1) // width + 1, dtype=np.int64)
        for channel in [c.name for c in group.channels if _is_fit(name, c.name)] if fault.sensor else [None]:
            key = chance.of(group.sites.key, f"fault/{name}/{channel}")
            for row, slot in np.argwhere(chance.uniform(key, slots) < self.rates[name]).tolist():
                draws = chance.uniform(
                    chance.of(key[row], "draws"), slots[slot] * 4 + np.arange(3, dtype=np.int64)
                )
                where, how_long, how_much = draws.tolist()
                duration = round((fault.shortest + how_long * (fault.longest - fault.shortest)) * _HOUR)
                # A single reading is as long as the interval; no episode leaves its slot.
                duration = min(max(duration, group.step), width)
                first = int(slots[slot]) * width + round(where * (width - duration))
                phase = int(group.phase[row])
                first = -((phase - first) // group.step) * group.step + phase
                if first < end and first + duration > start:
                    size = _size(name, channel, how_much, how_long, duration)
                    yield Episode(name, group, row, channel, first, first + duration, size)

    def _befall(self, block: Block, index: int, within: NDArray[np.bool_], episode: Episode) -> None:
        tick, group = block.tick, block.group
        match episode.fault:
            case "dropout":
                _sent(block)[index] &= ~within
            case "clock-ahead" | "clock-behind":
                if block.skew is None:
                    block.skew = np.zeros(tick.shape, np.int64)
                block.skew[index, within] += round(episode.size * SECOND)
            case "reboot":
                off = within & (tick[index] < episode.start + 120 * SECOND)
                _sent(block)[index] &= ~off
                since = np.maximum(tick[index] - episode.start - 120 * SECOND, 0)
                cold = within * np.exp(-since / (_WARM_UP / 4))
                for channel in group.channels:
                    if channel.name in ("no2", "pm10", "pm2_5", "o3"):
                        block.values[channel.name][index] *= 1 - 0.6 * cold
            case _:
                assert episode.channel is not None
                values = block.values[episode.channel][index]
                if episode.fault == "spike":
                    values[within] = _spiked(episode, values[within])
                elif episode.fault == "drift":
                    values[within] = _drifted(episode, values[within], tick[index, within])
                elif episode.fault == "wrong-unit":
                    mask = block.units.setdefault(episode.channel, np.zeros(tick.shape, np.bool_))
                    mask[index] |= within

    def _before(self, episode: Episode) -> float:
        """Return what the node measured when its sensor got stuck."""
        group, rows = episode.group, np.array([episode.row])
        values = self._town.measure(group, rows, np.array([[episode.start]]))
        assert episode.channel is not None
        return float(rounded(group, values)[episode.channel][0, 0])


def parse(words: Sequence[str]) -> dict[str, float]:
    """Read faults as the command line has them: `stuck`, `stuck=0.5` or `all`; the rate is that of a slot.

    Without a rate a kind has its usual one. Raises BypulsError for a kind that is not known, or a rate that
    is no chance.
    """
    every = (*FAULTS, *LINE_FAULTS)
    rates: dict[str, float] = {}
    for word in words:
        name, _, rate = word.partition("=")
        try:
            asked = float(rate) if rate else None
        except ValueError:
            asked = -1.0
        if asked is not None and not 0 < asked <= 1:
            raise BypulsError(f"--fault {word}: the rate must be above 0 and at most 1")
        if name != "all" and name not in every:
            raise BypulsError(f"there is no fault {name!r}; known are {', '.join(every)}, or all")
        for each in every if name == "all" else (name,):
            rates[each] = _usual_rate(each) if asked is None else asked
    return rates


def _usual_rate(name: str) -> float:
    return FAULTS[name].rate if name in FAULTS else LINE_RATE


def _is_fit(fault: str, channel: str) -> bool:
    """Tell whether a sensor's fault can befall a channel: one that measures; no direction is far off."""
    meaning = of_channel(channel)
    if meaning.quantity is None or meaning.statistic or meaning.quantity.key in _HOUSEKEEPING:
        return False
    if fault in ("spike", "stuck") and meaning.quantity.key in _ANYTHING_GOES:
        return False
    kind = meaning.quantity.kind
    return kind in (Kind.LINEAR, Kind.ENERGETIC) or (kind is Kind.CIRCULAR and fault != "spike")


def _size(name: str, channel: str | None, how_much: float, how_long: float, duration: int) -> float:
    if name.startswith("clock"):
        seconds = float(round(_LEAST_SKEW * (_MOST_SKEW / _LEAST_SKEW) ** how_much))
        seconds += 7 - seconds % 10  # never a multiple of an interval, or two true instants would become one
        return seconds if name == "clock-ahead" else -seconds
    if name not in ("spike", "drift") or channel is None:
        return 0.0
    far, a_day = _OFF[of_channel(channel).key or ""]
    sign = 1.0 if how_long < 0.5 else -1.0
    if name == "spike":
        return sign * far * (0.6 + 0.8 * how_much)
    return sign * a_day * (0.6 + 0.8 * how_much) * duration / (24 * _HOUR)


def _spiked(episode: Episode, values: FloatArray) -> FloatArray:
    """Move values off; to the other side where the range ends, since the sensor shows nothing beyond it."""
    quantity = of_channel(episode.channel or "").quantity
    assert quantity is not None
    moved = values + episode.size
    outside = (moved < quantity.low) | (moved > quantity.high)
    return np.clip(np.where(outside, values - episode.size, moved), quantity.low, quantity.high)


def _drifted(episode: Episode, values: FloatArray, tick: TimeArray) -> FloatArray:
    quantity = of_channel(episode.channel or "").quantity
    assert quantity is not None
    share = (tick - episode.start) / (episode.end - episode.start)
    return np.clip(values + episode.size * share, quantity.low, quantity.high)


def _sent(block: Block) -> NDArray[np.bool_]:
    if block.sent is None:
        block.sent = np.ones(block.tick.shape, np.bool_)
    return block.sent

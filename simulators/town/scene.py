"""What the whole town shares, as tables of one row a minute from which nodes read their own instants.

A day's tables take milliseconds to make, whatever the number of nodes; reading one at an instant is an index
and a line between two minutes.
"""

from collections import OrderedDict
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators.town import chance, rhythm
from simulators.town.chance import Keys
from simulators.town.plan import TownPlan
from simulators.town.rivers import Rivers
from simulators.town.scenarios import Forces
from simulators.town.weather import Weather

MINUTE = 60 * SECOND
_BLOCK = 1_440
_MOST_BLOCKS = 12


@dataclass(frozen=True, slots=True)
class Tables:
    """One value a minute of everything that nodes share; units are the catalogue's where nothing is said."""

    sun_height: FloatArray
    """degrees"""
    cloud: FloatArray
    """0 to 1"""
    temperature: FloatArray
    humidity: FloatArray
    pressure: FloatArray
    """at the level of the sea"""
    rain: FloatArray
    """mm/h"""
    wind: FloatArray
    veer: FloatArray
    """degrees, without bounds"""
    stagnation: FloatArray
    """about 1"""
    haze: FloatArray
    """µg/m³ of fine dust from far away"""
    ozone: FloatArray
    """µg/m³ before the town's nitrogen monoxide eats of it"""
    stoves: FloatArray
    """how much is heated with wood, about 0 to 1.5"""
    dust: FloatArray
    """dust on the roads, 1 to about 4: studded tyres on bare and dry roads"""
    snow: FloatArray
    """mm of water"""
    traffic: FloatArray
    tide: FloatArray
    """of the traffic: more into town than out of it"""
    cycling: FloatArray
    """how many take the bicycle, 1 on a fine day"""
    cycling_back: FloatArray
    """the same of those who came by bicycle in the morning: as the day is at noon"""
    strolling: FloatArray
    trains: FloatArray
    """in which share of ten-minute slots one passes"""
    shopping: FloatArray
    fair: FloatArray
    """how full the halls are"""
    entering: FloatArray
    leaving: FloatArray
    use: FloatArray
    """of water, 1 on average"""
    leak: FloatArray
    """m³/h"""
    water_warmth: FloatArray
    """°C of the rivers"""
    fireworks: FloatArray
    smoke: FloatArray
    rivers: FloatArray
    """discharge, by river in the order of the plan, (rivers, minutes)"""


class At:
    """Instants of nodes, any shape, between the minutes of tables: `at("wind")` is the wind then."""

    def __init__(self, tables: Tables, first: int, time: TimeArray) -> None:
        """`first` is the minute since 1970 of the tables' first row, from which `time` must not go back."""
        minute, rest = np.divmod(time, MINUTE)
        self.time = time
        self._tables = tables
        self._index: NDArray[np.int64] = minute - first
        self._part: FloatArray = rest / MINUTE

    def __call__(self, name: str) -> FloatArray:
        """Return the value of one of `Tables` at each of the instants."""
        return self._between(getattr(self._tables, name))

    def river(self, number: int) -> FloatArray:
        """Return the discharge at the mouth of a river of the plan, in m³/s."""
        return self._between(self._tables.rivers[number])

    def _between(self, table: FloatArray) -> FloatArray:
        before: FloatArray = table.take(self._index)
        after: FloatArray = table[1:].take(self._index)
        after -= before
        after *= self._part
        after += before
        return after


class Scene:
    """The town's tables, made by the day as they are asked for; the last ones are kept."""

    def __init__(self, plan: TownPlan, seed: int, forces: Forces) -> None:
        self.plan = plan
        self.key: Keys = chance.keys(seed, [plan.name])
        self.forces = forces
        self.rivers = Rivers(plan, self.key, forces)
        self._blocks: OrderedDict[int, Tables] = OrderedDict()
        self._joined: tuple[tuple[int, int], Tables] | None = None

    def at(self, time: TimeArray) -> At:
        """Return the scene at these instants, int64 of any shape, microseconds since 1970 (UTC)."""
        low, high = int(time.min()) // MINUTE // _BLOCK, (int(time.max()) // MINUTE + 1) // _BLOCK
        if low == high:
            return At(self._block(low), low * _BLOCK, time)
        if self._joined is None or self._joined[0] != (low, high):
            blocks = [self._block(number) for number in range(low, high + 1)]
            names = [field.name for field in fields(Tables)]
            whole = [np.concatenate([getattr(block, name) for block in blocks], axis=-1) for name in names]
            self._joined = ((low, high), Tables(*whole))
        return At(self._joined[1], low * _BLOCK, time)

    def _block(self, number: int) -> Tables:
        block = self._blocks.get(number)
        if block is None:
            minutes = np.arange(number * _BLOCK, (number + 1) * _BLOCK, dtype=np.int64)
            block = self._blocks[number] = self._tables(minutes * MINUTE)
            if len(self._blocks) > _MOST_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return block

    def _tables(self, time: TimeArray) -> Tables:
        weather, clock = Weather(self.plan.at, self.key, time, self.forces), rhythm.Clock(time)
        snow = self.rivers.snow(time)
        cold = np.clip((13 - weather.air_mass) / 14, 0.06, 1.7)
        # Studded tyres are allowed from November to Easter; the dust lies until the streets are swept in May.
        studs = np.clip(1.4 * np.cos(weather.season - 1.25), 0, 1)
        dry = np.exp(-weather.rain) * np.exp(-snow / 12) * (weather.humidity < 88)
        smooth = chance.smooth(chance.of(self.key, "rivers/warm"), time, 5 * 86_400.0)
        sunny = np.sin(np.radians(np.maximum(weather.sun_height, 0)))
        leak, _ = self.forces.leaking(time)
        return Tables(
            sun_height=weather.sun_height,
            cloud=weather.cloud,
            temperature=weather.temperature,
            humidity=weather.humidity,
            pressure=weather.pressure,
            rain=weather.rain,
            wind=weather.wind,
            veer=weather.veer,
            stagnation=weather.stagnation,
            haze=weather.haze,
            ozone=52
            + 14 * np.cos(weather.season - 2.1)
            + 42 * sunny * (1 - 0.5 * weather.cloud)
            - 12 * weather.stable,
            stoves=cold * rhythm.evening(clock),
            dust=1 + 3 * studs * dry,
            snow=snow,
            traffic=rhythm.traffic(clock),
            tide=rhythm.tide(clock),
            cycling=_cycling(weather, snow),
            cycling_back=self._cycling_at_noon(clock),
            strolling=rhythm.strolling(clock),
            trains=rhythm.trains(clock),
            shopping=rhythm.shopping(clock),
            fair=self.forces.fair(time, clock) + _market(self.key, clock, rhythm.opening(clock.hour)),
            entering=self._visitors(time, clock, rhythm.entering(clock.hour)),
            leaving=self._visitors(time, clock, rhythm.leaving(clock.hour)),
            use=rhythm.consumption(clock),
            leak=leak,
            water_warmth=np.maximum(9.3 - 11 * np.cos(weather.season - 0.6) + 1.2 * smooth, 0.1),
            fireworks=self.forces.fireworks(time),
            smoke=self.forces.smoke(time),
            rivers=np.stack([self.rivers.discharge(name, time) for name in self.plan.rivers]),
        )

    def _visitors(self, time: TimeArray, clock: rhythm.Clock, flow: FloatArray) -> FloatArray:
        return self.forces.visitors(time, flow) + _market(self.key, clock, flow)

    def _cycling_at_noon(self, clock: rhythm.Clock) -> FloatArray:
        days, where = np.unique(clock.day, return_inverse=True)
        noon = days * rhythm.DAY + 11 * rhythm.HOUR  # of UTC, which is noon or one o'clock in Oslo
        return _cycling(Weather(self.plan.at, self.key, noon, self.forces), self.rivers.snow(noon))[where]


def _cycling(weather: Weather, snow: FloatArray) -> FloatArray:
    pleasant = np.clip((weather.temperature + 8) / 22, 0.08, 1.1) / (1 + weather.rain)
    cyclists: FloatArray = pleasant / (1 + snow / 90)
    return cyclists


def _market(key: Keys, clock: rhythm.Clock, open_: FloatArray) -> FloatArray:
    """Return what the halls have in usual weeks of `open_`: one weekend in three has something small."""
    week = (clock.day + 3) // 7
    held = chance.uniform(chance.of(key, "market"), week) < 0.33
    return 0.03 * open_ * ~clock.free + 0.22 * open_ * (held & (clock.weekday >= 5))

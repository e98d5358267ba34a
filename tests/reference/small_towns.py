"""Small towns of chance, as raw readings, and what evidence must say of them, one reading at a time."""

import random
from dataclasses import dataclass, field
from math import floor

import numpy as np

from bypuls.summary.clauses import Evidence, How, Number
from bypuls.summary.snapshot import (
    COMPARED,
    HISTORY,
    SPANS,
    Sensor,
    Snapshot,
    Span,
    Threshold,
)
from bypuls.usual_hours import Basis, UsualHour
from bypuls.windows import Window

MINUTE = 60_000_000
HOUR = 60 * MINUTE
NOW = 1_780_000_000_000_000 // HOUR * HOUR + 17 * MINUTE

# Quantity: channels of a node, unit, minutes between readings, and from where to where its values may lie.
_KINDS: dict[str, tuple[tuple[str, ...], str, int, tuple[tuple[float, float], ...]]] = {
    "pm10": (("pm10",), "ug/m3", 10, ((2, 40), (50, 130), (100, 450), (380, 600))),
    "pm2_5": (("pm2_5",), "ug/m3", 10, ((1, 15), (1, 15), (25, 60), (45, 200))),
    "no2": (("no2",), "ug/m3", 10, ((5, 60), (90, 250), (180, 500))),
    "o3": (("o3",), "ug/m3", 10, ((5, 60), (5, 60), (90, 200))),
    "air_temperature": (("air_temperature",), "Cel", 10, ((-15, 0), (5, 25))),
    "wind_speed": (("wind_speed",), "m/s", 10, ((0, 0.9), (1, 8), (9, 25))),
    "rainfall": (("rainfall",), "mm", 10, ((0, 0), (0, 0), (0, 0.4), (0.5, 2))),
    "water_level": (("water_level",), "m", 10, ((1, 1.2), (0, 9))),
    "pipe_pressure": (("pipe_pressure",), "bar", 1, ((5, 6), (2, 4))),
    "water_volume": (("water_volume",), "m3", 15, ((10, 20), (80, 200))),
    "people_count": (("people_count",), "1", 5, ((0, 40), (300, 900))),
    "vehicle_count": (("inbound/vehicle_count", "outbound/vehicle_count"), "1", 5, ((0, 40), (60, 900))),
    "occupancy": (tuple(f"bay-{bay}/occupancy" for bay in range(6)), "1", 5, ((0, 1), (1, 1))),
    "sound_level": (("sound_level",), "dB", 1, ((40, 60), (70, 95))),
    "fill_level": (("fill_level",), "%", 60, ((0, 60), (88, 100))),
    "battery_voltage": (("battery_voltage",), "V", 60, ((3, 4),)),
}
_WITH_PAST = ("pm10", "pm2_5", "no2", "o3", "water_level")
_TOGETHER = (
    ("pm10", "pm2_5", "no2"),
    ("pm10", "pm2_5"),
    ("no2", "o3"),
    ("air_temperature", "wind_speed", "rainfall"),
    *((key,) for key in _KINDS if key not in ("pm2_5", "o3", "rainfall")),
)


@dataclass
class SmallTown:
    """A town of chance; `readings` by stream are pairs of time and value of the last day."""

    sensors: list[Sensor] = field(default_factory=list)
    readings: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    usual: dict[str, list[UsualHour]] = field(default_factory=dict)
    thresholds: dict[str, list[Threshold]] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        """Return it as the rules get it, all histories included."""
        windows: dict[tuple[str, Span], Window] = {}
        for sensor in self.sensors:
            for span in () if sensor.statistic else SPANS.get(sensor.quantity or "", ()):
                found = self.between(sensor.stream, NOW - span.since, NOW - span.until)
                if found:
                    values = [value for _, value in found]
                    windows[sensor.stream, span] = Window(
                        NOW - span.since,
                        NOW - span.until,
                        len(found),
                        sum(values) / len(values),
                        sum(values),
                        min(values),
                        max(values),
                        values[0],
                        found[0][0],
                        values[-1],
                        found[-1][0],
                    )
        history = {
            stream: (
                np.array([time for time, _ in found], np.int64),
                np.array([value for _, value in found], np.float64),
            )
            for stream in self.readings
            if (found := self.between(stream, NOW - HISTORY, NOW))
        }
        return Snapshot(NOW, self.sensors, windows, self.usual, self.thresholds, history)

    def between(self, stream: str, start: int, end: int) -> list[tuple[int, float]]:
        """Return the readings of a stream from `start` on, before `end`."""
        return [each for each in self.readings.get(stream, []) if start <= each[0] < end]

    def value(self, evidence: Evidence) -> float | None:
        """Return what a value of evidence must be, by the readings that its link gives."""
        if evidence.statistic.startswith("usual_"):
            [hour] = [each for each in self.usual[evidence.stream] if each.start == evidence.start]
            value: float = getattr(hour, evidence.statistic.removeprefix("usual_"))
            assert evidence.n == hour.n
            return value
        if evidence.end == 0:
            [level] = [t for t in self.thresholds[evidence.stream] if t.level == evidence.statistic]
            return level.value
        found = self.between(evidence.stream, evidence.start, evidence.end)
        assert evidence.n == len(found)
        values = [value for _, value in found]
        if not found:
            return None
        match evidence.statistic:
            case "last":
                return values[-1]
            case "mean":
                return sum(values) / len(values)
            case "sum":
                return sum(values)
            case "max":
                return max(values)
            case "count":
                return len(values)
            case "rate":
                return (values[-1] - values[0]) / ((found[-1][0] - found[0][0]) / HOUR)
        raise AssertionError(evidence.statistic)

    def number(self, number: Number, evidence: list[Evidence]) -> float:
        """Return what a number must be, by the evidence it names."""
        values = [self.value(each) for each in evidence]
        known = [value for value in values if value is not None]
        match number.how:
            case How.COUNT:
                return len({each.stream.split("/")[0] for each in evidence})
            case How.STREAMS:
                return len(evidence)
            case How.END:
                return evidence[0].end
            case How.VALUE:
                assert len(known) == 1
                return known[0]
            case How.DIFFERENCE:
                return abs(known[0] - known[1])
            case How.RATE:
                assert number.unit == "cm/h"
                middles = [(each.start + each.end) / 2 for each in evidence]
                return 100 * (known[0] - known[1]) / ((middles[0] - middles[1]) / HOUR)
            case How.SUM:
                return sum(known)
            case How.MEAN:
                return sum(known) / len(known)


def small_town(seed: int) -> SmallTown:
    """Make the town of a seed: some nodes, some of them silent or with gaps."""
    chance = random.Random(seed)
    town = SmallTown()
    quiet, party = chance.random() < 0.05, chance.random() < 0.1
    for number in range(chance.randint(0, 14)):
        node = f"node-{number}"
        place = chance.choice(["Torvet", "Riksvei 159", "Kjeller {1}", "hall A", f"Sted {number}"])
        silent = quiet or chance.random() < 0.12
        at = (59.95 + chance.uniform(-0.01, 0.01), 11.05 + chance.uniform(-0.01, 0.01))
        for quantity in ("sound_level",) if party and number < 3 else chance.choice(_TOGETHER):
            _fill(chance, town, (node, place, at), quantity, silent)
    return town


def _fill(
    chance: random.Random,
    town: SmallTown,
    where: tuple[str, str, tuple[float, float]],
    quantity: str,
    silent: bool,
) -> None:
    channels, unit, minutes, moods = _KINDS[quantity]
    node, place, (latitude, longitude) = where
    low, high = chance.choice(moods)
    begin, end = chance.uniform(low, high), chance.uniform(low, high)
    gaps = chance.choice([0, 0, 0, 0.1, 0.5])
    told = chance.random() < 0.9
    restarted = quantity == "water_level" and chance.random() < 0.5
    for channel in channels:
        phase = chance.randrange(minutes * MINUTE)
        past = HISTORY if quantity in _WITH_PAST else 10 * HOUR
        last = NOW - (8 * HOUR if silent else 0)
        times = [t for t in range(NOW - past + phase, last, minutes * MINUTE) if chance.random() >= gaps]
        if restarted:
            times = [t for t in times if not NOW - 5 * HOUR <= t < NOW - 40 * MINUTE]
        readings: list[tuple[int, float]] = []
        total = 0.0
        for time in times:
            part = (time - (NOW - past)) / past
            value = begin + (end - begin) * floor(part * 8) / 8 + chance.uniform(-0.02, 0.02) * (high - low)
            if quantity == "water_volume":
                total += value / 4
                value = total
            elif quantity in ("people_count", "vehicle_count", "occupancy"):
                value = float(round(max(value, 0)))
            elif quantity in ("rainfall", "wind_speed"):
                value = max(value, 0.0)
            readings.append((time, value))
        stream = f"{node}/{channel}"
        never = chance.random() < 0.03
        town.readings[stream] = [] if never else readings
        newest = town.readings[stream][-1] if town.readings[stream] else (None, None)
        town.sensors.append(
            Sensor(
                stream, node, place, quantity, "", unit, minutes * 60.0 if told else None,
                latitude, longitude, *newest,
            )
        )  # fmt: skip
        if quantity in COMPARED and chance.random() < 0.9:
            scale = 12 if quantity.endswith("count") else 1
            middle = scale * chance.uniform(*chance.choice(moods))
            town.usual[stream] = [
                UsualHour(
                    hour, middle * 0.9, middle, middle * 1.1, 6, chance.choice([Basis.DAY, Basis.DAY, None])
                )
                for hour in (NOW // HOUR * HOUR - HOUR, NOW // HOUR * HOUR)
            ]
        if quantity == "water_level" and chance.random() < 0.8:
            yellow = chance.uniform(0.5, 6)
            town.thresholds[stream] = [
                Threshold(level, yellow + above)
                for level, above in (("yellow", 0), ("orange", 0.5), ("red", 1))
            ]

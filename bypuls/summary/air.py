"""The air: where it is good, where it is worst and since when, and what probably makes it so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from bypuls.air_quality import BOUNDS, CLASSES, classify, index
from bypuls.instants import ZONE
from bypuls.readings import SECOND
from bypuls.summary.clauses import Evidence, Finding, How, Words, of_window, plural
from bypuls.summary.noise import loud
from bypuls.summary.places import nearest
from bypuls.summary.since import since
from bypuls.summary.snapshot import HOUR, LAST_HOUR, SIX_HOURS, Sensor, Snapshot, Span
from bypuls.windows import Window

Limits = Mapping[str, float]

NAMES: dict[str, Words] = {
    "pm10": Words("PM10", "PM10"),
    "pm2_5": Words("PM2,5", "PM2.5"),
    "no2": Words("NO₂", "NO₂"),
    "o3": Words("ozon", "ozone"),
}
GRADES = {
    each.number: Words(nb, en)
    for each, nb, en in zip(
        CLASSES[1:],
        ("moderat", "høyt", "svært høyt"),
        ("moderate", "high", "very high"),
        strict=True,
    )
}


@dataclass(frozen=True, slots=True)
class Station:
    """A node's air in the last hour: its worst component, its class (1 to 4) and the continuous index."""

    sensor: Sensor
    window: Window
    number: int
    index: float

    @property
    def evidence(self) -> Evidence:
        """The worst component's mean."""
        return of_window(self.sensor, self.window, "mean")


def stations(snapshot: Snapshot) -> list[Station]:
    """Return the stations with enough of the last hour, the worst first."""
    worst: dict[str, Station] = {}
    for key in BOUNDS:
        found = [
            (sensor, window)
            for sensor in snapshot.plain.get(key, ())
            if (window := snapshot.window(sensor, LAST_HOUR)) is not None
        ]
        means = np.array([window.mean for _, window in found])
        graded = zip(found, classify(key, means).tolist(), index(key, means).tolist(), strict=True)
        for (sensor, window), number, place in graded:
            if sensor.node not in worst or place > worst[sensor.node].index:
                worst[sensor.node] = Station(sensor, window, number, place)
    return sorted(worst.values(), key=lambda each: (-each.index, each.sensor.node))


def good(snapshot: Snapshot, _limits: Limits) -> Iterator[Finding]:
    """Tell at how many stations the air is of the first class."""
    found = stations(snapshot)
    if not found:
        return
    finding = Finding(tuple(each.sensor.node for each in found))
    good_ones = [each.evidence for each in found if each.number == 1]
    finding.say("some", How.COUNT, *good_ones)
    finding.say("all", How.COUNT, *(each.evidence for each in found))
    finding.parts["stations"] = plural(
        len(found), Words("stasjon", "station"), Words("stasjoner", "stations")
    )
    finding.parts["good"] = Words("god på {some} av {all} {stations}", "good at {some} of {all} {stations}")
    if len(found) > 1 and len(good_ones) == len(found):
        finding.parts["good"] = Words("god på alle {all} stasjoner", "good at all {all} stations")
    elif len(found) > 1 and not good_ones:
        finding.parts["good"] = Words(
            "ikke god på noen av de {all} stasjonene", "not good at any of the {all} stations"
        )
    yield finding


def worst(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell of the station with the worst air, if that is of the class `class`."""
    station = _bad(snapshot)
    if station is None or station.number != limits["class"]:
        return
    key = station.sensor.quantity or ""
    finding = Finding((station.sensor.node,))
    finding.parts |= {
        "place": station.sensor.place,
        "component": NAMES[key],
        "grade": GRADES[station.number],
        "has_been": Words("er nivået av {component} {grade}", "{component} is {grade}"),
    }
    finding.say("value", How.VALUE, station.evidence)
    began = None
    if station.sensor.stream in snapshot.history:
        history = snapshot.history[station.sensor.stream]
        began = since(history, HOUR, lambda mean: classify(key, mean) >= station.number)
    if began is not None:
        times, values = snapshot.history[station.sensor.stream]
        mine = (times > began - HOUR) & (times <= began)
        then = Evidence(
            station.sensor.stream,
            "mean",
            float(values[mine].mean()),
            station.sensor.unit,
            int(np.count_nonzero(mine)),
            began + 1 - HOUR,
            began + 1,
        )
        finding.since = began
        finding.say_time("when", then, snapshot.time)
        finding.parts["has_been"] = Words(
            "har nivået av {component} vært {grade} siden {when}",
            "{component} has been {grade} since {when}",
        )
    yield finding


def fireworks(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell that smoke is probably of fireworks: dust in the air, and it is loud all over town, by night."""
    station = _bad(snapshot)
    hour = datetime.fromtimestamp(snapshot.time // SECOND, UTC).astimezone(ZONE).hour
    if station is None or station.sensor.quantity not in ("pm10", "pm2_5") or 5 <= hour < 18:
        return
    bangs = loud(snapshot, limits)
    if bangs is None:
        return
    finding = Finding((station.sensor.node, bangs.nodes[0]))
    finding.parts["place"] = bangs.place
    finding.say("level", How.VALUE, bangs.loudest)
    yield finding


def inversion(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell that cold air probably lies still over the town: calm, cold and dry."""
    station = _bad(snapshot)
    if station is None or station.sensor.quantity == "o3":
        return
    wind = _windows(snapshot, "wind_speed", LAST_HOUR, "mean")
    warmth = _windows(snapshot, "air_temperature", LAST_HOUR, "mean")
    rain = _windows(snapshot, "rainfall", LAST_HOUR, "sum")
    if not wind or not warmth or not rain or max(each.value or 0 for each in rain) > 0:
        return
    if _mean(wind) >= limits["wind"] or _mean(warmth) >= limits["temperature"]:
        return
    finding = Finding((station.sensor.node,))
    finding.rest_on(*rain)
    finding.say("wind", How.MEAN, *wind, decimals=1)
    finding.say("temperature", How.MEAN, *warmth)
    yield finding


def road_dust(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell that the dust is probably of the road: coarse, dry weather, heavy traffic near by."""
    station = _bad(snapshot)
    if station is None or station.sensor.quantity != "pm10":
        return
    fine = next((each for each in snapshot.plain.get("pm2_5", ()) if each.node == station.sensor.node), None)
    window = None if fine is None else snapshot.window(fine, LAST_HOUR)
    rain = _windows(snapshot, "rainfall", SIX_HOURS, "sum")
    if fine is None or window is None or window.mean >= limits["fine"] * station.window.mean:
        return
    if not rain or max(each.value or 0 for each in rain) > 0:
        return
    counters = nearest(station.sensor, snapshot.plain.get("vehicle_count", ()), limits["metres"])
    passed = [
        of_window(each, found, "sum")
        for each in counters
        if (found := snapshot.window(each, LAST_HOUR)) is not None
    ]
    if not passed or sum(each.value or 0 for each in passed) < limits["vehicles"]:
        return
    finding = Finding((station.sensor.node, counters[0].node))
    finding.rest_on(station.evidence, of_window(fine, window, "mean"), *rain)
    finding.parts["place"] = counters[0].place
    finding.say("vehicles", How.SUM, *passed)
    yield finding


def wanted_history(snapshot: Snapshot) -> list[str]:
    """Return the streams whose past `worst` wants to see."""
    station = _bad(snapshot)
    return [] if station is None else [station.sensor.stream]


def _bad(snapshot: Snapshot) -> Station | None:
    found = stations(snapshot)
    return found[0] if found and found[0].number > 1 else None


def _windows(snapshot: Snapshot, quantity: str, span: Span, statistic: str) -> list[Evidence]:
    return [
        of_window(sensor, window, statistic)
        for sensor in snapshot.plain.get(quantity, ())
        if (window := snapshot.window(sensor, span)) is not None
    ]


def _mean(evidence: list[Evidence]) -> float:
    return sum(each.value or 0 for each in evidence) / len(evidence)

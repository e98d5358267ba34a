"""Water: rivers that rise or stand high, and pipes that lose their pressure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from bypuls.summary.clauses import Evidence, Finding, How, Words, of_newest, of_threshold, of_usual, of_window
from bypuls.summary.places import nearest
from bypuls.summary.since import since
from bypuls.summary.snapshot import (
    HALF_AN_HOUR,
    LAST_HOUR,
    TEN_MINUTES,
    TWO_HOURS_BEFORE,
    Sensor,
    Snapshot,
    Threshold,
)
from bypuls.summary.usuals import highest, lowest

Limits = Mapping[str, float]

LEVELS = ("yellow", "orange", "red")
_MOST = 2
_GRADES = {
    "yellow": Words("gul", "yellow"),
    "orange": Words("oransje", "orange"),
    "red": Words("rød", "red"),
}


@dataclass(frozen=True, slots=True)
class Rise:
    """The means of the last hour and of one two hours before."""

    now: Evidence
    before: Evidence

    @property
    def speed(self) -> float:
        """In m/h."""
        return ((self.now.value or 0) - (self.before.value or 0)) / 2


@dataclass(frozen=True, slots=True)
class Gauge:
    """A river's gauge that isn't silent: its newest level, and the thresholds around it.

    `rise` is how it went in the last hours: the means of the last one and of one two hours before. It is None
    where one of them isn't known, as when a node has just restarted.
    """

    sensor: Sensor
    newest: Evidence
    rise: Rise | None
    above: Threshold | None
    """the next threshold, which it hasn't reached"""
    reached: Threshold | None
    """the highest that it has reached"""

    def rises(self, least: float) -> bool:
        """Tell whether it is known to rise by at least that, in m/h."""
        return self.rise is not None and self.rise.speed >= least

    @property
    def room(self) -> float:
        """How far it is below its next threshold, in m."""
        return float("inf") if self.above is None else self.above.value - (self.newest.value or 0)


def gauges(snapshot: Snapshot) -> list[Gauge]:
    """Return the gauges that aren't silent, those nearest to their next threshold first."""
    found = []
    for sensor in snapshot.plain.get("water_level", ()):
        if sensor.value is None or snapshot.is_silent(sensor):
            continue
        thresholds = sorted(snapshot.thresholds.get(sensor.stream, ()), key=lambda each: each.value)
        below = [each for each in thresholds if each.value < sensor.value]
        above = [each for each in thresholds if each.value >= sensor.value]
        found.append(
            Gauge(
                sensor,
                of_newest(sensor, snapshot.time),
                _rise(snapshot, sensor),
                above[0] if above else None,
                below[-1] if below else None,
            )
        )
    return sorted(found, key=lambda each: (each.room, each.sensor.stream))


def over(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell of gauges that stand over the threshold that is number `level` of yellow, orange, red."""
    level = LEVELS[int(limits["level"])]
    found = [each for each in gauges(snapshot) if each.reached and each.reached.level == level]
    for gauge in found[:_MOST]:
        assert gauge.reached is not None
        limit = gauge.reached.value
        finding = Finding((gauge.sensor.node,))
        finding.parts |= {"place": gauge.sensor.place, "level": _GRADES[level], "rising": Words("", "")}
        finding.say(
            "over", How.DIFFERENCE, gauge.newest, of_threshold(gauge.sensor, gauge.reached), decimals=2
        )
        if gauge.rises(limits["rise"]):
            _say_rate(finding, gauge)
            finding.parts["rising"] = Words(" og stiger {rate}~cm i timen", " and rising {rate}~cm an hour")
        if gauge.sensor.stream in snapshot.history:
            finding.since = since(snapshot.history[gauge.sensor.stream], 1, partial(np.less, limit))
        yield finding


def rising(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell of gauges that rise by at least `rise` m/h and have reached no threshold."""
    found = [each for each in gauges(snapshot) if each.rises(limits["rise"]) and each.reached is None]
    for gauge in found[:_MOST]:
        finding = Finding((gauge.sensor.node,))
        finding.parts |= {"place": gauge.sensor.place, "below": Words("", "")}
        _say_rate(finding, gauge)
        _say_room(finding, gauge)
        yield finding


def quiet(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell that no gauge rises or stands high, and which is nearest to its threshold.

    At how many that is known is told too: a gauge may be silent, or its hours before missing.
    """
    found = gauges(snapshot)
    known = [each for each in found if each.rise is not None]
    if not known or any(each.rises(limits["rise"]) or each.reached for each in found):
        return
    finding = Finding(tuple(each.sensor.node for each in known))
    finding.parts |= {"place": found[0].sensor.place, "some": Words("", ""), "below": Words("", "")}
    every = snapshot.plain["water_level"]
    if len(known) < len(every):
        finding.say("known", How.STREAMS, *(each.newest for each in known))
        finding.say("all", How.STREAMS, *(of_newest(each, snapshot.time) for each in every))
        finding.parts["some"] = Words(" på {known} av {all} målere", " at {known} of {all} gauges")
    finding.rest_on(*(each for one in known if one.rise for each in (one.rise.now, one.rise.before)))
    if found[0].above is not None:
        _say_room(finding, found[0])
        finding.parts["below"] = Words(
            "; {place} er nærmest, {room}~m under {level} grense",
            "; {place} is nearest, {room}~m below its {level} threshold",
        )
    yield finding


def drop(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell where the pressure in the pipes is `bar` below the usual, unless a burst near by tells why."""
    if any(burst(snapshot, limits)):
        return
    for sensor, now, usual in _dropped(snapshot, limits)[:_MOST]:
        yield _lost(sensor, now, usual)


def burst(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell where the pressure dropped and more water flows than usual near by: probably a main burst."""
    for sensor, now, usual in _dropped(snapshot, limits)[:_MOST]:
        flow = _flow(snapshot, limits, sensor)
        if flow is None:
            continue
        finding = _lost(sensor, now, usual)
        meter, flows, used = flow
        finding.nodes += (meter.node,)
        finding.parts["meter"] = meter.place
        finding.say("flow", How.VALUE, flows)
        finding.say("used", How.VALUE, used)
        yield finding


def wanted_history(snapshot: Snapshot) -> list[str]:
    """Return the streams whose past `over` wants to see."""
    return [each.sensor.stream for each in gauges(snapshot) if each.reached is not None]


def _rise(snapshot: Snapshot, sensor: Sensor) -> Rise | None:
    now, before = (snapshot.window(sensor, span) for span in (LAST_HOUR, TWO_HOURS_BEFORE))
    if now is None or before is None:
        return None
    return Rise(of_window(sensor, now, "mean"), of_window(sensor, before, "mean"))


def _say_rate(finding: Finding, gauge: Gauge) -> None:
    assert gauge.rise is not None, "only what is known to rise"
    finding.say("rate", How.RATE, gauge.rise.now, gauge.rise.before, unit="cm/h")


def _say_room(finding: Finding, gauge: Gauge) -> None:
    if gauge.above is None:
        return
    finding.say("room", How.DIFFERENCE, gauge.newest, of_threshold(gauge.sensor, gauge.above), decimals=1)
    finding.parts["level"] = _GRADES[gauge.above.level]
    finding.parts["below"] = Words(
        " og er {room}~m under {level} grense", " and is {room}~m below its {level} threshold"
    )


def _dropped(snapshot: Snapshot, limits: Limits) -> list[tuple[Sensor, Evidence, Evidence]]:
    found = []
    for sensor in snapshot.plain.get("pipe_pressure", ()):
        window, usual = snapshot.window(sensor, TEN_MINUTES), lowest(snapshot, sensor)
        if window is None or usual is None or window.mean > usual.p10 - limits["bar"]:
            continue
        found.append((sensor, of_window(sensor, window, "mean"), of_usual(sensor, usual, "p10")))
    return sorted(found, key=lambda each: ((each[1].value or 0) - (each[2].value or 0), each[0].node))


def _lost(sensor: Sensor, now: Evidence, usual: Evidence) -> Finding:
    finding = Finding((sensor.node,))
    finding.parts["place"] = sensor.place
    finding.say("pressure", How.VALUE, now, decimals=1)
    finding.say("drop", How.DIFFERENCE, usual, now, decimals=1)
    return finding


def _flow(snapshot: Snapshot, limits: Limits, sensor: Sensor) -> tuple[Sensor, Evidence, Evidence] | None:
    """Return the nearest meter, its flow and the usual one, if the flow is `ratio` times the usual."""
    for meter in nearest(sensor, snapshot.plain.get("water_volume", ()), limits["metres"]):
        window, usual = snapshot.window(meter, HALF_AN_HOUR), highest(snapshot, meter)
        if window is None or usual is None or window.last_time == window.first_time:
            continue
        flow = of_window(meter, window, "rate")
        if (flow.value or 0) >= limits["ratio"] * usual.p90:
            return meter, flow, of_usual(meter, usual, "p90")
    return None

"""Noise: where it is louder than it usually is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bypuls.summary.clauses import Evidence, Finding, How, of_usual, of_window
from bypuls.summary.snapshot import TEN_MINUTES, TWO_HOURS, Sensor, Snapshot, Span
from bypuls.summary.usuals import highest

Limits = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Loud:
    """Sensors that are louder than usual: all their nodes, and the loudest of them."""

    nodes: tuple[str, ...]
    place: str
    loudest: Evidence


def unusual(snapshot: Snapshot, limits: Limits, span: Span) -> list[tuple[Sensor, Evidence, Evidence]]:
    """Return the sensors that were `above` dB over the usual, and `least` dB at least; the loudest first.

    In ten minutes not for a moment only, as when a train passes: the plain mean, which the mean by energy is
    never below, must be `lasting` dB over the usual level of an hour.
    """
    found = []
    for sensor in snapshot.plain.get("sound_level", ()):
        window, usual = snapshot.window(sensor, span), highest(snapshot, sensor)
        if window is None or usual is None:
            continue
        lasts = span is not TEN_MINUTES or window.mean >= usual.p90 + limits["lasting"]
        if lasts and window.maximum >= max(limits["least"], usual.p90 + limits["above"]):
            found.append((sensor, of_window(sensor, window, "max"), of_usual(sensor, usual, "p90")))
    return sorted(found, key=lambda each: (-(each[1].value or 0), each[0].node))


def loud(snapshot: Snapshot, limits: Limits) -> Loud | None:
    """Return what is known of a noise at half of the sensors, two at least, within the last two hours."""
    found = unusual(snapshot, limits, TWO_HOURS)
    if len(found) < max(2, len(snapshot.plain.get("sound_level", ())) / 2):
        return None
    sensor, evidence, _ = found[0]
    return Loud(tuple(each.node for each, _, _ in found), sensor.place, evidence)


def high(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell where it is loudest, if that is unusual."""
    found = unusual(snapshot, limits, TEN_MINUTES)
    if not found:
        return
    sensor, level, usual = found[0]
    finding = Finding(tuple(each.node for each, _, _ in found))
    finding.parts["place"] = sensor.place
    finding.say("level", How.VALUE, level)
    finding.say("usual", How.VALUE, usual)
    yield finding

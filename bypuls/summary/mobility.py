"""Where unusually many people and vehicles are about, which car parks are full, and which bins."""

from collections.abc import Iterator, Mapping

from bypuls.summary.clauses import Finding, How, Words, of_newest, of_usual, of_window, plural
from bypuls.summary.snapshot import LAST_HOUR, Sensor, Snapshot
from bypuls.summary.usuals import highest

Limits = Mapping[str, float]

_MOST = 2


def people(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell where more people passed in the last hour than usually do at most: by `ratio` and by `more`."""
    yield from _many(snapshot, limits, "people_count")


def vehicles(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell the same of vehicles."""
    yield from _many(snapshot, limits, "vehicle_count")


def full_parking(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell of car parks of which the share `share` of bays is taken, of `bays` at least."""
    full = []
    for sensors in parks(snapshot).values():
        taken = [sensor for sensor in sensors if sensor.value]
        if len(sensors) >= limits["bays"] and len(taken) >= limits["share"] * len(sensors):
            full.append((sensors, taken))
    for sensors, taken in full[:_MOST]:
        finding = Finding((sensors[0].node,))
        finding.parts["place"] = sensors[0].place
        finding.parts["full"] = (
            Words("Fullt", "full") if taken == sensors else Words("Nesten fullt", "nearly full")
        )
        finding.say("taken", How.SUM, *(of_newest(each, snapshot.time) for each in sensors))
        finding.say("all", How.STREAMS, *(of_newest(each, snapshot.time) for each in sensors))
        yield finding


def full_bins(snapshot: Snapshot, limits: Limits) -> Iterator[Finding]:
    """Tell how many bins are filled to `percent` or more."""
    sensors = [each for each in snapshot.plain.get("fill_level", ()) if not snapshot.is_silent(each)]
    full = [each for each in sensors if (each.value or 0) >= limits["percent"]]
    if full:
        finding = Finding(tuple(each.node for each in full))
        finding.say("full", How.STREAMS, *(of_newest(each, snapshot.time) for each in full))
        finding.say("all", How.STREAMS, *(of_newest(each, snapshot.time) for each in sensors))
        finding.parts["bins"] = plural(
            len(sensors), Words("avfallsbeholder", "waste bin"), Words("avfallsbeholdere", "waste bins")
        )
        finding.parts["are"] = plural(len(full), Words("er", "is"), Words("er", "are"))
        finding.parts["filled"] = plural(len(full), Words("full", "full"), Words("fulle", "full"))
        yield finding


def parks(snapshot: Snapshot) -> dict[str, list[Sensor]]:
    """Return the bays that tell whether they are taken, by node."""
    found: dict[str, list[Sensor]] = {}
    for sensor in snapshot.plain.get("occupancy", ()):
        if not snapshot.is_silent(sensor):
            found.setdefault(sensor.node, []).append(sensor)
    return found


def _many(snapshot: Snapshot, limits: Limits, quantity: str) -> Iterator[Finding]:
    found = []
    for sensor in snapshot.plain.get(quantity, ()):
        window, usual = snapshot.window(sensor, LAST_HOUR), highest(snapshot, sensor)
        if window is None or usual is None:
            continue
        if window.total >= max(limits["ratio"] * usual.p90, usual.p90 + limits["more"]):
            found.append((window.total - usual.p90, sensor, window, usual))
    if found:
        _, sensor, window, usual = max(found, key=lambda each: (each[0], each[1].stream))
        finding = Finding(tuple(dict.fromkeys(each.node for _, each, _, _ in found)))
        finding.parts["place"] = sensor.place
        finding.say("count", How.VALUE, of_window(sensor, window, "sum"))
        finding.say("usual", How.VALUE, of_usual(sensor, usual, "p90"))
        yield finding

"""The state of each node for the map: a level, a few words, and the reading that they rest on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bypuls.summary import air, mobility, water
from bypuls.summary.clauses import Clause, Severity, Words, written
from bypuls.summary.snapshot import Sensor, Snapshot
from bypuls.themes import THEMES, theme_of, theme_of_node

_SILENT = Words("Ingen nye data", "No new data")
_NOT_JUDGED = Words("Kan ikke vurderes ennå", "Can't be judged yet")
_GRADES = {
    "yellow": Words("Over gul grense", "Above its yellow threshold"),
    "orange": Words("Over oransje grense", "Above its orange threshold"),
    "red": Words("Over rød grense", "Above its red threshold"),
}
_REACHED = {"yellow": Severity.WARNING, "orange": Severity.ALARM, "red": Severity.ALARM}
_UNITS = {"ug/m3": "µg/m³", "Cel": "°C", "m3/s": "m³/s", "m3": "m³", "deg": "°", "1": ""}
_GOOD = Words("God luft", "Good air")
_MEASURED = {"last", "mean", "sum", "max", "rate"}
"""The statistics of evidence that are of what was measured, and not of what is usual or missing."""

_DECIMALS = {"water_level": 2, "pipe_pressure": 1, "wind_speed": 1}


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node on the map.

    `level` is None where nothing new comes from it, as the label says, and for a gauge below its thresholds
    of which it isn't known how it went in the last hours.
    """

    node: str
    place: str
    theme: str | None
    latitude: float | None
    longitude: float | None
    level: Severity | None
    label: Words
    stream: str | None
    value: float | None
    unit: str | None
    newest: int | None


@dataclass(frozen=True, slots=True)
class _State:
    level: Severity | None
    label: Words
    stream: str
    value: float
    unit: str


def states(snapshot: Snapshot, clauses: Sequence[Clause]) -> list[NodeState]:
    """Return the state of every open node, by name; what a clause says of it counts too."""
    by_node: dict[str, list[Sensor]] = {}
    for sensor in snapshot.sensors:
        by_node.setdefault(sensor.node, []).append(sensor)
    judged = _air(snapshot) | _rivers(snapshot) | _parking(snapshot)
    return [
        _of_node(snapshot, node, sensors, judged.get(node), [each for each in clauses if node in each.nodes])
        for node, sensors in sorted(by_node.items())
    ]


def _of_node(
    snapshot: Snapshot,
    node: str,
    sensors: Sequence[Sensor],
    judged: _State | None,
    clauses: Sequence[Clause],
) -> NodeState:
    theme = theme_of_node(sensor.quantity for sensor in sensors)
    newest = max((sensor.time for sensor in sensors if sensor.time is not None), default=None)
    first = sensors[0]
    state = judged or _plain(snapshot, sensors)
    silent = all(snapshot.is_silent(sensor) for sensor in sensors)
    if state is not None:
        state = _told(state, node, clauses)
    return NodeState(
        node,
        first.place,
        theme.key if theme else None,
        first.latitude,
        first.longitude,
        None if silent or state is None else state.level,
        _SILENT if silent or state is None else state.label,
        None if state is None else state.stream,
        None if state is None else state.value,
        None if state is None else state.unit,
        newest,
    )


def _told(state: _State, node: str, clauses: Sequence[Clause]) -> _State:
    """Return a node's state with what clauses say of it, where that is worse.

    What isn't judged doesn't get calm by what is said of others at its node.
    """
    worse = [each for each in clauses if each.severity > (state.level or Severity.CALM)]
    if not worse:
        return state
    state = replace(state, level=max(each.severity for each in worse))
    said = next((each for each in worse if each.label is not None and each.severity == state.level), None)
    if said is None or said.label is None:
        return state
    state = replace(state, label=said.label)
    own = (each for each in said.evidence if each.node == node and each.statistic in _MEASURED)
    mine = next(own, None)
    if mine is None or mine.value is None:
        return state
    return replace(state, stream=mine.stream, value=mine.value, unit=mine.unit)


def _air(snapshot: Snapshot) -> dict[str, _State]:
    found = {}
    for station in air.stations(snapshot):
        found[station.sensor.node] = _State(
            Severity(station.number),
            _air_label(station),
            station.sensor.stream,
            station.window.mean,
            station.sensor.unit,
        )
    return found


def _air_label(station: air.Station) -> Words:
    if station.number == 1:
        return _GOOD
    name, grade = air.NAMES[station.sensor.quantity or ""], air.GRADES[station.number]
    nb, en = (f"{name.nb}: {grade.nb}", f"{name.en}: {grade.en}")
    return Words(nb[:1].upper() + nb[1:], en[:1].upper() + en[1:])


def _rivers(snapshot: Snapshot) -> dict[str, _State]:
    """Return the state of the worst gauge of each node: of equal ones, that of the node's plain channel."""
    found: dict[str, _State] = {}
    for gauge in sorted(water.gauges(snapshot), key=lambda each: _rank(each.sensor)):
        assert gauge.sensor.value is not None, "a gauge has a newest reading"
        level: Severity | None
        if gauge.reached is not None:
            level, label = _REACHED[gauge.reached.level], _GRADES[gauge.reached.level]
        elif gauge.rise is None:
            level, label = None, _NOT_JUDGED
        else:
            level, label = Severity.CALM, _measured(gauge.sensor)
        known = found.get(gauge.sensor.node)
        if known is None or (level or 0) > (known.level or 0):
            found[gauge.sensor.node] = _State(
                level, label, gauge.sensor.stream, gauge.sensor.value, gauge.sensor.unit
            )
    return found


def _parking(snapshot: Snapshot) -> dict[str, _State]:
    found = {}
    for node, bays in mobility.parks(snapshot).items():
        free = sum(not bay.value for bay in bays)
        label = Words(f"{free} av {len(bays)} ledige", f"{free} of {len(bays)} free")
        first = bays[0]
        assert first.value is not None, "what is not silent has a reading"
        # A full one is everyday life, as the rule has it that tells of it.
        found[node] = _State(Severity.CALM, label, first.stream, first.value, first.unit)
    return found


def _plain(snapshot: Snapshot, sensors: Sequence[Sensor]) -> _State | None:
    """Return what the first sensor with something new says, in the order of the themes."""
    order = {key: place for place, key in enumerate(key for theme in THEMES for key in theme.quantities)}
    fresh = [
        sensor
        for sensor in sensors
        if theme_of(sensor.quantity) and not sensor.statistic and not snapshot.is_silent(sensor)
    ]
    if not fresh:
        fresh = [sensor for sensor in sensors if not snapshot.is_silent(sensor)]
    if not fresh:
        return None
    sensor = min(fresh, key=lambda each: (order.get(each.quantity or "", len(order)), *_rank(each)))
    assert sensor.value is not None, "what is not silent has a reading"
    return _State(Severity.CALM, _measured(sensor), sensor.stream, sensor.value, sensor.unit)


def _rank(sensor: Sensor) -> tuple[int, str]:
    """Put the plain channel of a node, such as `water_level`, before others, such as `out/water_level`."""
    return sensor.stream.count("/"), sensor.stream


def _measured(sensor: Sensor) -> Words:
    """Write a sensor's newest value with its unit."""
    assert sensor.value is not None, "it has a reading"
    if sensor.quantity == "lamp_state":
        return Words("På", "On") if sensor.value else Words("Av", "Off")
    unit = _UNITS.get(sensor.unit, sensor.unit)
    nb, en = (
        f"{written(sensor.value, _DECIMALS.get(sensor.quantity or '', 0), each)} {unit}".strip()
        for each in ("nb", "en")
    )
    return Words(nb, en)

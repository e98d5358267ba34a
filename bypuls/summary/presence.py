"""What is not known: sensors that are silent, and hours of which much is missing."""

from collections.abc import Iterator, Mapping

from bypuls.summary.clauses import Finding, How, Words, of_newest, of_window, plural
from bypuls.summary.snapshot import LAST_HOUR, SPANS, Sensor, Snapshot
from bypuls.themes import THEMES, Theme, theme_of
from bypuls.windows import Window

Limits = Mapping[str, float]

_STATIONS = Words("målepunkt", "station"), Words("målepunkter", "stations")


def nothing(snapshot: Snapshot, _limits: Limits) -> Iterator[Finding]:
    """Tell that nothing was ever read of an open stream."""
    if snapshot.newest is None:
        yield Finding()


def stale(snapshot: Snapshot, _limits: Limits) -> Iterator[Finding]:
    """Tell that all open streams are silent, and since when."""
    if not is_stale(snapshot):
        return
    last = max((each for each in snapshot.sensors if each.time is not None), key=lambda each: each.time or 0)
    finding = Finding(since=last.time)
    finding.say_time("when", of_newest(last, snapshot.time), snapshot.time)
    yield finding


def silent(snapshot: Snapshot, _limits: Limits) -> Iterator[Finding]:
    """Tell, theme by theme, from how many nodes nothing comes any more."""
    if is_stale(snapshot) or snapshot.newest is None:
        return
    for theme in THEMES:
        nodes = _nodes(snapshot, theme)
        quiet = {
            node: sensors
            for node, sensors in nodes.items()
            if all(snapshot.is_silent(each) for each in sensors)
        }
        if not quiet:
            continue
        finding = _of_theme(theme, tuple(quiet))
        for name, those in (("silent", quiet), ("all", nodes)):
            newest = [max(each, key=lambda sensor: sensor.time or 0) for each in those.values()]
            finding.say(name, How.COUNT, *(of_newest(each, snapshot.time) for each in newest))
        finding.parts["stations"] = plural(len(nodes), *_STATIONS)
        yield finding


def patchy(snapshot: Snapshot, _limits: Limits) -> Iterator[Finding]:
    """Tell, theme by theme, from how many nodes that do send too little of the last hour came."""
    for theme in THEMES:
        poor = []
        for sensors in _nodes(snapshot, theme).values():
            windows = (_patchy_window(snapshot, each) for each in sensors)
            poor += [of_window(*found, "count") for found in windows if found][:1]
        if poor:
            finding = _of_theme(theme, tuple(each.node for each in poor))
            finding.say("poor", How.COUNT, *poor)
            finding.parts["stations"] = plural(len(poor), *_STATIONS)
            yield finding


def is_stale(snapshot: Snapshot) -> bool:
    """Tell whether something came once, and nothing comes now."""
    return snapshot.newest is not None and all(snapshot.is_silent(each) for each in snapshot.sensors)


def _nodes(snapshot: Snapshot, theme: Theme) -> dict[str, list[Sensor]]:
    found: dict[str, list[Sensor]] = {}
    for sensor in snapshot.sensors:
        if theme_of(sensor.quantity) is theme:
            found.setdefault(sensor.node, []).append(sensor)
    return found


def _patchy_window(snapshot: Snapshot, sensor: Sensor) -> tuple[Sensor, Window] | None:
    """Return the last hour of a sensor if the rules would look at it, and too little of it came."""
    window = snapshot.windows.get((sensor.stream, LAST_HOUR))
    judged = LAST_HOUR in SPANS.get(sensor.quantity or "", ()) and not sensor.statistic
    if not judged or snapshot.is_silent(sensor) or window is None:
        return None
    return (sensor, window) if window.n < snapshot.least(sensor, LAST_HOUR) else None


def _of_theme(theme: Theme, nodes: tuple[str, ...]) -> Finding:
    words = Words(theme.nb.lower(), theme.en.lower())
    return Finding(nodes, theme=theme.key, parts={"theme": words})

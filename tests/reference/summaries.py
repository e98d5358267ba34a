"""Summaries of readings, one window and one reading at a time."""

from dataclasses import dataclass, field
from itertools import pairwise
from math import cos, fsum, inf, nan, radians, sin

Reading = tuple[int, float]
"""Time in microseconds, value."""
Row = dict[str, float]
Key = tuple[int, int]
"""Stream, window."""


@dataclass(frozen=True)
class Rules:
    """What a summary is made by."""

    kind: str
    edges: list[int]
    hold: float = inf
    modulus: float | None = None


@dataclass
class Window:
    """The readings of one stream in one window."""

    kept: list[Reading] = field(default_factory=list)
    excluded: int = 0


def sort_in(rows: list[tuple[int, int, float, bool]], edges: list[int]) -> dict[Key, Window]:
    """Put readings (stream, time, value, excluded) into their windows."""
    windows: dict[Key, Window] = {}
    for stream, time, value, excluded in sorted(rows):
        for index, (low, high) in enumerate(pairwise(edges)):
            if low <= time < high:
                window = windows.setdefault((stream, index), Window())
                if excluded:
                    window.excluded += 1
                else:
                    window.kept.append((time, value))
    return dict(sorted(windows.items()))


def rise(before: float, after: float, modulus: float | None) -> tuple[float, int]:
    """Return the increase of a meter, and 1 for a reset."""
    if after >= before:
        return after - before, 0
    if modulus is not None and 0.9 * modulus <= before <= modulus and after < 0.1 * modulus:
        return modulus - before + after, 0
    return after, 1


def alone(window: Window, rules: Rules) -> Row:
    """Return a row that knows only what lies between its own first and last reading."""
    kept = window.kept
    row: Row = {"n": len(kept), "n_excluded": window.excluded, "held": 0.0, "held_seconds": 0.0}
    row |= {"changes": 0, "resets": 0}
    if not kept:
        return row
    values = [value for _, value in kept]
    mean = fsum(values) / len(values)
    row |= {"mean": mean, "m2": fsum((value - mean) ** 2 for value in values)}
    row |= {"minimum": min(values), "maximum": max(values), "first": values[0], "last": values[-1]}
    row |= {"first_time": kept[0][0], "last_time": kept[-1][0], "sum": fsum(values)}
    row["cosine"] = fsum(cos(radians(value)) for value in values) / len(values)
    row["sine"] = fsum(sin(radians(value)) for value in values) / len(values)
    if rules.kind == "energetic":
        row["energy"] = fsum(10 ** (value / 10) for value in values) / len(values)
    row["increase"] = fsum(rise(a, b, rules.modulus)[0] for a, b in pairwise(values))
    row["resets"] = sum(rise(a, b, rules.modulus)[1] for a, b in pairwise(values))
    row["changes"] = sum(a != b for a, b in pairwise(values))
    for (time, value), (following, _) in pairwise(kept):
        seconds = min((following - time) / 1e6, rules.hold)
        row["held_seconds"] += seconds
        row["held"] += seconds * holding(value, rules.kind)
    return row


def holding(value: float, kind: str) -> float:
    """Return what a value adds to `held` in a second."""
    return 10 ** (value / 10) if kind == "energetic" else value


def completed(
    windows: dict[Key, Window], rules: Rules, before: dict[int, Reading], until: int
) -> dict[Key, Row]:
    """Return the rows that know of all readings, those before the range too."""
    rows = {key: alone(window, rules) for key, window in windows.items()}
    for stream in sorted({stream for stream, _ in windows} | set(before)):
        readings = [(-1, *before[stream])] if stream in before else []
        for (owner, index), window in windows.items():
            if owner == stream:
                readings += [(index, time, value) for time, value in window.kept]
        if rules.kind in ("linear", "energetic", "state"):
            hold_through(rows, stream, readings, rules, until)
        for place, (index, _, value) in enumerate(readings):
            if index < 0:
                continue
            earlier = readings[place - 1] if place else None
            row = rows[stream, index]
            if earlier is None and row["n"] == 1:
                row["increase"] = nan
            if earlier is not None and earlier[0] != index:
                increase, reset = rise(earlier[2], value, rules.modulus)
                row["increase"] += increase
                row["resets"] += reset
                row["changes"] += earlier[2] != value
    return dict(sorted(rows.items()))


def hold_through(
    rows: dict[Key, Row], stream: int, readings: list[tuple[int, int, float]], rules: Rules, until: int
) -> None:
    """Let each value hold to the next reading, and add that time to the windows it lies in."""
    for (owner, _), row in rows.items():
        if owner == stream:
            row["held"] = row["held_seconds"] = 0.0
    spans = [(a[1], b[1], a[2]) for a, b in pairwise(readings)]
    if readings:
        spans.append((readings[-1][1], until, readings[-1][2]))
    for begin, following, value in spans:
        close = following if rules.hold == inf else min(following, begin + round(rules.hold * 1e6))
        for index, (low, high) in enumerate(pairwise(rules.edges)):
            seconds = (min(close, high) - max(begin, low)) / 1e6
            if seconds > 0:
                row = rows.setdefault((stream, index), alone(Window(), rules))
                row["held_seconds"] += seconds
                row["held"] += seconds * holding(value, rules.kind)


def percentile(values: list[float], q: float) -> float:
    """Return the percentile by linear interpolation between sorted values."""
    ordered = sorted(values)
    rank = (len(ordered) - 1) * q / 100
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)

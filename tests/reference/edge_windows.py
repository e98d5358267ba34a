"""What an agent makes of samples, in plain Python: the slow obvious twin of the agents' windows.

A vector (tests/vectors/edge) holds samples and what becomes of them; see the README there.
"""

import math
from collections import defaultdict
from typing import Any

from bypuls.channels import of_channel
from bypuls.quantities import Kind

Point = tuple[str, str, int, float]
"""Name, unit, time in microseconds since 1970, value."""


def points(vector: dict[str, Any]) -> list[Point]:
    """Return what is sent for the samples of a vector, every window closed."""
    made: list[Point] = []
    for channel in vector["channels"]:
        samples = [(round(t * 1e6), v) for name, t, v in vector["samples"] if name == channel["channel"]]
        made += _of_channel(channel, samples)
    return made


def _of_channel(channel: dict[str, Any], samples: list[tuple[int, float]]) -> list[Point]:
    name = channel["channel"]
    what = of_channel(name, channel["quantity"])
    unit = str(channel.get("unit") or what.unit)
    if channel["interval"] == 0:
        return [(name, unit, at, value) for at, value in samples]
    width = round(channel["interval"] * 1e6)
    windows: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for at, value in samples:
        windows[at // width * width].append((at, value))
    made: list[Point] = []
    for start, inside in sorted(windows.items()):
        values = [value for _, value in inside]
        for statistic in channel["statistics"]:
            if statistic == "mean":
                made += [(name, unit, at, value) for at, value in _plain(what.kind, start, inside)]
            elif statistic == "n":
                made.append((f"{name}.n", "1", start, float(len(values))))
            else:
                made.append((f"{name}.{statistic}", unit, start, {"min": min, "max": max}[statistic](values)))
    return made


def _plain(kind: Kind, start: int, inside: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return what travels under the channel's own name."""
    values = [value for _, value in inside]
    match kind:
        case Kind.LINEAR:
            return [(start, math.fsum(values) / len(values))]
        case Kind.TOTAL:
            return [(start, math.fsum(values))]
        case Kind.ENERGETIC:
            return [(start, 10 * math.log10(math.fsum(10 ** (v / 10) for v in values) / len(values)))]
        case Kind.CIRCULAR:
            east = math.fsum(math.sin(math.radians(v)) for v in values) / len(values)
            north = math.fsum(math.cos(math.radians(v)) for v in values) / len(values)
            if math.hypot(east, north) < 1e-12:
                return []  # the directions cancel: there is no mean direction
            degrees = math.degrees(math.atan2(east, north)) % 360
            return [(start, 0.0 if degrees == 360 else degrees)]  # a tiny negative angle is rounded to 360
        case Kind.COUNTER:
            last = len(inside) - 1
            falls = {i for i in range(last) if values[i + 1] < values[i]}
            return [
                sample for i, sample in enumerate(inside) if i in (0, last) or i in falls or i - 1 in falls
            ]
        case Kind.STATE:
            return [sample for i, sample in enumerate(inside) if i == 0 or values[i] != values[i - 1]]

"""Packs: readings in the wire format, numbered."""

from collections.abc import Iterator, Sequence

from bypuls.senml import Record, encode_json
from bypuls.sequences import Range
from edge.pi.windows import Point

MOST_READINGS = 500
"""In a pack: with the longest names and units allowed it stays below the wire's limit."""

CHECK_LOG = "check"
"""The log of the one pack that `bypuls-edge check` sends."""

_SECOND = 1_000_000


def packs_of(points: Sequence[Point]) -> Iterator[Sequence[Point]]:
    """Cut readings into packs, in order of time."""
    ordered = sorted(points, key=lambda point: point.time)
    for begin in range(0, len(ordered), MOST_READINGS):
        yield ordered[begin : begin + MOST_READINGS]


def encode(points: Sequence[Point], log: str, seq: int, gap: list[Range]) -> bytes:
    """Write a pack in SenML JSON; without readings it holds just its number, and the gap."""
    base = points[0].time // _SECOND if points else 0
    records = []
    for point in points:
        record = Record(n=point.name, u=point.unit, v=point.value)
        if offset := point.time - base * _SECOND:
            record.t = offset / _SECOND  # not even set where it is 0: defaults are left out by identity
        records.append(record)
    records = records or [Record()]
    records[0].log, records[0].seq = log, seq
    if points:
        records[0].bt = float(base)
    if gap:
        records[0].gap = gap
    return encode_json(records)

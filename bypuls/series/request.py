"""What a series is made of, checked against the streams it is asked of."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.filling import Filling
from bypuls.numeric.kinds import Kind
from bypuls.numeric.statistics import STATISTICS
from bypuls.series.refusals import Refused, TooMuch
from bypuls.series.step import HOUR, STANDARD, Step
from bypuls.store.facts import StreamFacts

MOST_STREAMS = 500
MOST_VALUES = 1_000_000
"""Streams x windows x statistics: 25 MB of JSON."""

MOST_READINGS = 20_000_000
"""Readings, or hourly rollups, that one answer may be made from: some 10 s of work."""

ALL_STATISTICS = tuple(dict.fromkeys(name for kind in Kind for name in STATISTICS[kind]))
COUNTS = frozenset({"n", "n_excluded"})
UNITLESS = COUNTS | {"n_expected", "coverage", "share", "steadiness", "changes", "resets"}

_PERCENTILE = re.compile(r"p(100|[0-9]{1,2}(?:\.[0-9]{1,3})?)", re.ASCII)
_RANKED = frozenset({Kind.LINEAR, Kind.ENERGETIC, Kind.TOTAL})
_AMOUNTS = frozenset({Kind.TOTAL, Kind.COUNTER})


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """Streams, windows and statistics of a series; times in microseconds since 1970 (UTC).

    The windows are those of `step` that cover [start, end), so the first may begin before `start`. `now`
    tells which of them aren't over. `longest_gap` counts windows. `min_coverage` is a share, 0 for none.
    """

    streams: Sequence[StreamFacts]
    statistics: Sequence[str]
    step: Step
    zone: ZoneInfo
    start: int
    end: int
    now: int
    include_flagged: bool = False
    filling: Filling = Filling.NONE
    longest_gap: int = 1
    min_coverage: float = 0.0
    spatial: bool = False

    def edges(self) -> NDArray[np.int64]:
        """Return the edges of the windows."""
        return self.step.edges(self.start, self.end, self.zone)

    def values(self, step: Step) -> int:
        """Return how many values the answer would have with windows of this step."""
        columns = len(self.streams) * len(self.statistics) + 2 * self.spatial
        return step.count(self.start, self.end, self.zone) * columns

    @property
    def all_statistics(self) -> list[str]:
        """What is asked for, and what the answer is made by besides."""
        extra = ["coverage"] * bool(self.min_coverage) + ["mean"] * self.spatial
        return list(dict.fromkeys([*self.statistics, *extra]))

    @property
    def needs_readings(self) -> bool:
        """Whether hourly rollups can't tell, whatever the windows."""
        return self.include_flagged or any(percent(name) is not None for name in self.statistics)


def percent(statistic: str) -> float | None:
    """Return the percent of a percentile such as p95 or p99.9; None for other statistics."""
    match = _PERCENTILE.fullmatch(statistic)
    return float(match[1]) if match else None


def known_statistics(kind: Kind) -> str:
    """Name the statistics that a kind has."""
    ranked = ("percentiles such as p95",) if kind in _RANKED else ()
    return ", ".join((*STATISTICS[kind], *ranked))


def check(request: SeriesRequest) -> None:
    """Raise Refused for parameters that don't fit the streams, TooMuch for too many values."""
    for name in request.statistics:
        for facts in request.streams:
            if name not in STATISTICS[facts.kind] and (percent(name) is None or facts.kind not in _RANKED):
                raise Refused(
                    "agg",
                    name,
                    f"{facts.name} is of the kind {facts.kind}, which has {known_statistics(facts.kind)}",
                )
    if request.filling is not Filling.NONE:
        for facts in request.streams:
            if facts.kind in _AMOUNTS:
                raise Refused(
                    "fill",
                    request.filling,
                    f"{facts.name} is of the kind {facts.kind}: what fell or flowed while nobody measured "
                    "can't be told from its neighbours",
                )
    if request.spatial:
        _check_alike(request.streams)
    size = request.values(request.step)
    if size > MOST_VALUES:
        windows = request.step.count(request.start, request.end, request.zone)
        raise TooMuch(
            f"{len(request.streams)} streams, {len(request.statistics)} statistics and {windows:,} windows "
            f"of {request.step} make {size:,} values"
            + " with the spatial mean" * request.spatial
            + f"; the limit is {MOST_VALUES:,}. "
            + advice(nearest_fit(request, only_hours=False))
        )


def nearest_fit(request: SeriesRequest, *, only_hours: bool) -> Step | None:
    """Return the smallest standard step above the request's whose answer isn't too large.

    With `only_hours`, one whose windows are whole hours (UTC), as hourly rollups are.
    """
    for step in STANDARD:
        if step.width <= request.step.width or request.values(step) > MOST_VALUES:
            continue
        if not only_hours or not (step.edges(request.start, request.end, request.zone) % HOUR).any():
            return step
    return None


def advice(step: Step | None) -> str:
    """Say which step would do."""
    return "Ask for a shorter range or fewer streams." if step is None else f"every={step} fits."


def unit_of(facts: StreamFacts, statistic: str) -> str:
    """Return the unit of a statistic of a stream (UCUM)."""
    return "1" if statistic in UNITLESS else facts.unit


def interval_of(facts: StreamFacts) -> float | None:
    """Return the expected seconds between readings, None where nobody told."""
    return None if isnan(facts.interval) else facts.interval


def _check_alike(streams: Sequence[StreamFacts]) -> None:
    first = streams[0] if streams else None
    for facts in streams:
        assert first is not None
        if facts.quantity is None and len(streams) > 1:
            raise Refused("spatial", "mean", f"{facts.name} measures nothing that the catalogue knows")
        for what in ("quantity", "statistic", "kind", "unit"):
            mine, its = (getattr(each, what) or "the plain value" for each in (facts, first))
            if mine != its:
                raise Refused(
                    "spatial",
                    "mean",
                    f"only like can be averaged, but the {what} of {first.name} is {its}, that of "
                    f"{facts.name} is {mine}; ask by quantity, or for streams that measure the same",
                )

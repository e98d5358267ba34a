"""Exceedances: how often a year's means lay above the legal limits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bypuls.instants import ZONE
from bypuls.legal_limits import LEGAL_LIMITS, LegalLimit, Period, exceedances
from bypuls.numeric.edges import CivilUnit, civil_edges
from bypuls.readings import SECOND
from bypuls.series.request import SeriesRequest
from bypuls.series.step import Step, read_step
from bypuls.series.table import build
from bypuls.store.database import Database
from bypuls.store.facts import StreamFacts

_AT_ONCE = 50
"""Streams whose year of hours is in memory at once."""

LIMITED = tuple(dict.fromkeys(limit.quantity for limit in LEGAL_LIMITS))
"""The quantities that have a legal limit."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a year of one stream says about one limit.

    `assessed` and `not_assessed` count the periods that are over: a mean of less than 85 % coverage isn't
    compared. `time` (k,), microseconds since 1970, and `value` (k,) tell the periods above the limit;
    `gaps` (g, 2) where stretches of periods that weren't assessed begin and end.
    """

    stream: StreamFacts
    limit: LegalLimit
    assessed: int
    not_assessed: int
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    gaps: NDArray[np.int64]

    @property
    def left(self) -> int:
        """How many more exceedances the year may have; below 0 the limit is broken."""
        return self.limit.allowed - len(self.time)


def assess(database: Database, streams: Sequence[StreamFacts], year: int, now: int) -> list[Assessment]:
    """Compare the means of a civil year with every limit of the streams' quantity.

    `streams` measure one quantity; `now` in microseconds since 1970. By limit, then by stream. Raises
    TooMuch, QueryTooSlow, StoreUnavailable.
    """
    start, end = year_bounds(year)
    limits = [limit for limit in LEGAL_LIMITS if limit.quantity == streams[0].quantity]
    parts = [streams[at : at + _AT_ONCE] for at in range(0, len(streams), _AT_ONCE)]
    return [
        each for limit in limits for part in parts for each in _assess(database, part, limit, start, end, now)
    ]


def year_bounds(year: int) -> tuple[int, int]:
    """Return where a civil year begins and ends, in microseconds since 1970."""
    middle = (year - 1970) * 31_556_952 * SECOND + 180 * 86_400 * SECOND
    edges = civil_edges(middle, middle + 1, CivilUnit.YEAR, ZONE)
    return int(edges[0]), int(edges[1])


def _assess(
    database: Database, streams: Sequence[StreamFacts], limit: LegalLimit, start: int, end: int, now: int
) -> list[Assessment]:
    step: Step = read_step("1h" if limit.period is Period.HOUR else limit.period.value)
    found = build(database, SeriesRequest(streams, ("mean", "coverage"), step, ZONE, start, end, now))
    over = ~found.partial
    edges = np.append(found.time, found.end)
    made = []
    for series in found.series:
        value, coverage = series.values["mean"][over], series.values["coverage"][over]
        assessed, exceeded = exceedances(value, coverage, limit)
        made.append(
            Assessment(
                series.facts,
                limit,
                int(np.count_nonzero(assessed)),
                int(np.count_nonzero(~assessed)),
                found.time[over][exceeded],
                value[exceeded],
                _stretches(~assessed, edges),
            )
        )
    return made


def _stretches(missing: NDArray[np.bool_], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where runs of missing periods (p,) begin and end (g, 2), by the edges (p + 1 or more,)."""
    turns = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]])))
    return edges[turns].reshape(-1, 2)

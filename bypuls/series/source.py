"""Where a series comes from: hourly rollups where they give the same answer, else the raw readings."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from bypuls.channels import Averaging
from bypuls.numeric.completion import Earlier, complete
from bypuls.numeric.dense import dense
from bypuls.numeric.kinds import Kind
from bypuls.numeric.merging import merge, together
from bypuls.numeric.statistics import columns_of
from bypuls.numeric.summary import EXTRA, MOMENTS, Summary, summarise
from bypuls.quality import CERTAINLY_WRONG
from bypuls.readings import ReadingBatch
from bypuls.series.refusals import TooMuch
from bypuls.series.request import MOST_READINGS, SeriesRequest, advice, nearest_fit, percent
from bypuls.store.database import Database
from bypuls.store.facts import StreamFacts
from bypuls.store.hours import HOUR, hour_edges, read_hours
from bypuls.store.ranges import estimate_readings, read_last_before, read_readings

Times = NDArray[np.int64]
Values = NDArray[np.float64]

READINGS_AT_ONCE = 500_000
"""11 MB, and some 40 MB while they are summed up."""

HOURS_AT_ONCE = 100_000
"""Rollups of one kind of stream: 15 MB, and as much again in the form in which they come."""


class Source(StrEnum):
    """What a series was made from."""

    ROLLUPS = "rollups"
    READINGS = "readings"


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of streams that are summed up alike: a summary, complete if need be, and percentiles.

    `percentiles`: by statistic, float64 (s, w), the streams in the order of `streams`.
    """

    streams: Sequence[StreamFacts]
    summary: Summary
    percentiles: dict[str, Values]


def choose_source(request: SeriesRequest, edges: Times) -> Source:
    """Return ROLLUPS if the windows are whole hours (UTC) and nothing asked for needs the readings."""
    whole = not (edges % HOUR).any()
    return Source.ROLLUPS if whole and not request.needs_readings else Source.READINGS


def read(database: Database, request: SeriesRequest, edges: Times) -> list[Found]:
    """Read and sum up the streams of a request over its windows.

    Works window by window through what doesn't fit into memory. Raises TooMuch, QueryTooSlow,
    StoreUnavailable.
    """
    parts = _parts_of_rollups if choose_source(request, edges) is Source.ROLLUPS else _parts_of_readings
    groups: Groups = {}
    for facts in request.streams:
        groups.setdefault(facts.averaging, []).append(facts)
    summaries: dict[Averaging, list[Summary]] = {averaging: [] for averaging in groups}
    ranked = {averaging: _room(request, len(group), len(edges) - 1) for averaging, group in groups.items()}
    for at, part in parts(database, request, groups, edges):
        for averaging, (summary, columns) in part.items():
            summaries[averaging].append(replace(summary, window=summary.window + at.start))
            for name, column in columns.items():
                ids = _ids(groups[averaging])
                ranked[averaging][name][:, at] = dense(column, summary, ids, at.stop - at.start)
    earlier = _read_earlier(database, request, int(edges[0]))
    found = []
    for averaging, group in groups.items():
        summary = together(summaries[averaging])
        whole = _complete(summary, averaging, _ids(group), earlier, edges, request)
        found.append(Found(group, whole, ranked[averaging]))
    return found


Part = tuple[slice, dict[Averaging, tuple[Summary, dict[str, Values]]]]
Groups = dict[Averaging, list[StreamFacts]]


def _parts_of_rollups(
    database: Database, request: SeriesRequest, groups: Groups, edges: Times
) -> Iterator[Part]:
    work = len(request.streams) * int((edges[-1] - edges[0]) // HOUR)
    if work > MOST_READINGS:
        raise TooMuch(
            f"{len(request.streams)} streams have {work:,} hours in this range; the limit is "
            f"{MOST_READINGS:,}. {advice(None)}"
        )
    with database.connection() as connection:
        ids = [facts.stream_id for facts in request.streams]
        waiting = estimate_readings(connection, ids, int(edges[0]), int(edges[-1])).waiting
    if waiting > MOST_READINGS:
        raise TooMuch(
            f"Hours with about {waiting:,} raw readings still wait for their rollups; the limit is "
            f"{MOST_READINGS:,}. {advice(None)} Or ask again when `bypuls maintain` has made them."
        )
    for at in _portions(len(edges) - 1, work, HOURS_AT_ONCE):
        some = edges[at.start : at.stop + 1]
        first, last = int(some[0] // HOUR), int(some[-1] // HOUR)
        with database.connection() as connection:
            found = read_hours(connection, request.streams, first, last, lambda kind: _columns(kind, request))
        hours = hour_edges(first, last)
        if len(hours) != len(some):
            found = {
                averaging: merge(each, hours, some, hold=averaging.hold, modulus=averaging.modulus)
                for averaging, each in found.items()
            }
        yield at, {averaging: (found[averaging], {}) for averaging in groups}


def _parts_of_readings(
    database: Database, request: SeriesRequest, groups: Groups, edges: Times
) -> Iterator[Part]:
    ids = [facts.stream_id for facts in request.streams]
    with database.connection() as connection:
        work = estimate_readings(connection, ids, int(edges[0]), int(edges[-1])).all
    if work > MOST_READINGS:
        step = None if request.needs_readings else nearest_fit(request, only_hours=True)
        raise TooMuch(
            f"This takes about {work:,} raw readings; the limit is {MOST_READINGS:,}. {advice(step)}"
        )
    for at in _portions(len(edges) - 1, max(work, _expected(request, edges)), READINGS_AT_ONCE):
        some = edges[at.start : at.stop + 1]
        with database.connection() as connection:
            readings = read_readings(connection, ids, int(some[0]), int(some[-1]))
        yield (
            at,
            {how: _sum_up(readings, how, group, some, request) for how, group in groups.items()},
        )


def _sum_up(
    readings: ReadingBatch,
    averaging: Averaging,
    group: list[StreamFacts],
    edges: Times,
    request: SeriesRequest,
) -> tuple[Summary, dict[str, Values]]:
    if len(group) < len(request.streams):
        readings = readings.take(np.isin(readings.stream, _ids(group)))
    finite = np.isfinite(readings.value)  # an operator may void a reading by NaN
    excluded = ~finite
    if not request.include_flagged:
        excluded |= (readings.flags & CERTAINLY_WRONG) != 0
    columns = (readings.stream, readings.time, np.where(finite, readings.value, 0.0))
    kind, names = averaging.kind, _percentile_names(request)
    summary = summarise(
        *columns,
        edges=edges,
        kind=kind,
        hold=averaging.hold,
        modulus=averaging.modulus,
        excluded=excluded,
        columns=_columns(kind, request),
        q=[percent(name) or 0.0 for name in names],
    )
    if summary.percentiles is None:
        return summary, {}
    return summary, dict(zip(names, summary.percentiles.T, strict=True))


def _read_earlier(database: Database, request: SeriesRequest, time: int) -> ReadingBatch:
    """Read the readings before the first window, of those streams for which they tell something."""
    asked = [facts.stream_id for facts in request.streams if _needs_neighbours(facts.kind, request)]
    if not asked:
        return ReadingBatch.empty()
    with database.connection() as connection:
        return read_last_before(connection, asked, time, include_flagged=request.include_flagged)


def _needs_neighbours(kind: Kind, request: SeriesRequest) -> bool:
    """Tell whether a window's statistics depend on the readings before and after it."""
    return kind in (Kind.COUNTER, Kind.STATE) or "time_weighted" in request.statistics


def _columns(kind: Kind, request: SeriesRequest) -> Collection[str]:
    """Return the columns that are needed: to read or make them all is most of the work of a long series."""
    if _needs_neighbours(kind, request):
        return MOMENTS + EXTRA[kind]
    return columns_of(kind, (name for name in request.all_statistics if percent(name) is None))


def _complete(
    summary: Summary,
    averaging: Averaging,
    ids: NDArray[np.int32],
    earlier: ReadingBatch,
    edges: Times,
    request: SeriesRequest,
) -> Summary:
    if not _needs_neighbours(summary.kind, request):
        return replace(summary, complete=True)
    mine = earlier.take(np.isin(earlier.stream, ids))
    return complete(
        summary,
        edges,
        hold=averaging.hold,
        modulus=averaging.modulus,
        before=Earlier(mine.stream, mine.time, mine.value),
        until=request.now,
    )


def _portions(windows: int, work: int, at_once: int) -> Iterator[slice]:
    """Part the windows into runs of about `at_once` rows of work each."""
    count = min(windows, max(1, ceil(work / at_once)))
    cuts = np.linspace(0, windows, count + 1).astype(int).tolist()
    return (slice(begin, end) for begin, end in pairwise(cuts))


def _expected(request: SeriesRequest, edges: Times) -> int:
    """Return how many readings there would be if none were missing, as far as intervals are known."""
    seconds = (min(int(edges[-1]), request.now) - int(edges[0])) / 1e6
    rates = np.array([1 / facts.interval for facts in request.streams])
    return max(0, int(seconds * np.nansum(rates)))


def _room(request: SeriesRequest, streams: int, windows: int) -> dict[str, Values]:
    return {name: np.full((streams, windows), np.nan) for name in _percentile_names(request)}


def _percentile_names(request: SeriesRequest) -> list[str]:
    return [name for name in request.statistics if percent(name) is not None]


def _ids(streams: Sequence[StreamFacts]) -> NDArray[np.int32]:
    return np.array([facts.stream_id for facts in streams], np.int32)

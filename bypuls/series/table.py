"""Tables: streams aligned on one axis of windows, missing values as NaN."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.dense import dense
from bypuls.numeric.filling import Filling, fill
from bypuls.numeric.kinds import Kind
from bypuls.numeric.statistics import statistics
from bypuls.series.request import COUNTS, UNITLESS, SeriesRequest, check, percent
from bypuls.series.source import Found, Source, choose_source, read
from bypuls.series.spatial import Spatial, spatial_mean
from bypuls.store.database import Database
from bypuls.store.facts import StreamFacts

Values = NDArray[Any]
Mask = NDArray[np.bool_]

_FILLED = frozenset({"mean", "min", "max", "first", "last", "time_weighted", "share"})


@dataclass(frozen=True, slots=True)
class Series:
    """One stream of a table: columns (w,) by statistic, float64 or, for counts, int64.

    `excluded` counts the readings left out as certainly wrong; `removed` the windows that are empty because
    retention removed raw readings of them; `withheld` those whose values were taken out since their coverage
    was too low or unknown; `filled` tells by statistic which values stand in for missing ones, bool (w,).
    """

    facts: StreamFacts
    source: Source
    values: dict[str, Values]
    excluded: int = 0
    removed: int = 0
    withheld: int = 0
    filled: dict[str, Mask] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """Series on one time axis; `time` int64 (w,), where the windows start, `end` where the last one ends.

    `partial`, bool (w,), marks the windows that aren't over; `zone` is None where they aren't civil. Where
    the rows are readings instead of windows, `thinned_from` says out of how many they were chosen.
    """

    every: str
    zone: str | None
    time: NDArray[np.int64]
    start: int
    end: int
    partial: Mask
    series: list[Series]
    spatial: Spatial | None = None
    thinned_from: int | None = None


def build(database: Database, request: SeriesRequest) -> Table:
    """Make the table that a request asks for.

    First what has too little coverage is taken out, then the spatial mean is made of what is left, then gaps
    are filled. Raises Refused, TooMuch, QueryTooSlow, StoreUnavailable.
    """
    check(request)
    edges = request.edges()
    source = choose_source(request, edges)
    # A window that hasn't begun has nothing that could be filled.
    begun = int(np.searchsorted(edges[:-1], request.now))
    made: dict[int, Series] = {}
    means: list[Values] = []
    for found in read(database, request, edges):
        columns = _columns(found, request, edges)
        excluded = _excluded(found, len(edges) - 1)
        removed = np.zeros(len(found.streams), np.int64)
        if source is Source.READINGS:
            removed = _blank_removed(columns, found.streams, edges)
        withheld = _withhold(columns, request.min_coverage)
        if request.spatial:
            means.append(columns["mean"].copy())  # gaps are filled in place
        columns = {name: columns[name] for name in request.statistics}
        filled = _fill(columns, found.summary.kind, request, begun)
        for row, facts in enumerate(found.streams):
            made[facts.stream_id] = Series(
                facts,
                source,
                {name: matrix[row] for name, matrix in columns.items()},
                int(excluded[row]),
                int(removed[row]),
                int(withheld[row]),
                {name: mask[row] for name, mask in filled.items()},
            )
    return Table(
        every=str(request.step),
        zone=None if request.step.unit is None else request.zone.key,
        time=edges[:-1],
        start=int(edges[0]),
        end=int(edges[-1]),
        partial=edges[1:] > request.now,
        series=[made[facts.stream_id] for facts in request.streams],
        spatial=spatial_mean(request.streams[0], np.concatenate(means)) if means else None,
    )


def _columns(found: Found, request: SeriesRequest, edges: NDArray[np.int64]) -> dict[str, Values]:
    """Lay out the statistics of streams of one kind as matrices (s, w)."""
    names = [name for name in request.all_statistics if percent(name) is None]
    ids = np.array([facts.stream_id for facts in found.streams], np.int32)
    intervals = np.array([facts.interval for facts in found.streams])
    order = np.argsort(ids)
    summary = found.summary
    of_rows = intervals[order][np.searchsorted(ids, summary.stream, sorter=order)]
    columns = statistics(summary, names, edges=edges, interval=of_rows)
    matrices = {
        name: dense(column, summary, ids, len(edges) - 1) for name, column in columns.items()
    } | found.percentiles
    known = np.ones(len(ids), np.bool_) if summary.kind is Kind.STATE else ~np.isnan(intervals)
    for name in COUNTS & matrices.keys():
        matrices[name] = np.nan_to_num(matrices[name]).astype(np.int64)
    if "n_expected" in matrices:  # of windows without a reading too
        matrices["n_expected"] = np.diff(edges) / 1e6 / intervals[:, None]
    if "coverage" in matrices:
        matrices["coverage"][np.isnan(matrices["coverage"]) & known[:, None]] = 0.0
    return matrices


def _excluded(found: Found, windows: int) -> NDArray[np.int64]:
    """Return how many readings of each stream were left out, in all windows."""
    ids = np.array([facts.stream_id for facts in found.streams], np.int32)
    by_window = dense(found.summary.n_excluded.astype(np.float64), found.summary, ids, windows)
    count: NDArray[np.int64] = np.nansum(by_window, axis=1).astype(np.int64)
    return count


def _blank_removed(
    columns: dict[str, Values], streams: Sequence[StreamFacts], edges: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Take out, in place, the windows of which retention removed raw readings: the rest would mislead.

    Returns how many windows each stream lost.
    """
    removed = edges[:-1] < np.array([facts.raw_from for facts in streams])[:, None]
    for name, matrix in columns.items():
        matrix[removed] = 0 if name in COUNTS else np.nan
    count: NDArray[np.int64] = np.count_nonzero(removed, axis=1)
    return count


def _withhold(columns: dict[str, Values], least: float) -> NDArray[np.int64]:
    """Take out the values of windows with too little coverage; return in how many windows of each stream."""
    some = next(iter(columns.values()))
    hit = np.zeros(some.shape, np.bool_)
    if least > 0:
        low = ~(columns["coverage"] >= least)
        for name in columns.keys() - COUNTS - {"coverage"}:
            hit |= low & ~np.isnan(columns[name])
            columns[name][low] = np.nan
    count: NDArray[np.int64] = np.count_nonzero(hit, axis=1)
    return count


def _fill(columns: dict[str, Values], kind: Kind, request: SeriesRequest, begun: int) -> dict[str, Mask]:
    """Fill the gaps of values, in place; return what was filled, by statistic."""
    masks: dict[str, Mask] = {}
    if request.filling is Filling.NONE:
        return masks
    for name, matrix in columns.items():
        if name not in _FILLED and percent(name) is None:
            continue
        masks[name] = np.zeros(matrix.shape, np.bool_)
        matrix[:, :begun], masks[name][:, :begun] = fill(
            matrix[:, :begun],
            request.filling,
            most=request.longest_gap,
            circular=kind is Kind.CIRCULAR and name not in UNITLESS,
        )
    return masks

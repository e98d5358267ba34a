"""Merging: rows of finer windows make up the rows of coarser ones, such as hours those of days."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.edges import check_edges, windows_of
from bypuls.numeric.groups import run_lengths, run_starts
from bypuls.numeric.kinds import Kind
from bypuls.numeric.steps import check_modulus, holding, microseconds, rise
from bypuls.numeric.summary import EXTRA, MOMENTS, OUT_OF_RANGE, Columns, Summary, blank

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Rows = NDArray[np.intp]


def merge(
    summary: Summary,
    edges_from: Times,
    edges_to: Times,
    *,
    hold: float = np.inf,
    modulus: float | None = None,
) -> Summary:
    """Merge the rows of each stream whose windows lie in one coarser window.

    `edges_from` are the edges that the summary was made with, `edges_to` the coarser ones; both int64,
    ascending, and `hold` and `modulus` as it was made with. Rows outside `edges_to` are left out. The result
    is what `summarise` gives for the readings and `edges_to`, to rounding: the steps between the rows that
    meet are added. Percentiles don't merge. Raises ValueError where a finer window lies in two coarser
    ones, and for a complete summary, whose rows already hold parts of each other.
    Means and squares are merged by Chan's formula (Chan, Golub and LeVeque 1983).
    """
    longest = microseconds(hold)
    check_modulus(modulus)
    if summary.complete:
        raise ValueError("a complete summary can't be merged: merge first, then complete")
    summary.check_order()
    coarse = _coarse(edges_from, edges_to)[summary.window]
    inside = (coarse >= 0) & (coarse < len(edges_to) - 1)
    part, coarse = take(summary, inside), coarse[inside]
    every = run_starts(part.stream, coarse)
    if len(every) == 0:
        return replace(part, window=coarse)
    n = np.add.reduceat(part.n, every)
    live = part.n > 0
    columns = {name: column.copy() for name, column in blank(part.kind, len(every)).items()}
    if live.any():
        with np.errstate(**OUT_OF_RANGE):
            merged = _merge(take(part, live), coarse[live], longest, modulus)
        for name, column in merged.items():
            columns[name][n > 0] = column
    excluded = np.add.reduceat(part.n_excluded, every)
    return Summary(part.kind, part.stream[every], coarse[every], n, excluded, **columns)


def take(summary: Summary, which: NDArray[np.bool_] | Rows) -> Summary:
    """Return the rows at these positions, or where the mask is true."""
    columns = {name: column[which] for name, column in summary.columns().items()}
    index = (summary.stream[which], summary.window[which], summary.n[which], summary.n_excluded[which])
    return Summary(summary.kind, *index, **columns, complete=summary.complete)


def together(parts: Sequence[Summary]) -> Summary:
    """Put the rows of several summaries of one kind, at least one, in order; no row stands in two of them."""
    if len(parts) == 1:
        return parts[0]
    kind = parts[0].kind
    names = ("stream", "window", "n", "n_excluded", *MOMENTS, *EXTRA[kind])
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.lexsort((columns["window"], columns["stream"]))
    ordered: Columns = {name: column[order] for name, column in columns.items()}
    return Summary(kind, **ordered)


def _coarse(edges_from: Times, edges_to: Times) -> Counts:
    """Return the coarser window of each finer one, also outside the range."""
    check_edges(edges_from)
    check_edges(edges_to)
    first, last = windows_of(edges_from[:-1], edges_to), windows_of(edges_from[1:] - 1, edges_to)
    first, last = np.maximum(first, -1), np.clip(last, -1, len(edges_to) - 1)
    first = np.minimum(first, len(edges_to) - 1)
    split = np.flatnonzero(first != last)
    if len(split):
        window = int(split[0])
        raise ValueError(
            f"window {window}, [{edges_from[window]}, {edges_from[window + 1]}), lies in two of the coarser "
            "ones: does the zone keep half hours?"
        )
    return first


def _merge(part: Summary, coarse: Counts, longest: int, modulus: float | None) -> Columns:
    """Merge rows that all have readings."""
    old = part.columns()
    starts = run_starts(part.stream, coarse)
    counts = run_lengths(starts, len(coarse))
    ends = starts + counts - 1
    n = np.add.reduceat(part.n, starts)

    def weighed(column: Values) -> Values:
        base = column[starts]
        return base + np.add.reduceat(part.n * (column - np.repeat(base, counts)), starts) / n

    mean = weighed(part.mean)
    away = part.mean - np.repeat(mean, counts)
    columns: Columns = {
        "mean": mean,
        "m2": np.add.reduceat(part.m2 + part.n * away * away, starts),
        "minimum": np.minimum.reduceat(part.minimum, starts),
        "maximum": np.maximum.reduceat(part.maximum, starts),
        "first": part.first[starts],
        "last": part.last[ends],
        "first_time": part.first_time[starts],
        "last_time": part.last_time[ends],
    }
    joins = _joins(part, longest, modulus)
    for name in EXTRA[part.kind]:
        if name in joins:
            joins[name][starts] = 0
            columns[name] = np.add.reduceat(old[name] + joins[name], starts)
        elif name == "sum":
            columns[name] = np.add.reduceat(old[name], starts)
        else:
            columns[name] = weighed(old[name])
    return columns


def _joins(part: Summary, longest: int, modulus: float | None) -> Columns:
    """Return what the step from the row before adds to each column; the first row's is for nothing."""
    columns: Columns = {}
    before, after = np.roll(part.last, 1), part.first
    if part.kind is Kind.COUNTER:
        columns["increase"], reset = rise(before, after, modulus)
        columns["resets"] = reset.astype(np.int64)
    if part.kind is Kind.STATE:
        columns["changes"] = (before != after).astype(np.int64)
    if "held" in EXTRA[part.kind]:
        seconds = np.minimum(part.first_time - np.roll(part.last_time, 1), longest) / 1e6
        columns |= {"held": seconds * holding(part.kind, before), "held_seconds": seconds}
    return columns

"""Completion: what the readings before and after a window tell of the time inside it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.edges import check_edges, windows_of
from bypuls.numeric.kinds import Kind
from bypuls.numeric.steps import check_modulus, holding, microseconds, rise
from bypuls.numeric.summary import EXTRA, OUT_OF_RANGE, Summary, blank

Streams = NDArray[np.int32]
Times = NDArray[np.int64]
Values = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Earlier:
    """The last reading, excluded ones aside, of each stream before a range; all (s,), by ascending stream."""

    stream: Streams
    time: Times
    value: Values

    def __post_init__(self) -> None:
        if not len(self.stream) == len(self.time) == len(self.value):
            raise ValueError("the columns of the earlier readings must have one length")
        if not (np.diff(self.stream.astype(np.int64)) > 0).all():
            raise ValueError("the earlier readings must ascend by stream, one for each")
        if not np.isfinite(self.value).all():
            raise ValueError(
                "an earlier reading is NaN or infinite: it is left out, and the one before it taken"
            )


NOTHING_EARLIER = Earlier(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0))


def complete(
    summary: Summary,
    edges: Times,
    *,
    hold: float = np.inf,
    modulus: float | None = None,
    before: Earlier = NOTHING_EARLIER,
    until: int | None = None,
) -> Summary:
    """Add to each window what its neighbours contribute, and the windows that only they cover.

    `edges` int64 (w + 1,), `hold` and `modulus` as the summary was made with; `before`: the readings before
    edges[0]; `until` (us since 1970): how far a stream's last value can be said to hold, by default up to the
    last edge. A step belongs to the window of its later reading: a meter's increase (NaN where no reading
    came before a lone one), its reset, a change of state. Holding is split at the edges: each value holds
    until the next reading, `hold` seconds at the longest, through windows without readings too: those get a
    row with n = 0.
    Raises ValueError for a complete summary, rows out of order, an earlier reading not before edges[0].
    """
    longest = microseconds(hold)
    check_modulus(modulus)
    check_edges(edges)
    summary.check_order()
    if summary.complete:
        raise ValueError("the summary is complete already")
    if (before.time >= edges[0]).any():
        raise ValueError(f"an earlier reading isn't before the first edge {edges[0]}")
    with np.errstate(**OUT_OF_RANGE):
        stepped = _with_steps(summary, before, modulus)
        if "held" in EXTRA[summary.kind]:
            end = int(edges[-1]) if until is None else min(until, int(edges[-1]))
            stepped = _with_holding(stepped, edges, before, longest, end)
    return replace(stepped, complete=True)


def _with_steps(summary: Summary, before: Earlier, modulus: float | None) -> Summary:
    """Add the steps to each row's first reading from the one before it."""
    if summary.kind not in (Kind.COUNTER, Kind.STATE):
        return summary
    live = np.flatnonzero(summary.n > 0)
    stream, after = summary.stream[live], summary.first[live]
    earlier = np.full(len(live), np.nan)
    leads = np.ones(len(live), np.bool_)
    leads[1:] = stream[1:] != stream[:-1]
    earlier[1:] = summary.last[live][:-1]
    earlier[leads] = np.nan
    if len(before.stream):
        place = np.minimum(np.searchsorted(before.stream, stream), len(before.stream) - 1)
        known = leads & (before.stream[place] == stream)
        earlier[known] = before.value[place[known]]
    known = ~np.isnan(earlier)
    live, earlier, after = live[known], earlier[known], after[known]
    columns = summary.columns()
    if summary.kind is Kind.STATE:
        changes = columns["changes"].copy()
        changes[live] += earlier != after
        return replace(summary, changes=changes)
    step, reset = rise(earlier, after, modulus)
    increase, resets = columns["increase"].copy(), columns["resets"].copy()
    increase[live] += step
    resets[live] += reset
    lone = summary.n == 1
    lone[live] = False
    increase[lone] = np.nan
    return replace(summary, increase=increase, resets=resets)


def _with_holding(summary: Summary, edges: Times, before: Earlier, longest: int, end: int) -> Summary:
    """Let the last value of each row, and each earlier one, hold until the next reading."""
    live = summary.n > 0
    stream = np.concatenate([before.stream, summary.stream[live]])
    begin = np.concatenate([before.time, summary.last_time[live]])
    value = np.concatenate([before.value, summary.last[live]])
    following = np.concatenate([before.time, summary.first_time[live]])
    order = np.lexsort((begin, stream))
    stream, begin, value, following = stream[order], begin[order], value[order], following[order]
    close = np.full(len(stream), end)
    goes_on = stream[1:] == stream[:-1]
    close[:-1][goes_on] = following[1:][goes_on]
    close = np.minimum(close, begin + longest)
    begin = np.maximum(begin, edges[0])
    some = close > begin
    piece, window, seconds = _cut(begin[some], close[some], edges)
    held = seconds * holding(summary.kind, value[some])[piece]
    return _add(summary, stream[some][piece], window, held, seconds)


def _cut(begin: Times, close: Times, edges: Times) -> tuple[NDArray[np.intp], Counts, Values]:
    """Cut spans of time at the edges: return for each piece its span, its window and its seconds."""
    first, last = windows_of(begin, edges), windows_of(close - 1, edges)
    counts = last - first + 1
    span = np.repeat(np.arange(len(begin)), counts)
    window = first[span] + np.arange(len(span)) - np.repeat(np.cumsum(counts) - counts, counts)
    low, high = np.maximum(begin[span], edges[window]), np.minimum(close[span], edges[window + 1])
    return span, window, (high - low) / 1e6


def _add(summary: Summary, stream: Streams, window: Counts, held: Values, seconds: Values) -> Summary:
    """Add pieces of holding to their rows, with new rows where there are none."""
    old = (summary.stream.astype(np.int64) << 32) | summary.window
    new = (stream.astype(np.int64) << 32) | window
    keys = np.union1d(old, new)
    rows, to = np.searchsorted(keys, old), np.searchsorted(keys, new)
    columns = {name: column.copy() for name, column in blank(summary.kind, len(keys)).items()}
    for name, column in summary.columns().items():
        columns[name][rows] = column
    columns["held"] += np.bincount(to, held, len(keys))
    columns["held_seconds"] += np.bincount(to, seconds, len(keys))
    n, n_excluded = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    n[rows], n_excluded[rows] = summary.n, summary.n_excluded
    return Summary(summary.kind, (keys >> 32).astype(np.int32), keys & 0xFFFFFFFF, n, n_excluded, **columns)

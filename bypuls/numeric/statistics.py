"""Statistics: named columns from the summaries of one kind."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.kinds import Kind
from bypuls.numeric.summary import EXTRA, OUT_OF_RANGE, Summary

Times = NDArray[np.int64]
Values = NDArray[np.float64]

NO_DIRECTION = 1e-12
"""A mean unit vector shorter than this points nowhere: the unit vectors cancel, and rounding is left."""

_COMMON = ("mean", "n", "n_expected", "n_excluded", "first", "last", "coverage")
STATISTICS: dict[Kind, tuple[str, ...]] = {
    Kind.LINEAR: (*_COMMON, "min", "max", "std", "time_weighted"),
    Kind.CIRCULAR: (*_COMMON, "std", "steadiness"),
    Kind.ENERGETIC: (*_COMMON, "min", "max", "std", "time_weighted"),
    Kind.TOTAL: (*_COMMON, "min", "max", "std", "sum"),
    Kind.COUNTER: (*_COMMON, "min", "max", "increase", "resets"),
    Kind.STATE: (*_COMMON, "share", "changes"),
}
"""What each kind has; there is no smallest direction, and the std of a meter says nothing."""


def statistics(
    summary: Summary, names: Iterable[str], *, edges: Times, interval: Values | None = None
) -> dict[str, Values]:
    """Return the named statistics of each row; the summary is complete, or its windows are taken alone.

    Shapes: edges int64 (w + 1,), those of the summary; interval float64 (r,), the expected seconds between
    readings of each row's stream, NaN where unknown. Returns float64 (r,) columns, in the stream's unit.
    - `mean`: by kind, the arithmetic mean, the direction of the mean unit vector in [0, 360) (NaN if it is
      shorter than 1e-12), the level of the mean energy, the sum, the increase, the share of time in state 1.
    - `std`: of the population (ddof = 0), of levels in dB; circular: sqrt(-2 ln R) in degrees, R the
      steadiness, the length of the mean unit vector (Mardia and Jupp 2000, 2.3.4).
    - `time_weighted`: the mean over the time in which a value is known; of levels, by energy.
    - `n_expected`: how many readings the whole window should have, NaN without an interval.
    - `coverage`: n by the n expected in the whole window, at most 1, NaN without an interval; of states, the
      share of the window in which the state is known.
    NaN where there is nothing to tell, or it leaves the range of a float64. Raises ValueError for a statistic
    that the kind doesn't have.
    """
    names = list(names)
    for name in names:
        if name not in STATISTICS[summary.kind]:
            known = ", ".join(STATISTICS[summary.kind])
            raise ValueError(f"{summary.kind} values have no statistic {name!r}, but {known}")
    if interval is not None and interval.shape != summary.stream.shape:
        raise ValueError(f"{len(summary)} rows need as many intervals, not the shape {interval.shape}")
    if interval is not None and (interval <= 0).any():
        raise ValueError(f"an interval is {np.nanmin(interval)} s; where it is unknown it is NaN")
    with np.errstate(**OUT_OF_RANGE):
        return {name: _in_range(_statistic(name, summary, edges, interval)) for name in names}


def columns_of(kind: Kind, names: Iterable[str]) -> frozenset[str]:
    """Return the columns of a summary from which these statistics are made; to complete it takes them all."""
    own: dict[str, tuple[str, ...]] = dict(_COLUMNS)
    if kind is Kind.LINEAR:
        own["mean"] = ("mean",)
    if kind is not Kind.CIRCULAR:
        own["std"] = ("mean", "m2")
    if kind is not Kind.STATE:
        own["coverage"] = ()
    return frozenset().union(*(own.get(name, EXTRA[kind]) for name in names))


def direction(cosine: Values, sine: Values) -> Values:
    """Return the direction of a mean unit vector, degrees in [0, 360); NaN if it is shorter than 1e-12."""
    angle = np.rad2deg(np.arctan2(sine, cosine)) % 360.0
    # A tiny negative angle becomes 360 itself by rounding.
    angle = np.where(angle == 360.0, 0.0, angle)
    return np.where(np.hypot(cosine, sine) < NO_DIRECTION, np.nan, angle)


def level(energy: Values) -> Values:
    """Return 10 log10 of an energy, the level in dB."""
    decibel: Values = 10 * np.log10(energy)
    return decibel


def _statistic(name: str, summary: Summary, edges: Times, interval: Values | None) -> Values:
    if name not in ("n_expected", "coverage"):
        return _FUNCTIONS[name](summary)
    seconds = np.diff(edges)[summary.window] / 1e6
    if name == "coverage" and summary.held_seconds is not None and summary.kind is Kind.STATE:
        return np.minimum(summary.held_seconds / seconds, 1.0)
    if interval is None:
        return np.full(len(summary), np.nan)
    return seconds / interval if name == "n_expected" else np.minimum(summary.n * interval / seconds, 1.0)


def _in_range(column: Values) -> Values:
    # A sum costs half of looking at each value; one that isn't finite only leads to the closer look.
    if np.isfinite(column.sum()):
        return column
    return np.where(np.isfinite(column), column, np.nan)


def _ratio(total: Values, by: Values) -> Values:
    quotient = np.full(len(total), np.nan)
    np.divide(total, by, out=quotient, where=by > 0)
    return quotient


def _mean(summary: Summary) -> Values:
    columns = summary.columns()
    match summary.kind:
        case Kind.CIRCULAR:
            return direction(columns["cosine"], columns["sine"])
        case Kind.ENERGETIC:
            return level(columns["energy"])
        case Kind.TOTAL:
            total: Values = columns["sum"]
            return total
        case Kind.COUNTER:
            return _increase(summary)
        case Kind.STATE:
            return _share(summary)
    return summary.mean


def _std(summary: Summary) -> Values:
    if summary.kind is not Kind.CIRCULAR:
        return np.sqrt(summary.m2 / np.maximum(summary.n, 1))
    length = _steadiness(summary)
    degrees: Values = np.rad2deg(np.sqrt(-2 * np.log(np.where(length < NO_DIRECTION, np.nan, length))))
    return degrees + 0.0  # the root of -0.0 is -0.0


def _steadiness(summary: Summary) -> Values:
    columns = summary.columns()
    length: Values = np.hypot(columns["cosine"], columns["sine"])
    return np.minimum(length, 1.0)


def _increase(summary: Summary) -> Values:
    """Return the increase; a lone reading tells of none as long as its row is alone."""
    increase = summary.columns()["increase"]
    return increase if summary.complete else np.where(summary.n > 1, increase, np.nan)


def _share(summary: Summary) -> Values:
    columns = summary.columns()
    return _ratio(columns["held"], columns["held_seconds"])


def _time_weighted(summary: Summary) -> Values:
    mean = _share(summary)
    return level(mean) if summary.kind is Kind.ENERGETIC else mean


def _column(name: str) -> Callable[[Summary], Values]:
    return lambda summary: getattr(summary, name).astype(np.float64, copy=False)


_FUNCTIONS: dict[str, Callable[[Summary], Values]] = {
    "mean": _mean,
    "std": _std,
    "steadiness": _steadiness,
    "increase": _increase,
    "share": _share,
    "time_weighted": _time_weighted,
    "min": _column("minimum"),
    "max": _column("maximum"),
    "resets": lambda summary: np.where(summary.n > 0, _column("resets")(summary), np.nan),
} | {name: _column(name) for name in ("n", "n_excluded", "first", "last", "sum", "changes")}

_COLUMNS = {
    "n": (),
    "n_expected": (),
    "n_excluded": (),
    "min": ("minimum",),
    "max": ("maximum",),
    "first": ("first",),
    "last": ("last",),
}
"""What statistics of all kinds are made from; the others, but for a few, from the columns of their kind."""

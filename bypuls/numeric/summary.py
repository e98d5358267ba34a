"""Summaries: the state of each (stream, window), made from readings and fit to be merged."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.groups import Groups, check_readings, group, run_lengths
from bypuls.numeric.kinds import Kind
from bypuls.numeric.parts import in_parts
from bypuls.numeric.steps import check_modulus, energy, holding, microseconds, rise

Streams = NDArray[np.int32]
Times = NDArray[np.int64]
Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
Columns = dict[str, Any]

NO_TIME = int(np.iinfo(np.int64).min)
"""`first_time` and `last_time` of a window without readings."""

MOMENTS = ("mean", "m2", "minimum", "maximum", "first", "last", "first_time", "last_time")
EXTRA: dict[Kind, tuple[str, ...]] = {
    Kind.LINEAR: ("held", "held_seconds"),
    Kind.CIRCULAR: ("cosine", "sine"),
    Kind.ENERGETIC: ("energy", "held", "held_seconds"),
    Kind.TOTAL: ("sum",),
    Kind.COUNTER: ("increase", "resets"),
    Kind.STATE: ("changes", "held", "held_seconds"),
}
"""The columns that a kind has besides those of all kinds."""

INTEGERS = frozenset({"first_time", "last_time", "resets", "changes"})
ADDITIVE = frozenset({"resets", "changes", "held", "held_seconds"})
"""Columns that are 0, not NaN, where there is no reading: nothing was counted and nothing held."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One row per (stream, window), ordered by them; `window` is an index into the edges it was made with.

    Shapes: all (r,). `mean` and `m2` (the sum of squared distances from it) are those of the plain numbers,
    for directions and levels too. Values are NaN and times NO_TIME where n = 0. What a kind needs, else None:
    circular `cosine` and `sine`, means over the unit vectors; energetic `energy`, the mean of 10**(L/10);
    total `sum`; counter `increase` and `resets` from reading to reading; state `changes`; and, but for
    circular, total and counter, `held`, the integral of the value over the time in which it is known (of the
    energy for levels), and the length of that time, `held_seconds`.
    Until `complete`, a row knows only what lies between its own first and last reading, whatever its
    neighbours: so late readings touch one row, and rows merge. `bypuls.numeric.completion` adds the rest.
    """

    kind: Kind
    stream: Streams
    window: Counts
    n: Counts
    n_excluded: Counts
    mean: Values
    m2: Values
    minimum: Values
    maximum: Values
    first: Values
    last: Values
    first_time: Times
    last_time: Times
    cosine: Values | None = None
    sine: Values | None = None
    energy: Values | None = None
    sum: Values | None = None
    increase: Values | None = None
    resets: Counts | None = None
    changes: Counts | None = None
    held: Values | None = None
    held_seconds: Values | None = None
    complete: bool = False

    def __len__(self) -> int:
        return len(self.stream)

    def columns(self) -> Columns:
        """Return the columns that the kind has, by name, without stream, window and the counts."""
        return {name: getattr(self, name) for name in MOMENTS + EXTRA[self.kind]}

    def check_order(self) -> None:
        """Raise ValueError unless the rows ascend by (stream, window)."""
        stream, window = self.stream, self.window
        ascends = (stream[1:] > stream[:-1]) | ((stream[1:] == stream[:-1]) & (window[1:] > window[:-1]))
        if not ascends.all():
            row = int(np.argmin(ascends)) + 1
            raise ValueError(f"rows must ascend by (stream, window): row {row} doesn't follow the one before")


def summarise(
    stream: Streams,
    time: Times,
    value: Values,
    *,
    edges: Times,
    kind: Kind,
    hold: float = np.inf,
    modulus: float | None = None,
    excluded: Mask | None = None,
) -> Summary:
    """Summarise readings of one kind: one row for each stream and window that has any.

    Shapes: stream int32, time int64 (us since 1970), value float64, excluded bool, all (n,), in any order,
    by (stream, time) the fastest; edges int64 (w + 1,), ascending. A reading belongs to window i if
    edges[i] <= time < edges[i + 1], and to none outside the edges. `excluded` ones are only counted. `hold`:
    seconds for which a value is taken to last if no other follows. `modulus`: where a meter rolls over.
    Raises ValueError for NaN or infinite values, columns of different length, edges that don't ascend.
    Means and squares are centred (corrected two-pass algorithm: Chan, Golub and LeVeque 1983).
    """
    longest = microseconds(hold)
    check_modulus(modulus)
    check_readings(stream, time, value, edges, excluded)

    def work(stream: Streams, time: Times, value: Values, excluded: Mask | None) -> Summary:
        return _of_groups(kind, group(stream, time, value, edges, excluded), longest, modulus)

    return _one_above_other(in_parts(work, stream, time, value, excluded))


def blank(kind: Kind, rows: int) -> Columns:
    """Return the columns of a kind for windows without readings."""
    return {name: _blank(name, rows) for name in MOMENTS + EXTRA[kind]}


def _one_above_other(parts: list[Summary]) -> Summary:
    if len(parts) == 1:
        return parts[0]
    names = ("stream", "window", "n", "n_excluded", *MOMENTS, *EXTRA[parts[0].kind])
    columns: Columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Summary(parts[0].kind, **columns)


def _of_groups(kind: Kind, groups: Groups, longest: int, modulus: float | None) -> Summary:
    columns = blank(kind, len(groups.n))
    if len(groups.filled):
        found = _summarise(kind, groups.time, groups.value, groups.starts, longest, modulus)
        for name, column in found.items():
            columns[name][groups.filled] = column
    return Summary(kind, groups.stream, groups.window, groups.n, groups.n_excluded, **columns)


def _blank(name: str, rows: int) -> NDArray[Any]:
    if name.endswith("_time"):
        return np.full(rows, NO_TIME)
    if name in ADDITIVE:
        return np.zeros(rows, np.int64 if name in INTEGERS else np.float64)
    return np.full(rows, np.nan)


def _summarise(
    kind: Kind, time: Times, value: Values, starts: Rows, longest: int, modulus: float | None
) -> Columns:
    n = run_lengths(starts, len(time))
    ends = starts + n - 1
    columns = _moments(value, starts, n)
    columns |= {
        "minimum": np.minimum.reduceat(value, starts),
        "maximum": np.maximum.reduceat(value, starts),
        "first": value[starts],
        "last": value[ends],
        "first_time": time[starts],
        "last_time": time[ends],
    }
    match kind:
        case Kind.CIRCULAR:
            angle = np.deg2rad(value)
            columns["cosine"] = np.add.reduceat(np.cos(angle), starts) / n
            columns["sine"] = np.add.reduceat(np.sin(angle), starts) / n
        case Kind.ENERGETIC:
            columns["energy"] = np.add.reduceat(energy(value), starts) / n
        case Kind.TOTAL:
            columns["sum"] = np.add.reduceat(value, starts)
        case Kind.COUNTER:
            columns |= _rises(value, starts, modulus)
        case Kind.STATE:
            changed = np.zeros(len(value), np.int64)
            changed[1:] = value[1:] != value[:-1]
            changed[starts] = 0
            columns["changes"] = np.add.reduceat(changed, starts)
    if "held" in EXTRA[kind]:
        columns |= _holds(time, holding(kind, value), starts, ends, longest)
    return columns


def _moments(value: Values, starts: Rows, n: Counts) -> Columns:
    mean = np.add.reduceat(value, starts) / n
    rest = value - np.repeat(mean, n)
    slip = np.add.reduceat(rest, starts) / n
    m2 = np.add.reduceat(rest * rest, starts) - n * slip * slip
    return {"mean": mean + slip, "m2": np.maximum(m2, 0.0)}


def _rises(value: Values, starts: Rows, modulus: float | None) -> Columns:
    step, reset = np.zeros(len(value)), np.zeros(len(value), np.int64)
    step[1:], reset[1:] = rise(value[:-1], value[1:], modulus)
    step[starts] = 0.0
    reset[starts] = 0
    return {"increase": np.add.reduceat(step, starts), "resets": np.add.reduceat(reset, starts)}


def _holds(time: Times, value: Values, starts: Rows, ends: Rows, longest: int) -> Columns:
    seconds = np.zeros(len(time))
    seconds[:-1] = np.minimum(np.diff(time), longest) / 1e6
    seconds[ends] = 0.0
    return {
        "held": np.add.reduceat(seconds * value, starts),
        "held_seconds": np.add.reduceat(seconds, starts),
    }

"""Summaries: the state of each (stream, window), made from readings and fit to be merged."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.groups import Groups, check_readings
from bypuls.numeric.kinds import Kind
from bypuls.numeric.parts import in_parts
from bypuls.numeric.runs import Runs, runs_of
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

    def work(groups: Groups, columns: Columns) -> None:
        _fill(columns, kind, groups, longest, modulus)

    readings = (stream, time, value, excluded)
    return Summary(kind, **in_parts(work, lambda rows: _room(kind, rows), readings, edges))


def blank(kind: Kind, rows: int) -> Columns:
    """Return the columns of a kind for windows without readings."""
    return {name: _blank(name, rows) for name in MOMENTS + EXTRA[kind]}


def _room(kind: Kind, rows: int) -> Columns:
    """Make columns without content, in one block by type: large blocks cost a fifth of the page faults."""
    names = MOMENTS + EXTRA[kind]
    whole = ["window", "n", "n_excluded", *(name for name in names if name in INTEGERS)]
    broken = [name for name in names if name not in INTEGERS]
    columns: Columns = {"stream": np.empty(rows, np.int32)}
    columns |= zip(whole, np.empty((len(whole), rows), np.int64), strict=True)
    columns |= zip(broken, np.empty((len(broken), rows)), strict=True)
    return columns


def _fill(columns: Columns, kind: Kind, groups: Groups, longest: int, modulus: float | None) -> None:
    for name in ("stream", "window", "n", "n_excluded"):
        columns[name][:] = getattr(groups, name)
    if len(groups.filled) < len(groups.n):
        for name, column in blank(kind, len(groups.n)).items():
            columns[name][:] = column
    for some, runs in runs_of(groups.starts, groups.n[groups.filled]):
        rows = groups.filled[some]
        found = _summarise(kind, runs, runs.lay(groups.time), runs.lay(groups.value), longest, modulus)
        for name, column in found.items():
            columns[name][rows] = column


def _blank(name: str, rows: int) -> NDArray[Any]:
    if name.endswith("_time"):
        return np.full(rows, NO_TIME)
    if name in ADDITIVE:
        return np.zeros(rows, np.int64 if name in INTEGERS else np.float64)
    return np.full(rows, np.nan)


def _summarise(
    kind: Kind, runs: Runs, time: Times, value: Values, longest: int, modulus: float | None
) -> Columns:
    columns = _moments(runs, value) | {
        "minimum": runs.reduce(np.minimum, value),
        "maximum": runs.reduce(np.maximum, value),
        "first": runs.first(value),
        "last": runs.last(value),
        "first_time": runs.first(time),
        "last_time": runs.last(time),
    }
    match kind:
        case Kind.CIRCULAR:
            angle = np.deg2rad(value)
            columns["cosine"] = runs.reduce(np.add, np.cos(angle)) / runs.n
            columns["sine"] = runs.reduce(np.add, np.sin(angle)) / runs.n
        case Kind.ENERGETIC:
            columns["energy"] = runs.reduce(np.add, energy(value)) / runs.n
        case Kind.TOTAL:
            columns["sum"] = runs.reduce(np.add, value)
        case Kind.COUNTER:
            step, reset = rise(runs.before(value), runs.after(value), modulus)
            columns |= {"increase": runs.add_steps(step), "resets": runs.add_steps(reset)}
        case Kind.STATE:
            columns["changes"] = runs.add_steps(runs.before(value) != runs.after(value))
    if "held" in EXTRA[kind]:
        columns |= _holds(runs, time, holding(kind, value), longest)
    return columns


def _moments(runs: Runs, value: Values) -> Columns:
    mean = runs.reduce(np.add, value) / runs.n
    rest = value - runs.spread(mean)
    slip = runs.reduce(np.add, rest) / runs.n
    m2 = runs.reduce(np.add, np.square(rest)) - runs.n * slip * slip
    return {"mean": mean + slip, "m2": np.maximum(m2, 0.0)}


def _holds(runs: Runs, time: Times, value: Values, longest: int) -> Columns:
    held = np.minimum(runs.after(time) - runs.before(time), longest)
    return {
        "held": runs.add_steps(held.astype(np.float64) * runs.before(value)) / 1e6,
        "held_seconds": runs.add_steps(held) / 1e6,
    }

"""Summaries: the state of each (stream, window), made from readings and fit to be merged."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.groups import Groups, check_readings
from bypuls.numeric.kinds import Kind
from bypuls.numeric.parts import in_parts
from bypuls.numeric.percentiles import rank, shares
from bypuls.numeric.runs import Runs, runs_of
from bypuls.numeric.steps import check_modulus, energy, holding, microseconds, rise

Streams = NDArray[np.int32]
Times = NDArray[np.int64]
Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
Column = NDArray[Any]
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

_TIMED = frozenset({"first_time", "last_time", "held", "held_seconds"})
OUT_OF_RANGE: dict[str, Any] = {"over": "ignore", "invalid": "ignore", "divide": "ignore"}
"""For numpy.errstate: what leaves the range of a float64 is infinite or NaN, and told as missing."""

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
    `percentiles` (r, k), where they were asked for, NaN where n = 0: those of windows don't merge.
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
    percentiles: Values | None = None
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
    columns: Collection[str] | None = None,
    q: Sequence[float] = (),
) -> Summary:
    """Summarise readings of one kind: one row for each stream and window that has any.

    Shapes: stream int32, time int64 (us since 1970), value float64, excluded bool, all (n,), in any order,
    by (stream, time) the fastest; edges int64 (w + 1,), ascending. A reading belongs to window i if
    edges[i] <= time < edges[i + 1], and to none outside the edges. `excluded` ones are only counted. `hold`:
    seconds for which a value is taken to last if no other follows. `modulus`: where a meter rolls over.
    `columns`: those that are needed, by default all of the kind; the others are left blank, which halves the
    work if they are few (`bypuls.numeric.statistics.columns_of` tells which).
    `q`: percentiles to be found besides, in percent, of plain values: levels are ranked as they are in dB
    (what acoustics calls L10, exceeded 10 % of the time, is 90), and directions have none.
    Raises ValueError for NaN or infinite values, columns of different length, edges that don't ascend.
    Means and squares are centred (corrected two-pass algorithm: Chan, Golub and LeVeque 1983).
    """
    longest = microseconds(hold)
    check_modulus(modulus)
    check_readings(stream, time, value, edges, excluded)
    share = shares(kind, q)
    known = MOMENTS + EXTRA[kind]
    names = known if columns is None else tuple(name for name in known if name in columns)

    def work(groups: Groups, columns: Columns) -> None:
        with np.errstate(**OUT_OF_RANGE):  # of this thread
            _fill(columns, names, kind, groups, longest, modulus, share)

    def room(rows: int) -> Columns:
        ranked = {"percentiles": np.empty((len(share), rows))} if len(share) else {}
        return _room(names, rows) | ranked

    readings = (stream, time, value, excluded)
    timed = not _TIMED.isdisjoint(names)
    made = in_parts(work, room, readings, edges, timed=timed)
    ranked = made.pop("percentiles", None)
    known_columns = blank(kind, len(made["stream"])) | made
    return Summary(kind, **known_columns, percentiles=None if ranked is None else ranked.T)


def blank(kind: Kind, rows: int) -> Columns:
    """Return the columns of a kind for windows without readings; they take no room and are read-only."""
    return {name: np.broadcast_to(_blank(name), rows) for name in MOMENTS + EXTRA[kind]}


def _blank(name: str) -> NDArray[Any]:
    if name.endswith("_time"):
        return np.array(NO_TIME)
    return np.array(0.0 if name in ADDITIVE else np.nan).astype(np.int64 if name in INTEGERS else np.float64)


def _room(names: Collection[str], rows: int) -> Columns:
    """Make columns without content, in one block by type: large blocks cost a fifth of the page faults."""
    whole = ["window", "n", "n_excluded", *(name for name in names if name in INTEGERS)]
    broken = [name for name in names if name not in INTEGERS]
    columns: Columns = {"stream": np.empty(rows, np.int32)}
    columns |= zip(whole, np.empty((len(whole), rows), np.int64), strict=True)
    columns |= zip(broken, np.empty((len(broken), rows)), strict=True)
    return columns


def _fill(
    columns: Columns,
    names: Collection[str],
    kind: Kind,
    groups: Groups,
    longest: int,
    modulus: float | None,
    share: Values,
) -> None:
    for name in ("stream", "window", "n", "n_excluded"):
        columns[name][:] = getattr(groups, name)
    everywhere = len(groups.filled) == len(groups.n)
    if not everywhere:
        for name in names:
            columns[name][:] = _blank(name)
        if len(share):
            columns["percentiles"][:] = np.nan
    untimely = None if groups.timely else groups.time
    for some, runs in runs_of(groups.starts, groups.n[groups.filled], untimely):
        rows = some if everywhere else groups.filled[some]
        value = runs.lay(groups.value)
        found = _of_values(names, kind, runs, value, modulus)
        if groups.time is not None and not _TIMED.isdisjoint(names):
            found |= _of_times(names, kind, runs, runs.lay(groups.time), value, longest)
        for name in names:
            columns[name][rows] = found[name]
        if len(share):
            columns["percentiles"][:, rows] = rank(value, runs, share)


def _of_values(
    names: Collection[str], kind: Kind, runs: Runs, value: Values, modulus: float | None
) -> Columns:
    columns = {name: number(runs, value) for name, number in _NUMBERS.items() if name in names}
    if "mean" in names or "m2" in names:
        columns |= _moments(runs, value)
    if kind is Kind.COUNTER:
        step, reset = rise(runs.before(value), runs.after(value), modulus)
        columns |= {"increase": runs.add_steps(step), "resets": runs.add_steps(reset)}
    return columns


def _of_times(
    names: Collection[str], kind: Kind, runs: Runs, time: Times, value: Values, longest: int
) -> Columns:
    columns = {"first_time": runs.first(time), "last_time": runs.last(time)}
    if "held" in names or "held_seconds" in names:
        columns |= _holds(runs, time, holding(kind, value), longest)
    return columns


def _moments(runs: Runs, value: Values) -> Columns:
    mean = runs.reduce(np.add, value) / runs.n
    rest = value - runs.spread(mean)
    slip = runs.reduce(np.add, rest) / runs.n
    m2 = runs.reduce(np.add, np.square(rest, out=rest)) - runs.n * slip * slip
    return {"mean": mean + slip, "m2": np.maximum(m2, 0.0)}


def _holds(runs: Runs, time: Times, value: Values, longest: int) -> Columns:
    held = np.minimum(runs.after(time) - runs.before(time), longest)
    return {
        "held": runs.add_steps(held.astype(np.float64) * runs.before(value)) / 1e6,
        "held_seconds": runs.add_steps(held) / 1e6,
    }


_NUMBERS: dict[str, Callable[[Runs, Values], Column]] = {
    "minimum": lambda runs, value: runs.reduce(np.minimum, value),
    "maximum": lambda runs, value: runs.reduce(np.maximum, value),
    "first": lambda runs, value: runs.first(value),
    "last": lambda runs, value: runs.last(value),
    "cosine": lambda runs, value: runs.reduce(np.add, np.cos(np.deg2rad(value))) / runs.n,
    "sine": lambda runs, value: runs.reduce(np.add, np.sin(np.deg2rad(value))) / runs.n,
    "energy": lambda runs, value: runs.reduce(np.add, energy(value)) / runs.n,
    "sum": lambda runs, value: runs.reduce(np.add, value),
    "changes": lambda runs, value: runs.add_steps(runs.before(value) != runs.after(value)),
}
"""The columns that are one number of a group's values."""

"""Runs: the readings of many groups laid out so that each step is taken for all of the groups at once."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.networks import sort_columns
from bypuls.numeric.ordering import order_by_time

Column = NDArray[Any]
Counts = NDArray[np.int64]
Rows = NDArray[np.intp]
Times = NDArray[np.int64]

SHORT = 16
"""The most readings of a group that is laid beside others of its length; longer ones stay in a row."""

_PLACE_BITS = (SHORT - 1).bit_length()

_LONG = 50
"""Groups of one length in a stretch, on average, from which on it is faster to copy stretch by stretch."""


class Runs(Protocol):
    """Groups of readings, g of them; a column of readings has the shape that `lay` gives it.

    Each number of a group comes from its own readings alone, in order of time, whatever its neighbours are,
    so that it is the same to the last bit however the readings came and were cut into parts.
    """

    @property
    def n(self) -> Counts | int:
        """Readings by group (g,), or in each."""

    def lay(self, column: Column) -> Column:
        """Return a flat column of all readings as these groups have it."""

    def reduce(self, function: np.ufunc, column: Column) -> Column:
        """Return what `function` makes of each group's readings (g,)."""

    def spread(self, number: Column) -> Column:
        """Return a number by group (g,) so that it meets each of the group's readings."""

    def first(self, column: Column) -> Column:
        """Return each group's first (g,)."""

    def last(self, column: Column) -> Column:
        """Return each group's last (g,)."""

    def before(self, column: Column) -> Column:
        """Return where each step from one reading to the next begins."""

    def after(self, column: Column) -> Column:
        """Return where each step from one reading to the next ends."""

    def add_steps(self, step: Column) -> Column:
        """Return the sum over the steps inside each group (g,), of booleans their number."""


class Beside:
    """Groups of one length, side by side: a column is (length, g), so that numpy works across the groups.

    A reduceat costs some 20 ns a group, which at 6 readings is 3.2 ns a reading; a sum this way costs 0.4,
    and to lay out a column 1.1 where groups of this length lie in long stretches, else 2.1.
    """

    def __init__(self, starts: Rows, length: int, untimely: Times | None) -> None:
        self.n = length
        self._starts, self._places = starts, None
        self._cuts = np.flatnonzero(np.diff(starts) != length) + 1
        if len(self._cuts) > len(starts) // _LONG:
            self._places = starts + np.arange(length)[:, None]
        if untimely is not None and length > 1:
            self._places = starts + _ranks(self.lay(untimely))

    def lay(self, column: Column) -> Column:
        if self._places is not None:
            # All places exist; to be told to clip is the fastest way not to look, 1.1 ns a reading, not 1.5.
            return column.take(self._places, mode="clip")
        laid = np.empty((self.n, len(self._starts)), column.dtype)
        for first, last in pairwise([0, *self._cuts.tolist(), len(self._starts)]):
            begin = int(self._starts[first])
            end = begin + (last - first) * self.n
            laid[:, first:last] = column[begin:end].reshape(-1, self.n).T
        return laid

    def reduce(self, function: np.ufunc, column: Column) -> Column:
        # Down a lone column numpy adds by pairs, which rounds differently; accumulate never does.
        lone = column.shape[1] == 1
        reduced: Column = function.accumulate(column)[-1] if lone else function.reduce(column, axis=0)
        return reduced

    def spread(self, number: Column) -> Column:
        return number

    def first(self, column: Column) -> Column:
        first: Column = column[0]
        return first

    def last(self, column: Column) -> Column:
        last: Column = column[-1]
        return last

    def before(self, column: Column) -> Column:
        return column[:-1]

    def after(self, column: Column) -> Column:
        return column[1:]

    def add_steps(self, step: Column) -> Column:
        if len(step) == 0:
            return np.zeros(step.shape[1], step.dtype)
        return self.reduce(np.add, step.astype(np.int64) if step.dtype == np.bool_ else step)


class InRow:
    """Groups of any length, one after the other: a column is flat, and numpy goes from start to start."""

    def __init__(self, starts: Rows, n: Counts, untimely: Times | None) -> None:
        self._starts = np.cumsum(n) - n
        self._ends = self._starts + n - 1
        self._places: slice | Rows = slice(int(starts[0]), int(starts[-1] + n[-1]))
        self.n = n
        if (np.diff(starts) != n[:-1]).any():  # others lie between them
            self._places = np.repeat(starts - self._starts, n) + np.arange(n.sum())
        if untimely is not None:
            some = np.arange(len(untimely))[self._places]
            self._places = some[order_by_time(untimely[some], self._starts, n)]

    def lay(self, column: Column) -> Column:
        laid: Column = column[self._places]
        return laid

    def reduce(self, function: np.ufunc, column: Column) -> Column:
        reduced: Column = function.reduceat(column, self._starts)
        return reduced

    def spread(self, number: Column) -> Column:
        spread: Column = np.repeat(number, self.n)
        return spread

    def first(self, column: Column) -> Column:
        first: Column = column[self._starts]
        return first

    def last(self, column: Column) -> Column:
        last: Column = column[self._ends]
        return last

    def before(self, column: Column) -> Column:
        return column[:-1]

    def after(self, column: Column) -> Column:
        return column[1:]

    def add_steps(self, step: Column) -> Column:
        inside = np.zeros(len(step) + 1, np.int64 if step.dtype == np.bool_ else step.dtype)
        inside[:-1] = step
        inside[self._ends] = 0
        added: Column = np.add.reduceat(inside, self._starts)
        return added


def runs_of(starts: Rows, n: Counts, untimely: Times | None = None) -> Iterator[tuple[Rows, Runs]]:
    """Yield groups by kind of layout, and which they are; each group once.

    Shapes: (g,) both, where each begins among all readings and how many it has, at least 1. `untimely`: the
    times of all readings, if those of a group aren't in order of time and shall be laid out so.
    """
    left = n
    while len(left):
        length = int(left[0])
        mine, rest = (n == length, left != length) if length <= SHORT else (n > SHORT, left <= SHORT)
        some, left = np.flatnonzero(mine), left[rest]
        if length <= SHORT:
            yield some, Beside(starts[some], length, untimely)
        else:
            yield some, InRow(starts[some], n[some], untimely)


def _ranks(time: Times) -> Rows:
    """Return the places, in order of time, of short groups that lie side by side; (length, g) both.

    Equal times keep their given order. 3 ns a reading; to sort all readings by numpy.sort takes 40.
    """
    key = time - time.min(axis=0)
    key <<= _PLACE_BITS
    key |= np.arange(len(time))[:, None]
    ranks: Rows = np.array(sort_columns(key))
    ranks &= (1 << _PLACE_BITS) - 1
    return ranks

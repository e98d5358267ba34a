"""The gaps of a store: ranges of packs that were given up, until the platform has acknowledged their loss."""

from collections.abc import Iterable

from bypuls.sequences import Range, merged, without
from edge.pi.database import Database

_MOST = 1_000
"""Ranges that one pack declares."""


class Gaps:
    """The ranges in a store's database; what changes them runs inside its transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def undeclared(self) -> list[Range]:
        """Return the ranges whose declaration isn't acknowledged, as many as a pack may declare."""
        return self._all()[:_MOST]

    def declare(self, lost: Iterable[Range]) -> None:
        """Add ranges that are to be declared."""
        self._keep(merged([*self._all(), *lost]))

    def acknowledge(self, declared: Iterable[Range]) -> None:
        """Take out what a pack declared that is safe now."""
        self._keep(without(self._all(), declared))

    def _all(self) -> list[Range]:
        return self._database.execute("SELECT low, high FROM gap ORDER BY low").fetchall()

    def _keep(self, ranges: Iterable[Range]) -> None:
        self._database.execute("DELETE FROM gap")
        self._database.executemany("INSERT INTO gap VALUES (?, ?)", ranges)

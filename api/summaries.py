"""The town's summary, made now and then for all who ask."""

from threading import Lock
from time import monotonic

from api import times
from api.snapshots import Usuals, read_snapshot, read_usuals
from bypuls.series.step import HOUR
from bypuls.store.database import Database
from bypuls.summary import Summary, tell

FRESH = 5.0
"""Seconds that a summary is given out."""

_KEPT = 600.0
"""Seconds that what is usual is kept: eight weeks of it change little."""

_KEPT_WHILE_FILLING = 30.0
"""And while there is too little history of some streams, as when a town has just been started."""


class Summaries:
    """The summaries of one app."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: tuple[float, Summary] | None = None
        self._usuals: tuple[int, float, Usuals] | None = None

    def now(self, database: Database) -> Summary:
        """Return the town as it is, some seconds old at most. Raises QueryTooSlow, StoreUnavailable."""
        with self._lock:  # one makes it, the others wait for that
            if self._made is None or monotonic() - self._made[0] >= FRESH:
                self._made = (monotonic(), self._make(database, times.now()))
            return self._made[1]

    def at(self, database: Database, time: int) -> Summary:
        """Return the town as it was at a time, microseconds since 1970. Raises as `now` does."""
        with self._lock:
            return self._make(database, time)

    def _make(self, database: Database, time: int) -> Summary:
        return tell(read_snapshot(database, time, self._usual(database, time)))

    def _usual(self, database: Database, time: int) -> Usuals:
        hour = time // HOUR
        if self._usuals is None or self._usuals[0] != hour or monotonic() >= self._usuals[1]:
            found = read_usuals(database, time)
            filling = any(each.basis is None for hours in found.values() for each in hours)
            until = monotonic() + (_KEPT_WHILE_FILLING if filling else _KEPT)
            self._usuals = (hour, until, found)
        return self._usuals[2]

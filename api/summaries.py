"""The town's summary, made now and then for all who ask."""

from threading import Lock
from time import monotonic

from api import times
from api.kept import FRESH, Kept
from api.snapshots import Usuals, read_snapshot, read_usuals
from bypuls.series.step import HOUR
from bypuls.store.database import Database
from bypuls.summary import Summary, tell

_KEPT = 600.0
"""Seconds that what is usual is kept: eight weeks of it change little."""

_KEPT_WHILE_FILLING = 30.0
"""And while there is too little history of some streams, as when a town has just been started."""


class Summaries:
    """The summaries of one app."""

    def __init__(self) -> None:
        self._now, self._then = _Maker(), _Maker()
        self._kept = Kept[Summary](usable=FRESH)

    def now(self, database: Database) -> Summary:
        """Return the town as it is, some seconds old at most. Raises QueryTooSlow, StoreUnavailable."""
        return self._kept.get("now", lambda: self._now.make(database, times.now()))

    def at(self, database: Database, time: int) -> Summary:
        """Return the town as it was at a time, microseconds since 1970. Raises as `now` does."""
        return self._then.make(database, time)


class _Maker:
    """Makes summaries one by one, and keeps what is usual between those of the same hour."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._usuals: tuple[int, float, Usuals] | None = None

    def make(self, database: Database, time: int) -> Summary:
        """Make the summary of a time."""
        with self._lock:
            return tell(read_snapshot(database, time, self._usual(database, time)))

    def _usual(self, database: Database, time: int) -> Usuals:
        hour = time // HOUR
        if self._usuals is None or self._usuals[0] != hour or monotonic() >= self._usuals[1]:
            found = read_usuals(database, time)
            filling = any(each.basis is None for hours in found.values() for each in hours)
            until = monotonic() + (_KEPT_WHILE_FILLING if filling else _KEPT)
            self._usuals = (hour, until, found)
        return self._usuals[2]

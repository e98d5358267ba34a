"""The town's summary, made now and then for all who ask."""

from threading import Lock
from time import monotonic

from api import times
from api.snapshots import Usuals, read_snapshot, read_usuals
from bypuls.errors import BypulsError, StoreUnavailable
from bypuls.series.step import HOUR
from bypuls.store.database import Database
from bypuls.summary import Summary, tell

FRESH = 5.0
"""Seconds that a summary, or the failure to make one, is given out."""

_PATIENCE = 10.0
"""Seconds for which who asks waits for another's; where the database is frozen it comes to nothing."""

_KEPT = 600.0
"""Seconds that what is usual is kept: eight weeks of it change little."""

_KEPT_WHILE_FILLING = 30.0
"""And while there is too little history of some streams, as when a town has just been started."""


class Summaries:
    """The summaries of one app."""

    def __init__(self) -> None:
        self._now, self._then = _Maker(), _Maker()
        self._lock = Lock()
        self._made: tuple[float, Summary | BypulsError] | None = None

    def now(self, database: Database) -> Summary:
        """Return the town as it is, some seconds old at most. Raises QueryTooSlow, StoreUnavailable."""
        # One makes it, the others wait for that, also where it fails.
        if not self._lock.acquire(timeout=_PATIENCE):
            raise StoreUnavailable(f"the database has not answered for {_PATIENCE:g} s")
        try:
            if self._made is None or monotonic() - self._made[0] >= FRESH:
                made = self._try(database)
                self._made = (monotonic(), made)
            made = self._made[1]
        finally:
            self._lock.release()
        if isinstance(made, BypulsError):
            raise made
        return made

    def at(self, database: Database, time: int) -> Summary:
        """Return the town as it was at a time, microseconds since 1970. Raises as `now` does."""
        return self._then.make(database, time)

    def _try(self, database: Database) -> Summary | BypulsError:
        try:
            return self._now.make(database, times.now())
        except BypulsError as error:
            return error


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

"""The town's summary, made now and then for all who ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from api import times
from api.kept import Kept
from api.live import Live
from api.snapshots import Usuals, read_snapshot, read_usuals
from bypuls.series.step import HOUR
from bypuls.store.catalog import OpenStream
from bypuls.store.database import Database
from bypuls.summary import Summary, tell

_KEPT = 600.0
"""Seconds that what is usual is kept: eight weeks of it change little."""

_KEPT_WHILE_FILLING = 30.0
"""And while there is too little history of some streams, as when a town has just been started."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The town at one time: its summary, and the open streams with the newest readings that it is made of.

    `after` names the last live event before they were read, so that none is missed.
    """

    summary: Summary
    streams: Sequence[OpenStream]
    after: str


class Summaries:
    """The summaries of one app."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._now, self._then = _Maker(), _Maker()
        # That nothing has come is told to nobody once something has; it takes no time to find out.
        self._kept = Kept[Moment](lasts=lambda moment: moment.summary.newest is not None)

    def now(self, database: Database, *, anew: bool = False) -> Moment:
        """Return the town as it is, some seconds old at most, or with `anew` as it is after this call.

        Raises QueryTooSlow, StoreUnavailable.
        """
        return self._kept.get("now", lambda: self._make_now(database), anew=anew)

    def at(self, database: Database, time: int) -> Summary:
        """Return the town as it was at a time, microseconds since 1970. Raises as `now` does."""
        return self._then.make(database, time)[0]

    def _make_now(self, database: Database) -> Moment:
        after = self._live.id
        return Moment(*self._now.make(database, times.now()), after)


class _Maker:
    """Makes summaries one by one, and keeps what is usual between those of the same hour."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._usuals: tuple[int, float, Usuals] | None = None

    def make(self, database: Database, time: int) -> tuple[Summary, Sequence[OpenStream]]:
        """Make the summary of a time, and give the open streams as they were then."""
        with self._lock:
            snapshot, streams = read_snapshot(database, time, self._usual(database, time))
            return tell(snapshot), streams

    def _usual(self, database: Database, time: int) -> Usuals:
        hour = time // HOUR
        if self._usuals is None or self._usuals[0] != hour or monotonic() >= self._usuals[1]:
            found = read_usuals(database, time)
            filling = any(each.basis is None for hours in found.values() for each in hours)
            until = monotonic() + (_KEPT_WHILE_FILLING if filling else _KEPT)
            self._usuals = (hour, until, found)
        return self._usuals[2]

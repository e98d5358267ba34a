"""The reader of live readings: a thread that hears of commits, and reads what is new once for all."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import CancelledError
from datetime import datetime
from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog

from api import times
from bypuls.errors import BypulsError
from bypuls.store.database import Database
from bypuls.store.live import Committed, Listening, Newest, listening

if TYPE_CHECKING:
    from api.live import Live

PACE = 1.0
"""Seconds within which commits are told together: their streams' newest readings are read once for all."""

SHARE = 0.02
"""Of a core, for telling: where it costs more, as with 1,000 listeners, commits are told less often."""

MOST_PACE = 10.0

_RETRY = 1.0
_PATIENCE = 60.0
_LOOK_EVERY = 1.0

_log = structlog.get_logger()


class Reader:
    """The thread that listens: it reads what was committed, and hands it to the event loop."""

    def __init__(self, database: Database, loop: asyncio.AbstractEventLoop, live: "Live") -> None:
        self._database = database
        self._loop = loop
        self._live = live
        self._ended = Event()
        self._known: dict[int, datetime] | None = None

    def start(self) -> None:
        """Begin, on a thread that doesn't keep the process alive."""
        Thread(target=self._run, name="live", daemon=True).start()

    def stop(self) -> None:
        """Ask it to end; it does so within a second."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with listening(self._database) as hearing:
                    self._hear(hearing)
            except BypulsError as error:
                _log.warning("live readings wait for the database", error=str(error))
                self._hand_over([], database=False)
                self._ended.wait(_RETRY)

    def _hear(self, hearing: Listening) -> None:
        # What came while nobody listened is read at once, so nothing is lost between two connections.
        self._read(hearing, Committed(None), hearing.last_seen())
        pace = PACE
        while not self._ended.is_set():
            committed = hearing.wait(_LOOK_EVERY, pace)
            if committed:
                cost = self._read(hearing, committed, times.present())
                pace = min(max(PACE, cost / SHARE), MOST_PACE)

    def _read(self, hearing: Listening, committed: Committed, at: datetime | None) -> float:
        found = hearing.newest(committed)
        first, known = self._known is None, self._known or {}
        news = [each for each in found if each.stream_id not in known or each.time > known[each.stream_id]]
        known.update((each.stream_id, each.time) for each in news)
        self._known = known
        # Who listens has loaded what was there before.
        return self._hand_over([] if first else news, database=True, committed=at)

    def _hand_over(
        self, news: Sequence[Newest], *, database: bool, committed: datetime | None = None
    ) -> float:
        async def take() -> float:
            if not self._live.is_read_by(self):
                return 0.0
            self._live.note(database=database, committed=committed)
            return await self._live.publish(news)

        taking = take()
        try:
            return asyncio.run_coroutine_threadsafe(taking, self._loop).result(_PATIENCE)
        except (RuntimeError, TimeoutError, CancelledError):  # the service ends
            taking.close()
            self._ended.set()
            return 0.0

"""The maintenance service: rounds of rollups, and once an hour retention and the columnstore."""

import time

import structlog
from prometheus_client import start_http_server

from bypuls.errors import BypulsError
from bypuls.interruption import Interruption
from bypuls.logs import configure
from bypuls.maintenance.metrics import Metrics
from bypuls.maintenance.service import Maintenance
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store.retention import Removal

_log = structlog.get_logger()

TIDY_EVERY = 3600.0
"""Seconds between two looks for what is old."""

RETRY = 10.0
"""Most seconds until the database is tried again."""


def run(database: DatabaseSettings, settings: MaintainSettings) -> None:
    """Keep rollups, remove old readings and move old chunks until SIGTERM or SIGINT.

    Raises BypulsError if the database can't be used at first, or another job keeps it; later outages heal.
    """
    configure()
    job = Maintenance(database, settings)
    try:
        with Interruption() as interruption:
            job.begin()
            _serve_metrics(job.metrics, settings)
            if settings.columnstore_days and not job.has_columnstore():
                _log.info("no columnstore on this server: old chunks stay as they are")
            _log.info("maintenance ready")
            _Rounds(job, settings, interruption).run()
    finally:
        job.close()


class _Rounds:
    """One round after the other, and what is known of the database between them."""

    def __init__(self, job: Maintenance, settings: MaintainSettings, interruption: Interruption) -> None:
        self._job = job
        self._settings = settings
        self._interruption = interruption
        self._tidied = -TIDY_EVERY
        self._available = True

    def run(self) -> None:
        """Go on until an end is asked for."""
        while not self._interruption.wanted:
            pause = self._settings.interval
            try:
                self._job.begin()
                self._note_available()
                self._work()
            except BypulsError as error:
                pause = min(pause, RETRY)
                if self._job.connected:  # a lock that somebody else holds, say: it says why, each time
                    _log.warning("round interrupted", error=str(error), retry_in=pause)
                else:
                    self._note_lost(error)
            self._interruption.wait(pause)

    def _work(self) -> None:
        self._job.make_rollups(self._wanted)
        if time.monotonic() - self._tidied < TIDY_EVERY:
            return
        if self._settings.raw_days:
            for removal in self._job.remove_old(stop=self._wanted):
                _tell(removal)
        self._job.forget_intake()
        for move in self._job.move_chunks(self._wanted):
            _log.info(
                "chunk moved into the columnstore",
                chunk=move.chunk.name,
                start=move.chunk.start.isoformat(),
                bytes_before=move.before,
                bytes_after=move.after,
            )
        self._tidied = time.monotonic()

    def _wanted(self) -> bool:
        return self._interruption.wanted

    def _note_available(self) -> None:
        if not self._available:
            _log.info("database available again")
            self._job.metrics.reconnects.inc()
        self._available = True
        self._job.metrics.connected.set(1)

    def _note_lost(self, error: BypulsError) -> None:
        if self._available:
            _log.warning("database unavailable", error=str(error))
        self._available = False
        self._job.metrics.connected.set(0)


def _tell(removal: Removal) -> None:
    if removal.readings or removal.waits:
        _log.info(
            "old readings removed",
            quantity=removal.quantity,
            before=removal.raw_from.isoformat(),
            readings=removal.readings,
            hours_waiting=removal.waiting,
        )


def _serve_metrics(metrics: Metrics, settings: MaintainSettings) -> None:
    if settings.metrics_port is None:
        return
    try:
        start_http_server(settings.metrics_port, settings.metrics_host, metrics.registry)
    except OSError as error:
        raise BypulsError(
            f"can't serve metrics at {settings.metrics_host}:{settings.metrics_port}: {error.strerror}; "
            "choose another BYPULS_MAINTAIN_METRICS_PORT"
        ) from error

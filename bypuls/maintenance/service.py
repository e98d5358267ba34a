"""The maintenance service: rounds of rollups, and once an hour retention."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from prometheus_client import start_http_server

from bypuls.errors import BypulsError, StoreError, StoreUnavailable
from bypuls.interruption import Interruption
from bypuls.logs import configure
from bypuls.maintenance.horizons import horizons
from bypuls.maintenance.metrics import Metrics
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store import retention, rollups
from bypuls.store.database import Connection, connect

_log = structlog.get_logger()

HOUR = 3600
GRACE = 60
"""Seconds after its end in which an hour is left alone: its last readings are on their way."""

RETENTION_EVERY = 3600.0
_TIMEOUT = 600.0


class JobTaken(BypulsError):
    """Another job keeps this database."""


class Maintenance:
    """One job, over one connection that is opened when it is needed."""

    def __init__(self, database: DatabaseSettings, settings: MaintainSettings) -> None:
        """The database's URL names the owner of the tables."""
        self._url = database.url.get_secret_value()
        self._settings = settings
        self._connection: Connection | None = None
        self.metrics = Metrics()

    def begin(self) -> None:
        """Connect, and become the one job. Raises StoreUnavailable, or BypulsError if there is another."""
        self._open()

    def close(self) -> None:
        """Close the connection, and with it the lock that keeps other jobs away."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def make_rollups(
        self, stop: Callable[[], bool] = lambda: False, tell: Callable[[int, int], None] | None = None
    ) -> int:
        """Make the rollups of all hours that are over and marked; return how many.

        `tell` hears of portions done, and of their total. Raises StoreUnavailable, StoreError; BypulsError
        if another job is at it.
        """
        connection = self._open()
        portions = rollups.gather(connection, (int(time.time()) - GRACE) // HOUR)
        made = 0
        for place, portion in enumerate(portions):
            if stop():
                break
            try:
                with self.metrics.portion_seconds.time():
                    done, kept = rollups.work_off(connection, portion)
            except StoreUnavailable:
                raise
            except StoreError as error:  # the others must not wait for this one
                _log.error("rollups could not be made", marks=portion, error=str(error))
                continue
            made += done
            self.metrics.hours.inc(done)
            if kept:
                _log.warning("rollups kept as they are: their raw readings were removed", hours=kept)
            if tell is not None:
                tell(place + 1, len(portions))
        self.metrics.show_backlog(*rollups.backlog(connection))
        return made

    def remove_old(self, *, dry_run: bool = False) -> list[retention.Removal]:
        """Remove raw readings that are older than the settings keep them; with `dry_run` only count them."""
        connection = self._open()
        horizon = horizons(self._settings.raw_days, retention.quantities(connection), datetime.now(UTC))
        if dry_run:
            return retention.count_old(connection, horizon)
        removals = retention.remove_old(connection, horizon)
        self.metrics.removed.inc(sum(removal.readings for removal in removals))
        return removals

    def rebuild(self, start: int, end: int) -> int:
        """Mark the hours from `start` on, before `end` (since 1970), and return how many."""
        with connect(self._url, name="bypuls maintain", statement_timeout=0, autocommit=True) as connection:
            return rollups.mark_range(connection, start, end)

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            connection = connect(
                self._url, name="bypuls maintain", statement_timeout=_TIMEOUT, autocommit=True
            )
            if not rollups.lock(connection):
                connection.close()
                raise JobTaken("another `bypuls maintain` works on this database; one is enough")
            self._connection = connection
        return self._connection


def run(database: DatabaseSettings, settings: MaintainSettings) -> None:
    """Keep rollups and remove old readings until SIGTERM or SIGINT.

    Raises BypulsError if the database can't be used at first, or another job keeps it; later outages heal.
    """
    configure()
    job = Maintenance(database, settings)
    try:
        with Interruption() as interruption:
            job.begin()
            _serve_metrics(job.metrics, settings)
            _log.info("maintenance ready")
            cleaned = -RETENTION_EVERY
            while not interruption.wanted:
                try:
                    job.make_rollups(lambda: interruption.wanted)
                    if settings.raw_days and time.monotonic() - cleaned > RETENTION_EVERY:
                        _tell(job.remove_old())
                        cleaned = time.monotonic()
                    job.metrics.connected.set(1)
                except BypulsError as error:
                    job.close()
                    job.metrics.connected.set(0)
                    tell = _log.warning if isinstance(error, StoreUnavailable) else _log.error
                    tell("maintenance interrupted", error=str(error), retry_in=settings.interval)
                interruption.wait(settings.interval)
    finally:
        job.close()


def _tell(removals: list[retention.Removal]) -> None:
    for removal in removals:
        if removal.readings or removal.waits:
            _log.info(
                "old readings wait for their rollups" if removal.waits else "old readings removed",
                quantity=removal.quantity,
                before=removal.raw_from.isoformat(),
                readings=removal.readings,
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

"""What maintenance does for one database: rollups, retention, the columnstore."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from bypuls.errors import BypulsError, StoreError, StoreUnavailable
from bypuls.maintenance.horizons import horizons
from bypuls.maintenance.metrics import Metrics
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store import columnstore, intake, retention, rollups
from bypuls.store.database import Connection, connect

_log = structlog.get_logger()

HOUR = 3600
SHOW_EVERY = 2.0
"""Seconds between two looks at the backlog while it is worked off."""

_TIMEOUT = 600.0

Tell = Callable[[int, int], None]


class JobTaken(BypulsError):
    """Another job keeps this database."""


def _never() -> bool:
    return False


def _silent(done: int, total: int) -> None:
    pass


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

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._connection is not None and not self._connection.closed

    def make_rollups(self, stop: Callable[[], bool] = _never, tell: Tell = _silent) -> int:
        """Make the rollups of all hours that are over and marked; return how many.

        `tell` hears of portions done, and of their total. Raises StoreUnavailable, StoreError; BypulsError
        if another job is at it.
        """
        connection = self._open()
        portions = rollups.gather(connection, (int(time.time()) - rollups.GRACE) // HOUR)
        made, shown = 0, -SHOW_EVERY
        for place, portion in enumerate(portions):
            if stop():
                break
            if time.monotonic() - shown > SHOW_EVERY:
                self.metrics.show_backlog(*rollups.backlog(connection))
                shown = time.monotonic()
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
            tell(place + 1, len(portions))
        self.metrics.show_backlog(*rollups.backlog(connection))
        return made

    def remove_old(
        self, *, dry_run: bool = False, stop: Callable[[], bool] = _never, tell: Tell = _silent
    ) -> list[retention.Removal]:
        """Remove raw readings that are older than the settings keep them; with `dry_run` only count them.

        `tell` hears of readings removed, and with `dry_run` of streams done and of their total. Raises
        StoreUnavailable, StoreError; BypulsError if another job is at it.
        """
        if dry_run:  # beside a running job too
            with self._connect() as connection:
                return retention.count_old(connection, self._horizons(connection), tell)
        connection = self._open()
        found: dict[str, retention.Removal] = {}
        total = 0
        for part in retention.remove_old(connection, self._horizons(connection)):
            before = found.get(part.quantity)
            readings = part.readings + (before.readings if before else 0)
            found[part.quantity] = retention.Removal(part.quantity, part.raw_from, readings, part.waiting)
            self.metrics.removed.inc(part.readings)
            total += part.readings
            tell(total, 0)
            if stop():
                break
        return list(found.values())

    def forget_intake(self) -> None:
        """Remove the figures of ingest that are older than anybody looks at. Raises as `make_rollups`."""
        intake.forget_old(self._open())

    def has_columnstore(self) -> bool:
        """Return whether chunks are to be moved, and the server has a columnstore to move them to."""
        with self._connect() as connection:
            return bool(self._settings.columnstore_days) and columnstore.has_columnstore(connection)

    def movable(self) -> list[columnstore.Move]:
        """Return the chunks that are due to be moved into the columnstore; none where there is none."""
        with self._connect() as connection:
            return self._movable(connection)

    def move_chunks(self, stop: Callable[[], bool] = _never, tell: Tell = _silent) -> list[columnstore.Move]:
        """Move the chunks that are due, one after the other; `tell` hears of chunks done, and of their total.

        A chunk whose readers leave no gap waits for the next round. Raises StoreUnavailable, StoreError;
        BypulsError if another job is at it.
        """
        connection = self._open()
        due = self._movable(connection)
        moved: list[columnstore.Move] = []
        for place, each in enumerate(due):
            if stop():
                break
            try:
                moved.append(columnstore.move(connection, each))
                self.metrics.moved.inc()
            except StoreError as error:
                if connection.closed:
                    raise
                _log.warning("chunk not moved into the columnstore", chunk=each.chunk.name, error=str(error))
            tell(place + 1, len(due))
        return moved

    def rebuild(self, start: int, end: int) -> int:
        """Mark the hours from `start` on, before `end` (since 1970), and return how many."""
        with connect(self._url, name="bypuls maintain", statement_timeout=0, autocommit=True) as connection:
            return rollups.mark_range(connection, start, end)

    def _horizons(self, connection: Connection) -> dict[str, datetime]:
        return horizons(self._settings.raw_days, retention.quantities(connection), datetime.now(UTC))

    def _movable(self, connection: Connection) -> list[columnstore.Move]:
        days = self._settings.columnstore_days
        if not days or not columnstore.has_columnstore(connection):
            return []
        return columnstore.movable(connection, datetime.now(UTC) - timedelta(days=days))

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = None
            connection = self._connect()
            if not rollups.lock(connection):
                connection.close()
                raise JobTaken("another `bypuls maintain` works on this database; one is enough")
            self._connection = connection
        return self._connection

    def _connect(self) -> Connection:
        return connect(self._url, name="bypuls maintain", statement_timeout=_TIMEOUT, autocommit=True)

"""Removing old raw readings; their hourly rollups stay."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bypuls.store.database import Connection, translated
from bypuls.store.sql import load


@dataclass(frozen=True, slots=True)
class Removal:
    """What retention removes, or would remove, of one quantity; `readings` counts them."""

    quantity: str
    raw_from: datetime
    readings: int
    waits: bool
    """whether it has to wait, because rollups of its oldest hours are not made yet"""


def quantities(connection: Connection) -> list[str]:
    """Return the quantities that streams measure; "" stands for streams without one."""
    with translated():
        return [quantity for (quantity,) in connection.execute(load("retention")["quantities"])]


def count_old(connection: Connection, horizons: Mapping[str, datetime]) -> list[Removal]:
    """Tell what `remove_old` would remove."""
    with translated():
        return [
            Removal(
                quantity,
                raw_from,
                _count(connection, "count_old", quantity, raw_from, _horizon(connection, quantity)),
                _waits(connection, quantity, raw_from),
            )
            for quantity, raw_from in horizons.items()
        ]


def remove_old(connection: Connection, horizons: Mapping[str, datetime]) -> list[Removal]:
    """Remove the raw readings before each quantity's horizon, a midnight in UTC; their rollups stay.

    A quantity of which older hours wait for their rollup is left alone until these are made. Readings from
    before an earlier horizon came after their hour's rollup was final: they stay. Raises StoreUnavailable,
    StoreError.
    """
    with translated():
        removals = []
        for quantity, raw_from in horizons.items():
            since = _horizon(connection, quantity)
            ready = _set_horizon(connection, quantity, raw_from)
            removed = _delete(connection, quantity, raw_from, since) if ready else 0
            removals.append(Removal(quantity, raw_from, removed, not ready))
        return removals


def _horizon(connection: Connection, quantity: str) -> datetime | None:
    row = connection.execute(load("retention")["horizon"], {"quantity": quantity}).fetchone()
    return row[0] if row else None


def _set_horizon(connection: Connection, quantity: str, raw_from: datetime) -> bool:
    """Make older rollups final, unless some are still to be made; False then."""
    with connection.transaction():
        connection.execute(load("rollups")["wait_briefly"])
        connection.execute(load("rollups")["lock_generation"])  # no mark comes in between
        if _waits(connection, quantity, raw_from):
            return False
        connection.execute(load("retention")["set_horizon"], {"quantity": quantity, "raw_from": raw_from})
        return True


def _delete(connection: Connection, quantity: str, raw_from: datetime, since: datetime | None) -> int:
    with connection.transaction():
        connection.execute(load("retention")["keep_rollups"])
        return _count(connection, "delete_old", quantity, raw_from, since)


def _waits(connection: Connection, quantity: str, raw_from: datetime) -> bool:
    what = {"quantity": quantity, "raw_from": raw_from}
    row = connection.execute(load("retention")["waiting"], what).fetchone()
    return bool(row and row[0])


def _count(
    connection: Connection, query: str, quantity: str, raw_from: datetime, since: datetime | None
) -> int:
    what = {"quantity": quantity, "raw_from": raw_from, "since": since}
    row = connection.execute(load("retention")[query], what).fetchone()
    return int(row[0]) if row else 0

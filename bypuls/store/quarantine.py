"""The quarantine as operators see it: its entries, their number, and the wish to replay one."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from bypuls.store.database import Connection
from bypuls.store.sql import load

NEWEST = 2**63 - 1
"""Above every entry's number."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message, or a part of one, that could not become readings."""

    quarantine_id: int
    reason: str
    detail: str
    topic: str
    payload: bytes
    payload_size: int
    """bytes of the original message"""
    records: list[int] | None
    """positions of the records at fault; null: the whole message"""
    received_at: datetime
    last_received_at: datetime
    times: int
    """how often the same message came"""
    replay_requested_at: datetime | None
    replayed_at: datetime | None
    replay_outcome: str | None


def list_entries(
    connection: Connection, *, limit: int, most: int, before: int = NEWEST, reason: str | None = None
) -> list[Entry]:
    """Return at most `limit` entries below `before`, the newest first, with `most` bytes of each payload."""
    parameters = {"limit": limit, "most": most, "before": before, "reason": reason}
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(load("quarantine")["entries"], parameters).fetchall()


def find_entry(connection: Connection, quarantine_id: int) -> Entry | None:
    """Return the entry of that number with all that is kept of its payload, if there is one."""
    with connection.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(load("quarantine")["entry"], {"quarantine_id": quarantine_id}).fetchone()


def count_entries(connection: Connection) -> dict[str, int]:
    """Return the number of entries by reason."""
    return dict(connection.execute(load("quarantine")["counts"]).fetchall())


def request_replay(connection: Connection, quarantine_id: int) -> datetime | None:
    """Ask for a replay, and return since when it has been asked for; None where there is no such entry."""
    row = connection.execute(
        load("quarantine")["request_replay"], {"quarantine_id": quarantine_id}
    ).fetchone()
    return None if row is None else row[0]

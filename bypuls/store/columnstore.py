"""Old chunks in TimescaleDB's columnstore, where the server has one.

There readings take far less space. It can be written, corrected and read like any other: what
comes late lies beside as plain rows until the chunk is moved again.
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql as compose

from bypuls.store.chunks import Chunk, chunks
from bypuls.store.database import Connection, translated
from bypuls.store.sql import load


@dataclass(frozen=True, slots=True)
class Move:
    """A chunk that was moved, or would be, and its bytes on disk before and after; 0 if it wasn't yet."""

    chunk: Chunk
    before: int
    after: int = 0


def has_columnstore(connection: Connection) -> bool:
    """Return whether this server has one: the Apache edition and plain PostgreSQL don't."""
    with translated():
        row = connection.execute(load("chunks")["has_columnstore"]).fetchone()
    return bool(row and row[0])


def movable(connection: Connection, before: datetime) -> list[Move]:
    """Return the chunks that end at `before` or earlier and hold plain rows, the oldest first.

    A chunk in which an hour waits for its rollup is left out: it may have to be read and changed soon.
    """
    with translated():
        found = connection.execute(load("chunks")["hours_that_wait"], {"before": before})
        waiting = [hour for (hour,) in found]
        return [
            Move(chunk, _size(connection, chunk))
            for chunk in chunks(connection)
            if chunk.end <= before
            and not any(chunk.start <= hour < chunk.end for hour in waiting)
            and _has_plain_rows(connection, chunk)
        ]


def move(connection: Connection, planned: Move) -> Move:
    """Move a chunk's plain rows into the columnstore.

    Who writes to the chunk waits meanwhile; a million readings take about a second. Raises StoreUnavailable
    when readers leave no gap within 5 s, StoreError.
    """
    queries, chunk = load("chunks"), planned.chunk
    with translated():
        connection.execute(queries["be_patient"])
        try:
            row = connection.execute(queries["uses_columnstore"]).fetchone()
            if row and not row[0]:
                connection.execute(queries["use_columnstore"])
            connection.execute(queries["move_chunk"], {"chunk": chunk.table.as_string(connection)})
        finally:
            if not connection.closed:
                connection.execute(queries["be_hurried"])
        return Move(chunk, planned.before, _size(connection, chunk))


def _size(connection: Connection, chunk: Chunk) -> int:
    names = {"schema": chunk.schema, "name": chunk.name}
    row = connection.execute(load("chunks")["size"], names).fetchone()
    return int(row[0]) if row else 0


def _has_plain_rows(connection: Connection, chunk: Chunk) -> bool:
    statement = compose.SQL("SELECT EXISTS (SELECT FROM ONLY {})").format(chunk.table)
    row = connection.execute(statement).fetchone()
    return bool(row and row[0])

"""The chunks of readings, where TimescaleDB keeps them; on plain PostgreSQL there are none."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql as compose

from bypuls.store.database import Connection, translated
from bypuls.store.sql import load


@dataclass(frozen=True, slots=True)
class Chunk:
    """Readings from `start` on, before `end`."""

    schema: str
    name: str
    start: datetime
    end: datetime
    in_columnstore: bool
    """whether its readings lie there, but for those that came since"""

    @property
    def table(self) -> compose.Identifier:
        """Its name as SQL needs it."""
        return compose.Identifier(self.schema, self.name)


def chunks(connection: Connection) -> list[Chunk]:
    """Return all of them, the oldest first. Raises StoreUnavailable."""
    queries = load("chunks")
    with translated():
        row = connection.execute(queries["has_hypertables"]).fetchone()
        if not row or not row[0]:
            return []
        return [Chunk(*found) for found in connection.execute(queries["chunks"])]

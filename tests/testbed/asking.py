"""What the functions of the schema `dashboard` answer, asked as Grafana does: by its role."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from bypuls.instants import to_datetime
from testbed.ingest import as_role

Row = dict[str, Any]


def ask(url: str, function: str, *arguments: Any) -> list[Row]:
    """Return the rows of a function; whole numbers above 10**15 are microseconds since 1970."""
    given = [_argument(value) for value in arguments]
    statement = f"SELECT * FROM dashboard.{function}({', '.join(['%s'] * len(given))})"  # noqa: S608
    with psycopg.connect(as_role(url, "bypuls_grafana"), row_factory=dict_row) as connection:
        return connection.execute(statement.encode(), given).fetchall()


def _argument(value: Any) -> Any:
    return to_datetime(value) if isinstance(value, int) and value > 10**15 else value


def microseconds(time: datetime) -> int:
    """Return a time in microseconds since 1970."""
    return round(time.timestamp() * 1e6)

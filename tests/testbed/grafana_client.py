"""What Grafana does when somebody opens a dashboard: fills variables, expands statements, runs them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from grafana_foundation_sdk.models.dashboard import Dashboard
from psycopg.pq import ExecStatus

from dashboards.collection import pages
from testbed.grafana_macros import Asked, expand
from testbed.ingest import as_role

ALL = "all"


@dataclass(frozen=True, slots=True)
class Answer:
    """The columns of an answer, in order, and its rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def column(self, name: str) -> list[Any]:
        """Return the values of one column."""
        at = self.columns.index(name)
        return [row[at] for row in self.rows]


class GrafanaReader:
    """A connection of Grafana's role to the database at `url` (a superuser's)."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def run(self, sql: str, asked: Asked) -> Answer:
        """Return what a statement with macros and variables gives."""
        cursor = self._connection.execute(expand(sql, asked).encode())
        assert cursor.description is not None
        return Answer(tuple(column.name for column in cursor.description), cursor.fetchall())

    def count(self, sql: str, asked: Asked) -> int:
        """Return how many rows a statement gives, as libpq has them.

        What Python makes of rows takes as long as to get them, and holds up all threads: a measurement
        of statements that run together would be one of Python, and Grafana is no Python.
        """
        result = self._connection.pgconn.exec_(expand(sql, asked).encode())
        assert result.status == ExecStatus.TUPLES_OK, result.error_message
        return result.ntuples

    def choose(self, page: Dashboard, since: datetime, until: datetime, nodes: int | str = ALL) -> Asked:
        """Return what is asked for with all owners and places chosen, and so many of the nodes, or all."""
        values: dict[str, str | Sequence[str]] = {}
        for variable in page.templating.list_val or []:
            assert isinstance(variable.query, str)
            found = self.run(variable.query, Asked(since, until, values))
            assert found.columns == ("__text", "__value")
            assert found.rows, f"{page.uid}: nothing to choose for {variable.name}"
            if variable.multi:
                offered = found.column("__value")
                values[variable.name] = (
                    offered[:nodes] if variable.name == "node" and isinstance(nodes, int) else offered
                )
            else:
                assert variable.current is not None
                assert variable.current.value in found.column("__value")
                values[variable.name] = str(variable.current.value)
        return Asked(since, until, values)


@contextmanager
def grafana_reader(url: str) -> Iterator[GrafanaReader]:
    """Give a reader until the end of the block."""
    with psycopg.connect(as_role(url, "bypuls_grafana"), autocommit=True) as connection:
        yield GrafanaReader(connection)


def page_of(uid: str) -> Dashboard:
    """Return the dashboard with this uid."""
    return next(page for page in pages() if page.uid == uid)

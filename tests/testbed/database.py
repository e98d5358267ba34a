"""Fresh databases on one server, each a copy of a migrated template."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


class Databases:
    """Makes databases on the server of `url` (a superuser's) and drops them after use.

    `migrate` gets the template's URL once, before the first copy.
    """

    def __init__(self, url: str, migrate: Callable[[str], object]) -> None:
        self.url = url
        self._migrate = migrate
        self._template: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._template is not None:
            self._drop(self._template)

    @contextmanager
    def empty(self) -> Iterator[str]:
        """Give the URL of a database without any of our tables, until the end of the block."""
        name = self._create("template0")
        try:
            yield self._url_of(name)
        finally:
            self._drop(name)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """Give the URL of a fresh database with the whole schema, until the end of the block."""
        if self._template is None:
            template = self._create("template0")
            try:
                self._migrate(self._url_of(template))
            except BaseException:
                self._drop(template)
                raise
            # TimescaleDB starts a worker in each database that lets it in; a template must have no sessions.
            self._run(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(template)))
            end = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
            self._run(end.format(template))
            self._template = template
        name = self._create(self._template)
        try:
            yield self._url_of(name)
        finally:
            self._drop(name)

    def _create(self, template: str) -> str:
        name = f"bypuls_test_{uuid.uuid4().hex[:12]}"
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        return name

    def _drop(self, name: str) -> None:
        # FORCE, since a test that failed may have left connections open.
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(statement)

    def _url_of(self, name: str) -> str:
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

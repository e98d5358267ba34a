"""Connections to the database, and its errors turned into ours."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg_pool import ConnectionPool, PoolTimeout

from bypuls.errors import QueryTooSlow, StoreError, StoreUnavailable
from bypuls.store.watchdog import Watchdog

Connection = psycopg.Connection[tuple[Any, ...]]

# A half-open connection must not hang a service: the kernel gives up after about 25 s of silence.
_LIVENESS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}

ANSWER_WITHIN = 3.0
"""Seconds that a server gets to say that it is there."""

_MARGIN = 5.0
_CANCEL_WITHIN = 1.0

# SQLSTATEs of a database that may well accept the same statement later. Besides the connection: the
# transaction lost a race, the server is starting, stopping, full, read-only or short of something, or the
# schema is not there (yet), which is nothing the data can be blamed for.
_PASSING_CLASSES = {"08", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58"}


_NO_SCHEMA = {"42P01", "42703"}


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into StoreUnavailable, QueryTooSlow or StoreError, with their cause kept."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailable(f"no database connection became free: {error}") from error
    except pg.QueryCanceled as error:
        raise QueryTooSlow(
            "the query took longer than the statement timeout; ask for a smaller range"
        ) from error
    except psycopg.Error as error:
        code = error.sqlstate
        message = f"{error} (SQLSTATE {code})" if code else f"{error}"
        if code in _NO_SCHEMA:
            message = f"the database lacks a table or column; `bypuls migrate` makes them: {message}"
        if isinstance(error, pg.InsufficientPrivilege):
            message = (
                "the role that BYPULS_DATABASE_URL names may not do this; the owner of the tables may, whom "
                f"`bypuls migrate` and `bypuls maintain` need: {message}"
            )
        lost = code is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        if lost or (code or "")[:2] in _PASSING_CLASSES:
            raise StoreUnavailable(message) from error
        raise StoreError(message) from error


def connect(url: str, *, name: str, statement_timeout: float = 60.0, autocommit: bool = False) -> Connection:
    """Open one connection, with the session in UTC; `name` is what the server shows for it.

    `statement_timeout` is in seconds, 0 for none. Raises StoreUnavailable.
    """
    with translated():
        return psycopg.connect(url, autocommit=autocommit, **_options(name, statement_timeout))


def interrupt(connection: Connection, *, patience: float) -> None:
    """End what another thread waits for on a connection, which then can't be used any more.

    The server has `patience` seconds to cancel the statement; one that is frozen or out of reach takes no
    cancellation, so the line is cut in any case. The waiting thread gets StoreUnavailable.
    """
    with suppress(psycopg.Error):
        connection.cancel_safe(timeout=patience)
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


class Database:
    """A pool of connections for a service that answers many requests; open it by `with`."""

    def __init__(self, url: str, *, name: str, connections: int, statement_timeout: float) -> None:
        """`connections` bounds the pool, `statement_timeout` (seconds) every query.

        The server ends a query that takes longer; where it doesn't, being frozen, the line to it is cut.
        """
        self._url, self._name, self._statement_timeout = url, name, statement_timeout
        self._watchdog = Watchdog()
        self._pool = ConnectionPool(
            url,
            kwargs=_options(name, statement_timeout) | {"autocommit": True},
            min_size=1,
            max_size=connections,
            timeout=5.0,
            reconnect_timeout=2.0,  # above it the pool doubles its pauses, and heals half a minute late
            max_waiting=200,
            check=self._check,
            open=False,
        )

    def __enter__(self) -> "Database":
        self._pool.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection in autocommit mode; hold it for one query, never while a client reads."""
        with (
            translated(),
            self._pool.connection() as connection,
            self.limit(connection, self._statement_timeout + _MARGIN),
        ):
            yield connection

    @contextmanager
    def limit(self, connection: Connection, seconds: float) -> Iterator[None]:
        """Cut the line to a server that lets the block wait for longer: who waits gets StoreUnavailable."""
        with self._watchdog.limit(seconds, partial(interrupt, connection, patience=_CANCEL_WITHIN)):
            yield

    def _check(self, connection: Connection) -> None:
        with self.limit(connection, ANSWER_WITHIN):
            ConnectionPool.check_connection(connection)

    @contextmanager
    def extra_connection(self, what: str) -> Iterator[Connection]:
        """Open a connection beside the pool, in autocommit mode, for what holds it for long.

        Raises StoreUnavailable.
        """
        name = f"{self._name} {what}"
        timeout = self._statement_timeout
        with connect(self._url, name=name, statement_timeout=timeout, autocommit=True) as connection:
            yield connection


# How many rows of TimescaleDB's columnstore a transaction may turn into plain ones; 0: any number. Its own
# limit of 100,000 is a hundred readings that came again, for each may touch a batch of a thousand, and ingest
# would try them for ever. Servers without TimescaleDB take the name as one without meaning.
_NO_LIMIT = "timescaledb.max_tuples_decompressed_per_dml_transaction=0"


def _options(name: str, statement_timeout: float) -> dict[str, Any]:
    # Compiling (jit) costs more than our queries take: 1.0 s where 500 nodes are read in 0.1.
    limits = f"-c statement_timeout={round(statement_timeout * 1000)} -c {_NO_LIMIT}"
    session = f"{limits} -c timezone=UTC -c jit=off"
    return _LIVENESS | {"application_name": name, "options": session}

"""Migrations: numbered SQL files, applied in order, once, under an advisory lock.

Why not a migration library: yoyo keeps its lock in a table, so a killed run blocks every later one until
somebody breaks it by hand; Alembic brings SQLAlchemy. An advisory lock dies with its connection.
"""

from importlib import resources

from psycopg import sql as compose

from bypuls.errors import StoreError
from bypuls.settings import RoleSettings
from bypuls.store.database import Connection, connect, translated
from bypuls.store.sql import load

_LOCK = 0x6279_7075_6C73  # "bypuls"


def migrate(url: str, roles: RoleSettings | None = None) -> list[str]:
    """Bring the schema up to date and return the names of the migrations applied now.

    Also turns `reading` into a hypertable where the server offers TimescaleDB, and gives the service roles
    the passwords in `roles`. Needs a role that may create roles. Raises StoreError when the database was
    made by a newer version of Bypuls, StoreUnavailable when it can't be reached.
    """
    with connect(url, name="bypuls migrate", statement_timeout=0) as connection, translated():
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        queries = load("migrate")
        connection.execute(queries["create_migration_table"])
        connection.commit()
        known = _files()
        done = {name for (name,) in connection.execute("SELECT name FROM bypuls_migration")}
        if newer := sorted(done - known.keys()):
            raise StoreError(
                f"the database has migrations that this version doesn't know ({', '.join(newer)}); "
                "install the newer Bypuls"
            )
        pending = [name for name in sorted(known) if name not in done]
        for name in pending:
            connection.execute(known[name])
            connection.execute("INSERT INTO bypuls_migration (name) VALUES (%s)", [name])
            connection.commit()
        _use_timescale(connection)
        _set_passwords(connection, roles)
        connection.commit()
    return pending


def _files() -> dict[str, bytes]:
    files = resources.files("bypuls.store").joinpath("migrations").iterdir()
    return {file.name.removesuffix(".sql"): file.read_bytes() for file in files if file.name.endswith(".sql")}


def _use_timescale(connection: Connection) -> None:
    """Make `reading` a hypertable if the server can; does nothing when it is one already."""
    queries = load("migrate")
    row = connection.execute(queries["timescale_is_loaded"]).fetchone()
    if row is None or not row[0]:
        return
    connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    connection.execute(queries["make_hypertable"])


def _set_passwords(connection: Connection, roles: RoleSettings | None) -> None:
    if roles is None:
        return
    for role, password in (
        ("bypuls_ingest", roles.ingest_password),
        ("bypuls_api", roles.api_password),
        ("bypuls_grafana", roles.grafana_password),
    ):
        if password is not None:
            # Hashed here, so that the clear text reaches neither the wire nor the server's log. If the method
            # isn't named, libpq asks the server for it, and stops all threads of this process meanwhile.
            hashed = connection.pgconn.encrypt_password(
                password.get_secret_value().encode(), role.encode(), b"scram-sha-256"
            )
            statement = compose.SQL("ALTER ROLE {} PASSWORD {}")
            connection.execute(statement.format(compose.Identifier(role), compose.Literal(hashed.decode())))

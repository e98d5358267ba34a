"""Migrations: on every edition, once, in turn, and never on a newer database."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from pydantic import SecretStr

from bypuls.errors import StoreError
from bypuls.settings import RoleSettings
from bypuls.store.migrate import migrate
from testbed import Databases, as_role
from testbed.filling import register


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        return None if row is None else row[0]


def test_migrations_are_applied_once_and_make_a_hypertable(databases: Databases) -> None:
    with databases.empty() as url:
        applied = migrate(url)
        assert applied[0] == "0001_readings"
        assert applied == sorted(applied)
        assert migrate(url) == []
        assert value(url, "SELECT count(*) FROM timescaledb_information.hypertables") == 1


def test_several_migrations_at_once_wait_for_each_other(databases: Databases) -> None:
    with databases.empty() as url, ThreadPoolExecutor(4) as pool:
        *none, all_of_them = sorted(map(len, pool.map(migrate, [url] * 4)))
    assert none == [0, 0, 0]
    assert all_of_them > 0


def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO bypuls_migration (name) VALUES ('9999_future')")
    with pytest.raises(StoreError, match=r"9999_future.*install the newer Bypuls"):
        migrate(database_url)


def test_a_table_filled_before_timescaledb_came_becomes_a_hypertable(databases: Databases) -> None:
    with databases.empty() as url:
        migrate(url)
        with psycopg.connect(url) as connection:
            connection.execute("DROP TABLE reading")
            connection.execute(
                """CREATE TABLE reading (time timestamptz, stream_id int, value float8, flags int2,
                                         PRIMARY KEY (stream_id, time))"""
            )
            connection.execute("INSERT INTO reading VALUES (now(), 1, 2, 0)")
        migrate(url)
        assert value(url, "SELECT count(*) FROM timescaledb_information.hypertables") == 1
        assert value(url, "SELECT count(*) FROM reading") == 1


def test_only_ingest_makes_temporary_tables(databases: Databases) -> None:
    statement = b"CREATE TEMPORARY TABLE mine (x int)"
    with databases.empty() as url:  # a copy of a database hasn't got the rights on it
        migrate(url)
        with psycopg.connect(as_role(url, "bypuls_ingest")) as connection:
            connection.execute(statement)
        for role in ("bypuls_grafana", "bypuls_api"):
            with psycopg.connect(as_role(url, role)) as connection:
                connection.execute("SET TRANSACTION READ WRITE")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)


def test_grafana_reads_by_default_and_what_it_asks_ends(databases: Databases) -> None:
    with databases.empty() as url:  # a copy of a database hasn't got the settings of roles in it
        migrate(url)
        with psycopg.connect(as_role(url, "bypuls_grafana"), autocommit=True) as connection:
            assert connection.execute("SHOW statement_timeout").fetchone() == ("2min",)
            assert connection.execute("SHOW transaction_read_only").fetchone() == ("on",)


def test_the_roles_get_their_passwords_and_only_their_rights(database_url: str) -> None:
    migrate(database_url, RoleSettings(grafana_password=SecretStr("a 'quoted' secret")))
    stored = value(database_url, "SELECT rolpassword FROM pg_authid WHERE rolname = 'bypuls_grafana'")
    assert str(stored).startswith("SCRAM-SHA-256$")
    for role, statement in (
        ("bypuls_grafana", "SELECT payload FROM quarantine"),
        ("bypuls_grafana", "DELETE FROM reading"),
        ("bypuls_api", "INSERT INTO node (node) VALUES ('x')"),
        ("bypuls_api", "UPDATE quarantine SET reason = 'x'"),
        ("bypuls_ingest", "UPDATE reading SET value = 0"),
        ("bypuls_ingest", "DELETE FROM reading"),
    ):
        with (
            psycopg.connect(as_role(database_url, role)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement.encode())


@pytest.mark.parametrize("column", ["expected_interval", "modulus"])
@pytest.mark.parametrize("number", ["0", "Infinity", "NaN"])
def test_no_interval_and_no_meter_is_without_an_end(database_url: str, column: str, number: str) -> None:
    register(database_url, "house-01", "water_volume")
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(f"UPDATE stream SET {column} = '{number}'".encode())  # noqa: S608  # both ours

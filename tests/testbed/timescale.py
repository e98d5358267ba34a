"""A PostgreSQL server with TimescaleDB, durable as in production, which tests may stop and kill."""

import os
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import psycopg

from testbed.container import Container, engine_answers
from testbed.link import Link
from testbed.missing import MissingServer
from testbed.port import free_port
from testbed.process import Process
from testbed.sources import TIMESCALE_IMAGE, TREE, named_database
from testbed.tree import Tree

_BINARIES = "/usr/lib/postgresql/17/bin"
_MODES = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class DatabaseServer(ABC):
    """A running server; `url` is a superuser's, to its maintenance database."""

    url: str

    @abstractmethod
    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Shut the server down in PostgreSQL's mode of that name, and return when it has ended."""

    @abstractmethod
    def kill(self) -> None:
        """End the server and all its processes with SIGKILL."""

    @abstractmethod
    def pause(self) -> None:
        """Freeze the server and all its processes: connections stay, and nothing is answered."""

    @abstractmethod
    def resume(self) -> None:
        """Let a paused server go on."""

    @abstractmethod
    def start(self) -> None:
        """Start the stopped server again on its port with its data, and return when it answers."""


@contextmanager
def timescale_server() -> Iterator[DatabaseServer]:
    """Give a TimescaleDB server: the one named by the settings, else one of our own with an empty cluster.

    Raises MissingServer when there is none; `make test` installs it.
    """
    with ExitStack() as stack:
        url = named_database()
        if url is not None:
            yield stack.enter_context(_named(url))
        elif TREE.complete:
            yield stack.enter_context(_in_tree(TREE))
        elif engine_answers():
            yield stack.enter_context(_in_docker())
        else:
            raise MissingServer("The test servers are not installed; `make test` does that.")


class _OwnServer(DatabaseServer):
    def __init__(self, process: Process, port: int) -> None:
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        self._process = process

    def start(self) -> None:
        self._process.start(self._answers)

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        self._process.send(_MODES[mode])
        self._process.wait()

    def kill(self) -> None:
        self._process.kill()

    def pause(self) -> None:
        self._process.pause()

    def resume(self) -> None:
        self._process.resume()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class _NamedServer(DatabaseServer):
    """Somebody's server behind a link of ours: to stop or kill it is to cut the link."""

    def __init__(self, url: str, link: Link) -> None:
        parts = urlsplit(url)
        account = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        self.url = parts._replace(netloc=f"{account}127.0.0.1:{link.port}").geturl()
        self._link = link

    def start(self) -> None:
        self._link.heal()

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        self._link.cut()

    def kill(self) -> None:
        self._link.cut()

    def pause(self) -> None:
        self._link.stall()

    def resume(self) -> None:
        self._link.heal()


@contextmanager
def _named(url: str) -> Iterator[DatabaseServer]:
    parts = urlsplit(url)
    with Link(parts.hostname or "127.0.0.1", parts.port or 5432) as link:
        yield _NamedServer(url, link)


@contextmanager
def _in_tree(tree: Tree) -> Iterator[DatabaseServer]:
    port = free_port()
    with tree.folder("postgres") as folder:
        data = f"/{(folder / 'data').relative_to(tree.path)}"
        initdb = [f"{_BINARIES}/initdb", "--pgdata", data, "--username=postgres", "--auth=trust", "--no-sync"]
        made = subprocess.run(
            tree.chroot("postgres", [*initdb, "--encoding=UTF8", "--locale=C.UTF-8"]),
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        # setpriv comes after the change of user, which would clear the parent-death signal.
        command = ["/usr/bin/setpriv", "--pdeathsig", "QUIT", f"{_BINARIES}/postgres", "-D", data]
        options = [*_options(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        process = Process(tree.chroot("postgres", [*command, *options]), folder / "log")
        yield from _run(process, port)


@contextmanager
def _in_docker() -> Iterator[DatabaseServer]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = ["postgres", *_options(port), "-c", "listen_addresses=*"]
        trust = ["--env", "POSTGRES_HOST_AUTH_METHOD=trust"]
        yield from _run(Container(TIMESCALE_IMAGE, command, port, Path(folder) / "log", trust), port)


def _run(process: Process, port: int) -> Iterator[DatabaseServer]:
    server = _OwnServer(process, port)
    try:
        server.start()
        yield server
    finally:
        process.close()


def _options(port: int) -> list[str]:
    """Return settings for tests and benchmarks; fsync and synchronous_commit stay on, as is the default."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    settings = {
        "port": port,
        "shared_preload_libraries": "timescaledb",
        "timescaledb.telemetry_level": "off",
        "max_connections": 100,
        "shared_buffers": f"{min(1024, memory // 4)}MB",
        "max_wal_size": "8GB",
        "checkpoint_timeout": "15min",
        # Leaves nothing outside the data folder when the server is killed.
        "dynamic_shared_memory_type": "mmap",
    }
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

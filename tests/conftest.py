"""The real servers and browser, and a fresh database for each test; what can't be had makes tests fail."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from testbed import Databases, DatabaseServer, Mosquitto, timescale_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from testbed.town_database import TownDatabase


# The same examples each time, and as long as they take: a busy machine proves nothing.
settings.register_profile("bypuls", derandomize=True, deadline=None, database=None)
settings.load_profile("bypuls")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests that share an id: xdist would run one of them, and say nothing of the others."""
    if len({item.nodeid for item in items}) < len(items):
        raise pytest.UsageError(
            "some tests have the same id; `pytest --collect-only -q | sort | uniq -d` tells"
        )


@pytest.fixture
def fast_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one, for tests that sync some thousand times."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="bypuls-test-", dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def timescale() -> Iterator[DatabaseServer]:
    """A TimescaleDB server for the whole run; a test that stops it starts it again."""
    with timescale_server() as server:
        yield server


@pytest.fixture(scope="module")
def mosquitto() -> Iterator[Mosquitto]:
    """An open broker for the tests of a module; they take node names of their own.

    Not for the whole run: it gives what agents retain to the ingest of tests that know no such nodes.
    """
    with Mosquitto() as broker:
        yield broker


@pytest.fixture(scope="session")
def databases(timescale: DatabaseServer) -> Iterator[Databases]:
    """Databases on the TimescaleDB server."""
    from bypuls.store.migrate import migrate  # here, so that tests of other things run without the store

    with Databases(timescale.url, migrate) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """A browser for the tests of a module, which open contexts of their own in it.

    Not for the whole run: as long as Playwright runs, asyncio.run can't.
    """
    from testbed.browser import chromium as running  # here, so that tests of other things need no Playwright

    with running() as browser:
        yield browser


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The superuser's URL of a fresh, migrated TimescaleDB database."""
    with databases.migrated() as url:
        yield url


@pytest.fixture(scope="session")
def everyday(databases: Databases) -> "Iterator[TownDatabase]":
    """A month of the simulated town around `NOON`, and the hours of a year; nobody writes to it."""
    from testbed.town_database import DAY, NOON, add_hours, fill, town_nodes

    with databases.migrated() as url:
        filled = fill(url, town_nodes(2), NOON - 30 * DAY, NOON + DAY)
        add_hours(filled, 335, [node for node in town_nodes(1) if node.kind != "parking"])
        yield filled


@pytest.fixture(scope="session")
def befallen(databases: Databases) -> "Iterator[Callable[[str], TownDatabase]]":
    """Give twelve days of the town before the height of a scenario, `NOON`, and one after."""
    from testbed.town_database import DAY, NOON, fill, town_nodes

    with ExitStack() as stack:

        @cache
        def made(scenario: str) -> "TownDatabase":
            url = stack.enter_context(databases.migrated())
            return fill(url, town_nodes(2), NOON - 12 * DAY, NOON + DAY, [scenario])

        yield made

"""What the tests of the page share: the town, and who visits it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from testbed import Databases
from testbed.platform import Platform, platform
from testbed.simulator import Simulator

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from testbed.visit import Visit


@pytest.fixture(scope="module")
def town(databases: Databases) -> Iterator[Platform]:
    """The simulated town, with six hours of its past, which goes on."""
    with (
        platform(databases) as running,
        Simulator(running.database_url, running.broker.port, "--history", "6h") as simulator,
    ):
        simulator.wait_for_history()
        yield running


@pytest.fixture
def visit(chromium: "Browser", town: Platform) -> "Iterator[Visit]":
    """A visitor who speaks Norwegian; whatever a test does, nothing may go wrong or leave the machine."""
    from testbed.visit import Visit  # here, so that tests of other things need no Playwright

    with Visit(chromium, town.api.url) as visitor:
        yield visitor
        assert visitor.complaints == []
        assert visitor.strangers == set()

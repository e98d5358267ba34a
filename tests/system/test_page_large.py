"""The page with as many nodes as a larger town has."""

import sys
from collections.abc import Iterator
from statistics import median
from time import monotonic, sleep

import pytest
from playwright.sync_api import Browser, expect

from api.kept import FRESH
from testbed import Databases
from testbed.client import Client
from testbed.platform import Platform, platform
from testbed.simulator import Simulator
from testbed.visit import Visit

NODES = 525
"""Of which 500 are open."""


@pytest.fixture(scope="module")
def large(databases: Databases) -> Iterator[Platform]:
    """That many nodes with two hours of their past."""
    with (
        platform(databases) as running,
        Simulator(running.database_url, running.broker.port, "--history", "2h", nodes=NODES) as simulator,
    ):
        simulator.wait_for_history()
        yield running


def test_five_hundred_nodes_are_all_shown_and_soon_ready(chromium: Browser, large: Platform) -> None:
    with Client(large.api.url) as client:
        nodes = client.json("nodes", open="true")["nodes"]
        begun = monotonic()
        assert client.get("/").status_code == 200
        first = monotonic() - begun
    assert len(nodes) >= 500
    ready = []
    for _ in range(3):
        sleep(FRESH)  # so that nothing is kept, as for the first visitor for a while
        with Visit(chromium, large.api.url) as visitor:
            page = visitor.open()
            expect(page.locator(".node")).to_have_count(len(nodes))
            expect(page.locator("[data-node]")).to_have_count(len(nodes))
            ready.append(page.evaluate("performance.getEntriesByName('interactive')[0].startTime"))
            assert visitor.complaints == []
    sys.stdout.write(
        f"\n{len(nodes)} nodes: interactive after {median(ready):.0f} ms, cold cache, of 3 loads; "
        f"the server's first page took {1000 * first:.0f} ms\n"
    )
    # The goal is 1,000 ms where nothing else runs; what a test can hold is that it isn't out of hand.
    assert median(ready) < 20_000

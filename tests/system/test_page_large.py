"""The page with as many nodes as a larger town has."""

import sys
from collections.abc import Iterator
from statistics import median
from time import sleep

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

INTERACTIVE = "performance.getEntriesByName('interactive')[0].startTime"


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
    assert len(nodes) >= 500
    kept: list[float] = []
    made: list[float] = []
    for _ in range(3):
        sleep(FRESH)  # so that the page must be made, as for the first visitor for a while
        for ready in (made, kept):
            with Visit(chromium, large.api.url) as visitor:
                page = visitor.open()
                expect(page.locator(".node")).to_have_count(len(nodes))
                expect(page.locator("[data-node]")).to_have_count(len(nodes))
                ready.append(page.evaluate(INTERACTIVE))
                assert visitor.complaints == []
    sys.stdout.write(
        f"\n{len(nodes)} nodes, cold cache, medians of 3 loads: interactive after {median(kept):.0f} ms, and "
        f"{median(made):.0f} ms where the page had to be made\n"
    )
    # The goal is 1,000 ms where nothing else runs; what a test can hold is that it isn't out of hand.
    assert median(kept + made) < 20_000

"""The page while something befalls the town: it is seen at once, in words, on the map and in the list."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import time_ns
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from bypuls.instants import to_datetime
from bypuls.maintenance.service import Maintenance
from bypuls.readings import SECOND
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store.database import connect
from bypuls.store.rollups import mark_range
from simulators.town import plan as plans
from simulators.town.scenarios import Forces
from simulators.town.town import Town
from testbed import Databases
from testbed.api import Api
from testbed.townfolk import DAY, HOUR, enrol, measure, nodes_of
from testbed.visit import Visit, live

pytestmark = pytest.mark.timeout(180)  # days of the town are computed, stored and rolled up first

LOOKS: list[dict[str, Any]] = [
    {"color_scheme": "light"},
    {"color_scheme": "dark", "locale": "en-GB", "viewport": {"width": 375, "height": 812}},
]


@contextmanager
def befallen(
    databases: Databases, scenario: str, height: str, moment: float, days: int, *kinds: str
) -> Iterator[Api]:
    """Give the API of a town as it was `moment` hours after the height of a scenario, with days of its past.

    All of it is measured at a time of its own, so that the season is always the same, and then moved to now.
    """
    nodes = nodes_of(kinds)
    at = round(datetime.fromisoformat(height).timestamp()) * SECOND
    then = at + round(moment * HOUR)
    with databases.migrated() as url:
        enrol(url, nodes)
        town = Town(plans.read("lillestrom"), nodes, 1, Forces([scenario], at))
        measure(url, town, then - days * DAY, then)
        now = time_ns() // 1000
        with psycopg.connect(url) as connection:
            moved = timedelta(microseconds=now - then)
            connection.execute(
                "INSERT INTO reading SELECT time + %s, stream_id, value, flags FROM reading", [moved]
            )
            connection.execute("DELETE FROM reading WHERE time <= %s", [to_datetime(then)])
        with connect(url, name="test", autocommit=True) as connection:
            mark_range(connection, (now - days * DAY) // HOUR, now // HOUR + 1)
        job = Maintenance(DatabaseSettings.model_validate({"url": url}), MaintainSettings())
        job.begin()
        job.make_rollups()
        job.close()
        with Api(url) as api:
            yield api


@pytest.fixture(scope="module")
def burst(databases: Databases) -> Iterator[Api]:
    """A water main that burst two and a half hours ago."""
    at = "2025-11-20T12:00Z"
    with befallen(databases, "burst-main", at, 0.5, 6, "pressure", "water-meter") as api:
        yield api


@pytest.fixture(scope="module")
def flood(databases: Databases) -> Iterator[Api]:
    """Small rivers over their thresholds, and large ones rising."""
    with befallen(databases, "flood", "2026-11-26T11:00Z", -83.3, 2, "river", "weather") as api:
        yield api


def state_of(page: Page, node: str) -> str:
    return page.locator(f"#node-{node} .state-of").inner_text()


def test_a_burst_main_is_the_first_thing_that_is_read_and_its_card_shows_what_flows(
    chromium: Browser, burst: Api
) -> None:
    with Visit(chromium, burst.url) as visitor:
        page = visitor.open("/#/water")
        first = page.locator(".clause").first
        expect(first).to_have_text(re.compile("^\\s*\u2060?Trolig er en vannledning sprukket ved Lillestrøm"))
        expect(first).to_have_class(re.compile("alarm"))
        assert page.locator(".theme [data-node]").first.get_attribute("data-node") in (
            "pressure-01",
            "water-01",
        )
        assert state_of(page, "water-01") == state_of(page, "pressure-01") == "Trolig ledningsbrudd"
        expect(page.locator(".node .mark.alarm")).to_have_count(2)
        expect(page.locator(".node .caption:visible", has_text="Trolig ledningsbrudd").first).to_be_visible()
        page.locator("#evidence summary").click()
        expect(page.locator("#evidence-1")).to_contain_text("m³/h")
        page.locator("#node-water-01 .name a").click()
        expect(page.locator("#card .day .label")).to_contain_text("økning per time (m³)")
        said = page.locator("#card .plot").get_attribute("aria-label") or ""
        found = re.search(r"sist (\d+) m³\. Vanlig for denne timen: \d+ m³ til (\d+) m³", said)
        assert found is not None, said
        assert int(found[1]) > 1.3 * int(found[2])
        assert visitor.complaints == []


def test_in_a_flood_each_river_is_told_and_marked_by_the_threshold_that_it_is_over(
    chromium: Browser, flood: Api
) -> None:
    with Visit(chromium, flood.url, locale="en-GB") as visitor:
        page = visitor.open()
        expect(page.locator(".list .theme").first).to_have_attribute("data-theme", "water")
        page.click(".themes [data-theme=water]")
        told = page.locator(".sentence").inner_text()
        assert re.search(
            r"Leira ved \w+ is 0\.\d\d.m above its orange threshold and rising \d+.cm an hour", told
        )
        assert re.search(r"Glomma ved \w+ is rising \d+.cm an hour and is \d\.\d.m below", told)
        assert state_of(page, "leira-01") == "Above its orange threshold"
        assert state_of(page, "glomma-01") == "Rising"
        alarms = page.locator(".theme [data-node][data-severity=alarm]").count()
        severities = page.eval_on_selector_all(
            ".theme[data-theme=water] [data-node]", "all => all.map((each) => each.dataset.severity)"
        )
        assert severities[:alarms] == ["alarm"] * alarms != []
        assert severities == sorted(severities, key=["alarm", "warning", "notice", "calm"].index)
        calm, loud = (
            page.locator(f".clause.{kind}").first.evaluate("each => getComputedStyle(each).color")
            for kind in ("calm", "alarm")
        )
        assert calm != loud
        assert visitor.complaints == []


@pytest.mark.parametrize("look", LOOKS, ids=["wide-light", "phone-dark"])
@pytest.mark.parametrize("scenario", ["burst", "flood"])
def test_axe_finds_nothing_and_no_word_on_the_map_lies_on_another(
    chromium: Browser, request: pytest.FixtureRequest, scenario: str, look: dict[str, Any]
) -> None:
    api: Api = request.getfixturevalue(scenario)
    with Visit(chromium, api.url, reduced_motion="reduce", **look) as visitor:
        page = visitor.open("/#/water")
        live(page)
        assert page.evaluate("document.documentElement.scrollWidth") == page.evaluate("innerWidth")
        assert (
            page.evaluate(
                """() => {
              const boxes = [...document.querySelectorAll(".node .caption, .place span")]
                .map((each) => each.getBoundingClientRect()).filter((box) => box.width);
              return boxes.filter((a, i) => boxes.some((b, j) => j > i && a.left < b.right && b.left < a.right
                && a.top + 2 < b.bottom && b.top + 2 < a.bottom)).length;
            }"""
            )
            == 0
        )
        page.locator("#evidence summary").click()
        assert visitor.violations() == []
        page.locator(".theme [data-severity=alarm] .name a").first.click()
        expect(page.locator("#card .plot canvas")).to_be_visible()
        assert visitor.violations() == []


def test_by_keyboard_the_first_clause_leads_to_its_readings_and_the_list_to_the_card(
    chromium: Browser, burst: Api
) -> None:
    with Visit(chromium, burst.url) as visitor:
        page = visitor.open()
        focused = "document.activeElement"
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate(f"{focused}.matches('.clause.alarm')"):
                break
        assert page.evaluate(f"getComputedStyle({focused}).outlineStyle") == "solid"
        expect(page.locator(".node.lit")).to_have_count(2)
        page.keyboard.press("Enter")
        expect(page.locator("#evidence-1")).to_be_visible()
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"{focused}.closest('[data-node]') !== null"):
                break
        page.keyboard.press("Enter")
        expect(page.locator("#card .state-of")).to_have_text("Trolig ledningsbrudd")
        page.keyboard.press("Escape")
        expect(page.locator("#card")).to_be_hidden()
        assert visitor.complaints == []

"""The map of the town's page in a real browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from testbed.platform import Platform
from testbed.visit import PHONE, Visit


def test_a_clause_lights_up_its_nodes_on_the_map(visit: Visit) -> None:
    page = visit.open()
    clause = page.locator(".clause").first
    names = str(clause.get_attribute("data-nodes")).split()
    expect(page.locator(".node.lit")).to_have_count(0)
    clause.hover()
    expect(page.locator(".node.lit")).to_have_count(len(names))


def test_a_theme_shows_its_nodes_alone_on_the_map_and_in_the_list(visit: Visit) -> None:
    page = visit.open()
    page.click(".themes [data-theme=air]")
    expect(page.locator(".node")).to_have_count(8)
    expect(page.locator("[data-node]:visible")).to_have_count(8)
    assert page.url.endswith("#/air")
    page.reload()
    expect(page.locator(".node")).to_have_count(8)
    expect(page.locator(".node .caption").first).to_have_text(re.compile("God luft|: (moderat|høyt)"))
    page.click(".themes [data-theme=all]")
    assert page.locator(".node").count() > 50


# Of what a selector finds, how many pairs lie on each other, and how many are cut by the edge of the map.
OVERLAPS = """(selector) => {
  const boxes = [...document.querySelectorAll(selector)]
    .map((each) => each.getBoundingClientRect()).filter((box) => box.width);
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom;
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => meet(a, b))).length;
}"""
CUT = """(selector) => {
  const map = document.getElementById("map").getBoundingClientRect();
  return [...document.querySelectorAll(selector)].map((each) => each.getBoundingClientRect())
    .filter((box) => box.width && (box.left < map.left || box.right > map.right)).length;
}"""


@pytest.mark.parametrize("view", [{}, PHONE], ids=["desktop", "phone"])
def test_words_beside_calm_marks_are_left_out_where_they_would_lie_on_others(
    chromium: Browser, town: Platform, view: dict[str, Any]
) -> None:
    with Visit(chromium, town.api.url, **view) as visitor:
        page = visitor.open("/#/water")
        expect(page.locator(".captioned .node .caption:visible").first).to_be_visible()
        expect(page.locator(".node.crowded").first).to_be_attached()
        assert page.locator(".node.crowded .mark:is(.notice, .warning, .alarm)").count() == 0
        assert page.evaluate(OVERLAPS, ".node .caption") == 0
        assert page.evaluate(CUT, ".node .caption") == 0
        page.eval_on_selector_all(
            ".node.crowded .caption", "all => all.forEach((each) => (each.style.display = 'block'))"
        )
        assert page.evaluate(OVERLAPS, ".node .caption") > 0  # it is these that were in the way
        assert visitor.complaints == []


@pytest.mark.parametrize(("view", "least"), [({}, 6), (PHONE, 2)], ids=["desktop", "phone"])
def test_names_of_places_stand_beside_the_marks_and_none_is_cut(
    chromium: Browser, town: Platform, view: dict[str, Any], least: int
) -> None:
    with Visit(chromium, town.api.url, **view) as visitor:
        page = visitor.open()
        expect(page.locator(".place span:visible").first).to_be_visible()
        assert page.locator(".place:not(.municipality) span:visible").count() >= least
        assert page.evaluate(OVERLAPS, ".place span") == 0
        assert page.evaluate(CUT, ".place span") == 0
        marks = page.locator(".node .mark").count()
        apart = page.evaluate(OVERLAPS, ".node .mark")
        assert page.evaluate(OVERLAPS, ".node .mark, .place span") == apart
        assert marks > 50


def test_a_card_on_the_map_opens_by_a_click_on_its_mark(visit: Visit) -> None:
    page = visit.open("/#/air")
    page.locator(".node").first.click()
    expect(page.locator("#card h2")).to_be_visible()
    page.locator("#card .close").click()
    expect(page.locator("#card")).to_be_hidden()

"""The page for everyone: language, light and dark, keyboard, narrow screens, without scripts, by axe."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from testbed.platform import Platform
from testbed.visit import PHONE, SMALL, Visit, live


@pytest.mark.parametrize(
    ("locale", "language", "word"),
    [("nb-NO", "nb", "Luften"), ("en-GB", "en", "air"), ("de-DE", "nb", "Luften")],
)
def test_the_language_is_that_of_the_browser_else_bokmaal(
    chromium: Browser, town: Platform, locale: str, language: str, word: str
) -> None:
    with Visit(chromium, town.api.url, locale=locale) as visitor:
        page = visitor.open()
        assert page.get_attribute("html", "lang") == language
        expect(page.locator(".sentence")).to_contain_text(word)


def test_the_language_can_be_changed_and_is_remembered(visit: Visit) -> None:
    page = visit.open()
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#list-title")).to_have_text("Latest readings")
    visit.open()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("link", name="Open data").click()
    expect(page.locator("h1")).to_have_text("Open data")
    page.get_by_role("link", name="Norsk").click()
    expect(page.locator("h1")).to_have_text("Åpne data")
    assert visit.cookies()["language"] == "nb"


def test_the_appearance_follows_the_device_until_one_is_chosen_which_is_remembered(visit: Visit) -> None:
    page = visit.open()
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    bright = page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(paper)
    assert dark != bright
    page.locator(".appearance [data-appearance=light]").click()
    assert page.evaluate(paper) == bright
    page.emulate_media(color_scheme="light")
    page.locator(".appearance [data-appearance=dark]").click()
    assert page.evaluate(paper) == dark
    visit.open()
    assert page.evaluate(paper) == dark
    expect(page.locator(".appearance [aria-current]")).to_have_attribute("data-appearance", "dark")


def test_everything_can_be_reached_and_left_by_keyboard(visit: Visit) -> None:
    page = visit.open()
    focused = "document.activeElement"
    page.keyboard.press("Tab")
    assert page.evaluate(f"{focused}.className") == "skip"
    outline = f"getComputedStyle({focused}).outlineStyle"
    assert page.evaluate(outline) == "solid"
    for _ in range(60):
        page.keyboard.press("Tab")
        assert page.evaluate(outline) == "solid", page.evaluate(f"{focused}.outerHTML")
        if page.evaluate(f"{focused}.dataset.theme") == "water":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".themes [aria-current]")).to_have_attribute("data-theme", "water")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(f"{focused}.closest('[data-node]') !== null"):
            break
    name = page.evaluate(f"{focused}.textContent")
    page.keyboard.press("Enter")
    expect(page.locator("#card h2")).to_have_text(name)
    expect(page.locator("#card h2")).to_be_focused()
    expect(page.locator("#card .readings")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate(f"{focused}.className") == "close"
    page.keyboard.press("Escape")
    expect(page.locator("#card")).to_be_hidden()
    assert page.evaluate(f"{focused}.textContent") == name


@pytest.mark.parametrize("language", ["nb", "en"])
def test_nothing_is_wider_than_320_pixels(chromium: Browser, town: Platform, language: str) -> None:
    wide = "document.documentElement.scrollWidth"
    with Visit(chromium, town.api.url, **SMALL) as visitor:
        page = visitor.open(f"/?language={language}")
        assert page.evaluate(wide) == 320
        page.locator("#evidence summary").click()
        assert page.evaluate(wide) == 320
        page.locator("#node-air-02 .name a").click()
        expect(page.locator("#card .plot canvas")).to_be_visible()
        assert page.evaluate("document.getElementById('card').scrollWidth") <= 320
        expect(page.locator("#card .call code")).to_be_visible()
        page.goto(f"{town.api.url}/open-data")
        assert page.evaluate(wide) == 320


def test_without_scripts_the_sentence_and_the_values_are_there(chromium: Browser, town: Platform) -> None:
    with Visit(chromium, town.api.url, java_script_enabled=False) as visitor:
        page = visitor.page
        page.goto(town.api.url)
        expect(page.locator(".sentence")).to_contain_text("Luften er")
        row = page.locator("#node-air-01 tr", has_text="Ozon")
        expect(row.locator(".value")).to_have_text(re.compile(r"^\d+,\d µg/m³$"))
        expect(row.locator(".age")).to_contain_text("siden")
        expect(row).to_be_visible()
        expect(page.get_by_text("Last den på nytt")).to_be_visible()
        expect(page.locator("#map")).to_be_hidden()
        page.locator("#evidence summary").click()
        expect(page.locator("#evidence li a").first).to_be_visible()
        page.get_by_role("link", name="English").click()
        expect(page.locator("#list-title")).to_have_text("Latest readings")


@pytest.mark.parametrize(
    "options",
    [{"color_scheme": "light"}, {"color_scheme": "dark", **PHONE}],
    ids=["wide-light", "phone-dark"],
)
def test_axe_finds_nothing(chromium: Browser, town: Platform, options: dict[str, Any]) -> None:
    with Visit(chromium, town.api.url, reduced_motion="reduce", **options) as visitor:
        page = visitor.open("/#/noise")  # the other themes differ in their figures alone
        live(page)
        page.locator("#evidence summary").click()
        assert visitor.violations() == []
        page.locator("#node-noise-01 .name a").click()
        expect(page.locator("#card .plot canvas")).to_be_visible()
        assert visitor.violations() == []

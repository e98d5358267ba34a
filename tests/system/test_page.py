"""The town's page in a real browser: the simulated town, through broker, ingest, database and API."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from api.page import figures
from api.page.language import Language
from api.page.words import WORDS
from testbed import Databases
from testbed.client import Client
from testbed.platform import Platform, platform
from testbed.simulator import Simulator
from testbed.visit import Visit

BUDGET = 250_000
"""Bytes over the wire for the whole page, without map tiles."""

PHONE = {"viewport": {"width": 390, "height": 844}}
SMALL = {"viewport": {"width": 320, "height": 640}}


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
def visit(chromium: Browser, town: Platform) -> Iterator[Visit]:
    """A visitor who speaks Norwegian; whatever a test does, nothing may go wrong or leave the machine."""
    with Visit(chromium, town.api.url) as visitor:
        yield visitor
        assert visitor.complaints == []
        assert visitor.strangers == set()


def live(page: Page) -> None:
    """Wait until the page says that it is live."""
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")


def test_the_first_load_tells_the_town_and_shows_every_open_node(visit: Visit, town: Platform) -> None:
    page = visit.open()
    with Client(town.api.url) as client:
        nodes = {each["node"]: each for each in client.json("nodes", open="true")["nodes"]}
    assert len(nodes) > 50
    expect(page.locator(".node")).to_have_count(len(nodes))
    listed = page.locator("[data-node]")
    assert {each.get_attribute("data-node") for each in listed.all()} == nodes.keys()
    expect(page.locator("#node-air-05 .name a")).to_have_text("Strømmen sentrum")
    sentence = " ".join(page.locator(".clause").all_inner_texts())
    assert "Luften er" in sentence
    assert sentence.endswith(".")
    live(page)
    assert page.title() == "Slik er Lillestrøm nå · Bypuls"


def test_each_clause_leads_to_the_readings_it_rests_on(visit: Visit) -> None:
    page = visit.open()
    clause = page.locator(".clause").first
    clause.click()
    evidence = page.locator(str(clause.get_attribute("href")))
    expect(evidence).to_be_visible()
    expect(evidence.locator("p")).to_contain_text(clause.inner_text())
    link = evidence.locator("a").first
    expect(link).to_be_visible()
    answer = page.request.get(f"{visit.url}{link.get_attribute('href')}")
    assert answer.json()["value"]


def test_who_reads_what_a_clause_rests_on_keeps_the_place_as_the_sentence_is_made_anew(visit: Visit) -> None:
    page = visit.open()
    live(page)
    page.click("#now summary")
    link = page.locator("#now details a").nth(4)
    address = str(link.get_attribute("href"))
    link.focus()
    for _ in range(2):
        with page.expect_response(re.compile("/now"), timeout=60_000):
            pass
        page.wait_for_timeout(200)
    focused = str(page.evaluate("document.activeElement.getAttribute('href')"))
    assert focused.partition("start=")[0] == address.partition("start=")[0]
    assert focused != address  # it was made anew


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


def test_simulated_readings_are_seen_as_they_arrive(visit: Visit) -> None:
    page = visit.open()
    live(page)
    fresh = page.locator("tr.fresh")
    expect(fresh.first).to_be_attached(timeout=30_000)


def test_the_card_of_a_node_has_values_chart_coverage_owner_licence_and_ways_to_the_data(
    visit: Visit, town: Platform
) -> None:
    page = visit.open()
    page.click("#node-air-05 .name a")
    card = page.locator("#card")
    expect(card.locator("h2")).to_have_text("Strømmen sentrum")
    expect(card.locator(".readings tbody tr")).to_have_count(4)
    with Client(town.api.url) as client:
        latest = {each["stream"]: each for each in client.json("latest", node="air-05")["latest"]}
    shown = card.locator("tr[data-stream='air-05/no2'] b").inner_text()
    assert float(shown.replace(",", ".")) == pytest.approx(latest["air-05/no2"]["value"])
    expect(card.locator("tr[data-stream='air-05/no2'] .value")).to_contain_text("µg/m³")
    expect(card.locator("tr[data-stream='air-05/no2'] .age")).to_contain_text("siden")
    expect(card.locator(".plot canvas")).to_be_visible()
    expect(card.locator(".coverage")).to_contain_text("% av målingene")
    expect(card.locator("dl")).to_contain_text("NILU")
    expect(card.locator("a[rel=license]")).to_have_attribute(
        "href", re.compile("^https://data.norge.no/nlod")
    )
    card.get_by_role("button", name="Ozon").click()
    expect(card.locator(".call code")).to_contain_text("stream=air-05%2Fo3")
    expect(card.locator(".day .label")).to_contain_text("Ozon")
    csv = page.request.get(f"{visit.url}{card.locator('a.file').get_attribute('href')}").text()
    assert csv.startswith("time,value,flags")
    assert len(csv.splitlines()) > 60


def test_the_chart_is_told_in_words_and_as_a_table_too(visit: Visit) -> None:
    page = visit.open("/#node-air-01")
    plot = page.locator("#card .plot")
    expect(plot).to_have_attribute(
        "aria-label", re.compile(r"timesmiddel\. Lavest .* høyest .* sist .*µg/m³")
    )
    page.locator("#card summary").click()
    rows = page.locator("#card details tbody tr")
    # The hour that has just begun may have no reading yet.
    assert rows.filter(has_text=re.compile(r"\d µg/m³")).count() >= 5


def test_the_call_to_copy_is_copied(chromium: Browser, town: Platform) -> None:
    with Visit(chromium, town.api.url, permissions=["clipboard-read", "clipboard-write"]) as visitor:
        page = visitor.open("/#node-air-01")
        page.locator("#card").get_by_role("button", name="Kopier").click()
        expect(page.locator("#card [role=status]")).to_have_text("Kopiert")
        copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"curl '{town.api.url}/api/v1/readings?stream=air-01%2F")


def test_a_card_on_the_map_opens_by_a_click_on_its_mark(visit: Visit) -> None:
    page = visit.open("/#/air")
    page.locator(".node").first.click()
    expect(page.locator("#card h2")).to_be_visible()
    page.locator("#card .close").click()
    expect(page.locator("#card")).to_be_hidden()


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


def test_the_whole_page_takes_less_than_its_budget_and_is_kept(chromium: Browser, town: Platform) -> None:
    with Visit(chromium, town.api.url) as visitor:
        network = visitor.page.context.new_cdp_session(visitor.page)
        network.send("Network.enable")
        sizes: list[int] = []
        network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        page = visitor.open()
        live(page)
        page.click("#node-air-01 .name a")
        expect(page.locator("#card .plot canvas")).to_be_visible()
        page.wait_for_timeout(500)
        whole = sum(sizes)
        sys.stdout.write(f"\nthe page and a card: {whole:,} bytes in {len(sizes)} answers\n")
        assert 100_000 < whole < BUDGET


def test_the_scripts_write_figures_as_the_server_does(visit: Visit) -> None:
    for language in Language:
        page = visit.open(f"/?language={language.value}")
        words = WORDS[language]
        cases: list[tuple[str | None, float]] = [
            (quantity, value)
            for quantity in ("no2", "water_level", "people_count", "wind_direction", "lamp_state", None)
            for value in (0.0, 1.0, -0.04, -3.25, 12.345, 22.5, 359.9, 1234.5, 1234567.891)
        ]
        ages = [0, 0.5, 1, 59, 99, 100, 3599, 6000, 100_000, 172_800, 1e6]
        module = page.locator("script[type=module]").get_attribute("src")
        assert module is not None
        source = module.replace("main.js", "figures.js")
        shown = page.evaluate(
            "async ([source, cases, ages]) => { const figures = await import(source);"
            " return [cases.map((each) => figures.reading(...each)), ages.map(figures.age)]; }",
            [source, cases, ages],
        )
        assert shown == [
            [figures.reading(words, quantity, value) for quantity, value in cases],
            [figures.age(words, seconds) for seconds in ages],
        ]


def test_the_labels_of_a_chart_tell_its_steps_apart(visit: Visit) -> None:
    page = visit.open()
    module = page.locator("script[type=module]").get_attribute("src")
    assert module is not None
    steps = page.evaluate(
        "async (source) => { const { STEPS, places } = await import(source);"
        " return STEPS.map((step) => [step, Number(step.toFixed(places(step)))]); }",
        module.replace("main.js", "chart.js"),
    )
    assert len(steps) > 30
    assert [shown for _, shown in steps] == pytest.approx([step for step, _ in steps])


def test_what_the_page_knows_of_the_town_is_no_more_than_the_api_says_is_open(
    visit: Visit, town: Platform
) -> None:
    with Client(town.api.url) as client:
        closed = {each["stream"] for each in client.json("streams", open="false", limit=10_000)["streams"]}
        opened = {each["stream"] for each in client.json("streams", open="true", limit=10_000)["streams"]}
    assert closed
    page = visit.open()
    streams = page.eval_on_selector_all("data", "all => all.map((each) => each.dataset.stream)")
    assert streams
    assert set(streams) <= opened
    text = page.content() + page.request.get(f"{visit.url}/open-data").text()
    nodes = {stream.partition("/")[0] for stream in closed} - {stream.partition("/")[0] for stream in opened}
    assert nodes
    assert not [node for node in nodes if node in text]
    assert json.loads(page.locator("#states").inner_text()).keys().isdisjoint(nodes)

"""The town's page in a real browser: the simulated town, through broker, ingest, database and API."""

import json
import re
import sys

import pytest
from playwright.sync_api import Browser, expect

from api.page import figures
from api.page.language import Language
from api.page.words import WORDS
from testbed.client import Client
from testbed.platform import Platform
from testbed.visit import Visit, live

BUDGET = 250_000
"""Bytes over the wire for the whole page, without map tiles."""


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

"""The page says how fresh it is: readings are seen as they come, and that none come, too."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, expect

from bypuls.registry import RegisteredNode, RegisteredStream
from bypuls.store.registration import register
from testbed import Databases, Device
from testbed.platform import Platform, platform
from testbed.simulator import Simulator
from testbed.visit import Visit

NODES = [
    RegisteredNode(
        node="page-01",
        owner="Lillestrøm kommune",
        place="Torvet",
        latitude=59.9555,
        longitude=11.0515,
        stream=[
            RegisteredStream(channel="air_temperature", expected_interval=1, open_data=True),
            RegisteredStream(channel="sound_level", expected_interval=1),
        ],
    ),
    RegisteredNode(
        node="page-02",
        place='<b>Ikke</b> til "salgs" & sånt',
        stream=[
            RegisteredStream(channel="bay-1/occupancy", expected_interval=1, open_data=True),
            RegisteredStream(channel="bay-2/occupancy", expected_interval=1, open_data=True),
        ],
    ),
]


@pytest.fixture(scope="module")
def quiet(databases: Databases) -> Iterator[Platform]:
    """A platform of two nodes, which send what the tests say."""
    with platform(databases) as running:
        register(running.database_url, NODES)
        yield running


@pytest.fixture(scope="module")
def device(quiet: Platform) -> Iterator[Device]:
    """Both nodes."""
    with Device(quiet.broker.port) as made:
        yield made


def send(device: Device, node: str, values: dict[str, float]) -> None:
    """Publish values of a node's channels, as of now."""
    now = time.time()
    device.send(f"bypuls/v1/{node}/up", [{"n": name, "v": value, "t": now} for name, value in values.items()])


@pytest.fixture
def visit(chromium: Browser, quiet: Platform, device: Device) -> Iterator[Visit]:
    """A visitor of a town that has just sent a reading of each thing."""
    before = quiet.ingest.metric("readings")
    send(device, "page-01", {"air_temperature": 3.4, "sound_level": 51})
    send(device, "page-02", {"bay-1/occupancy": 1, "bay-2/occupancy": 0})
    quiet.ingest.wait_for(lambda: quiet.ingest.metric("readings") >= before + 4, "store them")
    with Visit(chromium, quiet.api.url) as visitor:
        yield visitor
        assert visitor.complaints == []
        assert visitor.strangers == set()


def connection(visit: Visit) -> Locator:
    """What the page says of its own freshness."""
    return visit.page.locator("#connection")


def test_a_reading_is_seen_in_list_card_and_map_without_a_reload(visit: Visit, device: Device) -> None:
    page = visit.open("/#/weather")
    value = page.locator("#node-page-01 tr", has_text="Lufttemperatur").locator(".value")
    expect(value).to_have_text("3,4 °C")
    expect(connection(visit)).to_have_attribute("data-state", "live")
    page.locator("#node-page-01 .name a").click()
    of_card = page.locator("#card tr[data-stream='page-01/air_temperature']")
    expect(of_card.locator(".value")).to_have_text("3,4 °C")
    send(device, "page-01", {"air_temperature": -12.5})
    expect(value).to_have_text("\N{MINUS SIGN}12,5 °C")
    expect(of_card.locator(".value")).to_have_text("\N{MINUS SIGN}12,5 °C")
    expect(of_card.locator(".age")).to_contain_text("s siden")
    expect(page.locator(".node .caption")).to_have_text("\N{MINUS SIGN}12,5 °C")


def test_bays_are_counted_together_as_they_change(visit: Visit, device: Device) -> None:
    page = visit.open()
    bays = page.locator("tr[data-quantity=occupancy] .value b")
    expect(bays).to_have_text("1 av 2")
    expect(connection(visit)).to_have_attribute("data-state", "live")
    send(device, "page-02", {"bay-2/occupancy": 1})
    expect(bays).to_have_text("2 av 2")


def test_a_stream_that_is_not_open_is_shown_nowhere(visit: Visit, device: Device) -> None:
    page = visit.open()
    expect(connection(visit)).to_have_attribute("data-state", "live")
    page.locator("#node-page-01 .name a").click()
    expect(page.locator("#card .readings tbody tr")).to_have_count(1)
    send(device, "page-01", {"sound_level": 97, "air_temperature": 8})
    expect(page.locator("#card tr[data-stream='page-01/air_temperature'] b")).to_have_text("8,0")
    assert "sound_level" not in page.locator("body").inner_html().replace('"sound_level":', "")
    assert "97" not in page.locator("#card .readings").inner_text()


def test_what_a_registry_says_is_text_and_never_markup(visit: Visit) -> None:
    page = visit.open("/#node-page-02")
    place = NODES[1].place
    expect(page.locator("#card h2")).to_have_text(str(place))
    expect(page.locator("#node-page-02 .name a")).to_have_text(str(place))
    assert page.locator("#list b", has_text="Ikke").count() == 0


def test_a_town_that_sends_nothing_more_is_called_stale_until_it_does(
    visit: Visit, quiet: Platform, device: Device
) -> None:
    page = visit.open()
    expect(connection(visit)).to_have_attribute("data-state", "live")
    quiet.ingest.kill()
    try:
        expect(connection(visit)).to_have_attribute("data-state", "stale", timeout=60_000)
        expect(connection(visit)).to_contain_text("Det kommer ikke inn nye målinger. De siste er fra")
    finally:
        quiet.ingest.start()
    send(device, "page-01", {"air_temperature": 4.5})
    expect(page.locator("tr[data-quantity=air_temperature] b")).to_have_text("4,5")
    expect(connection(visit)).to_have_attribute("data-state", "live", timeout=30_000)


def test_a_lost_connection_is_told_and_made_again_and_nothing_is_missed(
    visit: Visit, quiet: Platform, device: Device
) -> None:
    page = visit.open()
    visit.bear.add("/api/v1/live")
    expect(connection(visit)).to_have_attribute("data-state", "live")
    quiet.api.stop()
    expect(connection(visit)).to_have_attribute("data-state", "lost")
    expect(connection(visit)).to_contain_text("Forbindelsen er brutt")
    send(device, "page-01", {"air_temperature": 5.5})
    quiet.api.start()
    expect(page.locator("tr[data-quantity=air_temperature] b")).to_have_text("5,5", timeout=30_000)
    send(device, "page-01", {"air_temperature": 6.5})
    expect(page.locator("tr[data-quantity=air_temperature] b")).to_have_text("6,5")
    expect(connection(visit)).to_have_attribute("data-state", "live", timeout=30_000)
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_who_comes_back_to_the_page_reads_the_sentence_anew(visit: Visit) -> None:
    visit.page.clock.install()
    page = visit.open()
    expect(connection(visit)).to_have_attribute("data-state", "live")
    page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=1))  # so no timer fetches it
    show = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(show, True)
    with page.expect_response("**/now?*") as answer:
        page.evaluate(show, False)
    assert answer.value.ok


def test_axe_finds_nothing_on_the_page_of_open_data(visit: Visit) -> None:
    visit.open("/open-data")
    assert visit.page.locator("tbody tr").count() == 3
    assert visit.violations() == []


def test_a_node_that_measures_for_the_first_time_is_shown_to_those_who_have_the_page_open(
    chromium: Browser, databases: Databases
) -> None:
    with platform(databases) as running, Device(running.broker.port) as device:
        register(running.database_url, NODES)
        with Visit(chromium, running.api.url) as visitor:
            page = visitor.open()
            for number, (node, channel) in enumerate(
                [("page-01", "air_temperature"), ("page-02", "bay-1/occupancy")]
            ):
                expect(page.locator("[data-node]")).to_have_count(number)
                send(device, node, {channel: 1})
                expect(page.locator(f"#node-{node}")).to_be_attached()
                assert "Det er ikke kommet noen målinger" not in page.locator(".sentence").inner_text()
            expect(page.locator("#map .node")).to_have_count(1)  # the other one has no position
            assert visitor.complaints == []


def test_a_page_that_was_opened_before_anything_was_measured_shows_the_town_when_it_is_there(
    chromium: Browser, databases: Databases
) -> None:
    with platform(databases) as running, Visit(chromium, running.api.url) as visitor:
        page = visitor.open()
        expect(page.locator("[data-node]")).to_have_count(0)
        with Simulator(running.database_url, running.broker.port, "--history", "1h", nodes=40):
            expect(page.locator("[data-node]").nth(20)).to_be_attached(timeout=60_000)

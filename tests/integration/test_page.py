"""The page over HTTP, without a browser: its headers, its files, and what it says without a database."""

import gzip
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import psycopg
import pytest

from api.kept import FRESH
from bypuls.quality import Flag
from testbed import Api, Databases
from testbed.client import Client, served
from testbed.filling import put, register
from testbed.port import free_port

SECRET = 41.75


@pytest.fixture(scope="module")
def client(databases: Databases) -> Iterator[Client]:
    """An API over two nodes: an open one with a closed stream, and a closed one."""
    now = round(time.time() * 1e6)
    with databases.migrated() as url:
        opened = register(
            url, "page-01", "no2", "o3", place="Torvet", owner="Kommunen", latitude=59.9555, longitude=11.0515
        )
        closed = register(url, "page-02", "pm10", place="Bakgården")
        for stream, value in ((opened["no2"], 7.25), (opened["o3"], SECRET), (closed["pm10"], SECRET)):
            put(url, stream, [now - 60_000_000], [value])
        open_up(url, opened["no2"])
        with served(url) as made:
            yield made


def open_up(url: str, stream: int) -> None:
    """Make a stream open data."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE stream SET open_data = true WHERE stream_id = %s", [stream])


def assets(html: str) -> set[str]:
    """Return the addresses of all files that a page names."""
    return set(re.findall(r'"(/assets/[^"]+)"', html))


@pytest.mark.parametrize("path", ["/", "/open-data", "/aapne-data", "/now"])
def test_a_page_has_no_inline_code_and_a_policy_that_would_refuse_it(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert not re.search(r"\sstyle=|\son\w+=|<style", answer.text)
    scripts = re.findall(r"<script([^>]*)>([^<]*)", answer.text)
    assert all("src=" in attributes or "application/json" in attributes for attributes, _ in scripts)


def test_a_page_names_files_of_its_own_alone_and_all_of_them_are_there(client: Client) -> None:
    html = client.get("/").text
    assert not re.search(r'(src|href)="(https?:)?//(?!www\.kartverket|creativecommons|data\.norge)', html)
    named = assets(html)
    assert len(named) > 15
    for address in named:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        again = client.get(address, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_scripts_name_only_modules_that_are_preloaded(client: Client) -> None:
    html = client.get("/").text
    named = assets(html)
    folder = next(address for address in named if address.endswith("/main.js")).removesuffix("main.js")
    for address in [each for each in named if each.startswith(folder) and each.endswith(".js")]:
        for module in re.findall(
            r'from "\./([\w.]+)"|^import "\./([\w.]+)"', client.get(address).text, re.MULTILINE
        ):
            assert folder + "".join(module) in named


def test_a_file_is_packed_for_those_who_take_that(client: Client) -> None:
    address = next(each for each in assets(client.get("/").text) if each.endswith("leaflet.js"))
    with client.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    with client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as plain:
        whole = b"".join(plain.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert answer.headers["etag"] != plain.headers["etag"]
    assert answer.headers["vary"].startswith("Accept-Encoding")
    assert gzip.decompress(packed) == whole
    assert len(packed) < len(whole) / 3


def test_a_file_of_another_version_is_given_but_not_kept_and_an_unknown_one_is_a_problem(
    client: Client,
) -> None:
    assert client.get("/assets/old/static/main.js").headers["cache-control"] == "no-cache"
    for name in (
        "static/none.js",
        "../pages.py",
        "%2e%2e/pages.py",
        "templates/town.html",
        "vendor/README.md",
    ):
        assert client.get(f"/assets/old/{name}").status_code == 404


def test_only_open_streams_are_told(client: Client) -> None:
    for path in ("/", "/now", "/open-data", "/?language=en"):
        html = client.get(path).text
        for closed in ("page-02", "Bakgården", "41,8", "41.8", "41.75", "page-01/o3"):
            assert closed not in html, (path, closed)
    assert '<data value="7.25" data-stream="page-01/no2">' in client.get("/").text


def test_the_list_tells_value_unit_place_owner_and_age(client: Client) -> None:
    html = client.get("/", headers={"Accept-Language": "en"}).text
    assert 'data-owner="Kommunen" data-at="59.9555 11.0515"' in html
    assert re.search(r'<td class="value"><b>7\.3</b> <span>µg/m³</span>', html)
    found = re.search(r'<time datetime="([^"]+)">(\d+) (s|min) ago</time>', html)
    assert found is not None
    assert datetime.fromisoformat(found[1]) < datetime.now(UTC)


def test_the_states_of_nodes_come_with_the_sentence(client: Client) -> None:
    found = re.search(r'<script type="application/json" id="states">(.*?)</script>', client.get("/now").text)
    assert found is not None
    assert json.loads(found[1]).keys() == {"page-01"}


def test_a_choice_is_remembered_by_a_cookie_and_nothing_else_is(client: Client) -> None:
    answer = client.get("/", params={"language": "en", "appearance": "dark"})
    assert '<html lang="en" data-appearance="dark">' in answer.text
    kept = answer.headers.get_list("set-cookie")
    assert sorted(each.partition("=")[0] for each in kept) == ["appearance", "language"]
    assert all("SameSite=lax" in each and "Path=/" in each for each in kept)
    client.cookies.clear()
    assert "set-cookie" not in client.get("/").headers
    for asked_by_script in ("/now?language=en", "/?language=en&anew=true"):
        assert "set-cookie" not in client.get(asked_by_script).headers
    assert client.get("/", params={"language": "fr"}).status_code == 422


def test_tiles_are_asked_for_where_the_settings_name_them(databases: Databases) -> None:
    tiles = "https://tiles.example/{z}/{x}/{y}.png"
    with databases.migrated() as url, served(url, API_TILE_URL=tiles, API_TOWN="Fet & Blaker") as client:
        answer = client.get("/")
        assert "img-src 'self' data: https://tiles.example;" in answer.headers["content-security-policy"]
        assert tiles in answer.text
        assert "<title>Slik er Fet &amp; Blaker nå · Bypuls</title>" in answer.text
        assert "Ingen åpne målinger ennå" in answer.text


NOTHING = "Det er ikke kommet noen målinger ennå."


def told(client: Client) -> list[str]:
    """Return all that tells of the town now: the front page, its sentence by itself, and the summary."""
    return [client.get("/").text, client.get("/now").text, client.ask("summary").text]


def test_a_town_is_called_empty_for_no_moment_longer_than_it_is(databases: Databases) -> None:
    with databases.migrated() as url, served(url) as client:
        assert all(NOTHING in each for each in told(client) * 2)
        streams = register(url, "page-01", "air_temperature", place="Torvet")
        open_up(url, streams["air_temperature"])
        assert all(NOTHING in each for each in told(client))
        put(url, streams["air_temperature"], [round(time.time() * 1e6)], [3.0])
        page, sentence, summary = told(client)
        assert NOTHING not in page + sentence + summary
        assert all("Det er 3" in each for each in (page, sentence, summary))
        assert 'data-node="page-01"' in page


def test_the_first_to_come_for_a_while_is_told_how_it_is_now_and_not_how_it_was(
    databases: Databases,
) -> None:
    with databases.migrated() as url, served(url) as client:
        stream = register(url, "page-01", "air_temperature", place="Torvet")["air_temperature"]
        open_up(url, stream)
        put(url, stream, [round(time.time() * 1e6)], [3.0])
        assert all("Det er 3" in each for each in told(client))
        put(url, stream, [round(time.time() * 1e6)], [21.0])
        # What is kept is kept whole: on a page that nobody has asked for yet, sentence and list agree.
        english = client.get("/", headers={"Accept-Language": "en"}).text
        assert ("It is 3" in english) == ('<data value="3.0"' in english)
        time.sleep(FRESH)
        page, sentence, summary = told(client)
        assert all("Det er 12" in each for each in (page, sentence, summary))  # the mean of an hour
        assert '<data value="21.0"' in page


def test_a_reading_that_is_certainly_wrong_is_listed_as_doubtful_and_told_by_nobody(
    databases: Databases,
) -> None:
    now = round(time.time() * 1e6)
    with databases.migrated() as url, served(url) as client:
        stream = register(url, "page-01", "air_temperature", place="Torvet")["air_temperature"]
        open_up(url, stream)
        times = [now - 120_000_000, now - 60_000_000, now]
        put(url, stream, times, [3.0, 4.0, 95.0], [0, 0, int(Flag.OUT_OF_RANGE)])
        html = client.get("/").text
        assert re.search(r'class="doubtful">.*<b>95,0</b>', html)
        assert "Det er 4" in html  # the mean of an hour, 3.5
        [state] = client.json("summary")["nodes"]
        assert (state["value"], state["level"]) == (4.0, 1)


class WithoutDatabase(Api):
    """An API that is as ready as it can be."""

    def _ready(self) -> bool:
        try:
            self.get("/healthz")
        except OSError:
            return False
        return True


def test_while_the_database_is_away_the_page_says_so_and_comes_back() -> None:
    with WithoutDatabase(f"postgresql://nobody@127.0.0.1:{free_port()}/none") as api:
        answer = httpx.get(api.url, timeout=60)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "Databasen med målingene svarer ikke" in answer.text
    assert '<meta http-equiv="refresh" content="5">' in answer.text

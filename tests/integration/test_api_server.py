"""The API as a process: outages of its database, clients that go away, its start and its end."""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil
import pytest

from api.row_stream import LIMIT
from api.server import PATIENCE
from bypuls.readings import SECOND
from testbed import Databases, Link
from testbed.api import Api
from testbed.client import Client
from testbed.filling import NEW_YEAR, put, register
from testbed.port import free_port

SIZE = 2_000_000
EVERYTHING = "/api/v1/readings?stream=air-01/no2&start=2000-01-01T00:00:00Z&format=csv"


class Early(Api):
    """An API that is waited for until it answers, whatever its database does."""

    def _ready(self) -> bool:
        try:
            self.get("/healthz")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    with databases.migrated() as url:
        put(url, register(url, "air-01", "no2")["no2"], NEW_YEAR + np.arange(SIZE, dtype=np.int64) * SECOND)
        yield url


@pytest.fixture
def link(url: str) -> Iterator[Link]:
    """A link to the database that can be cut."""
    parts = urlsplit(url)
    with Link(parts.hostname or "127.0.0.1", parts.port or 5432) as link:
        yield link


def through(link: Link, url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}@127.0.0.1:{link.port}").geturl()


def wait_for(condition: Callable[[], bool], what: str, timeout: float) -> float:
    """Wait until it holds, and return for how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout, f"{what} took more than {timeout} s"
        time.sleep(0.1)
    return time.monotonic() - began


def test_it_starts_without_a_database_says_so_and_heals(url: str, link: Link) -> None:
    link.cut()
    with Early(through(link, url)) as api, Client(api.url) as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/readyz", "/api/v1/latest"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "5"
            assert answer.json()["type"] == "urn:bypuls:problem:store-unavailable"
            assert "127.0.0.1" not in answer.text
        link.heal()
        wait_for(lambda: client.get("/readyz").status_code == 200, "healing", 30)
        assert client.json("latest")["latest"]


def test_it_heals_after_an_outage(url: str, link: Link) -> None:
    with Api(through(link, url)) as api, Client(api.url) as client:
        assert client.ask("latest").status_code == 200
        link.cut()
        began = time.monotonic()
        while time.monotonic() - began < 25:
            assert client.ask("latest").status_code == 503
            assert client.get("/healthz").status_code == 200
        link.heal()
        wait_for(lambda: client.ask("latest").status_code == 200, "healing", 30)


def test_rows_that_break_off_are_no_complete_answer(url: str, link: Link) -> None:
    with Api(through(link, url)) as api, Client(api.url) as client:
        with client.stream("GET", EVERYTHING) as answer:
            assert answer.status_code == 200
            chunks = answer.iter_raw(1 << 20)
            next(chunks)
            link.cut()
            with pytest.raises(httpx.RemoteProtocolError):
                for _ in chunks:
                    pass
        assert client.get("/healthz").status_code == 200
        [told] = [line for line in api.log.read_text().splitlines() if "answer cut off" in line]
        assert json.loads(told)["path"] == "/api/v1/readings"
        assert "Traceback" not in told


def readings_given(client: Client) -> float:
    for line in client.get("/metrics").text.splitlines():
        if line.startswith("bypuls_api_readings_total "):
            return float(line.split()[1])
    raise AssertionError("the metric is gone")


def test_a_client_that_goes_away_ends_its_stream(url: str) -> None:
    with Api(url) as api, Client(api.url) as client:
        with Client(api.url) as leaving, leaving.stream("GET", EVERYTHING) as answer:
            next(answer.iter_raw(1 << 20))
        time.sleep(2)
        given = readings_given(client)
        assert given < SIZE / 2
        time.sleep(2)
        assert readings_given(client) == given


def test_readers_that_stand_still_keep_nobody_from_the_database(url: str) -> None:
    with Api(url, DATABASE_CONNECTIONS="2") as api, Client(api.url) as client, ExitStack() as stack:
        rss = psutil.Process(api.pid).memory_info().rss
        assert client.ask("latest").status_code == 200
        answers = [
            stack.enter_context(stack.enter_context(Client(api.url)).stream("GET", EVERYTHING))
            for _ in range(40)
        ]
        assert [answer.status_code for answer in answers] == [200] * LIMIT + [503] * (40 - LIMIT)
        assert answers[-1].headers["retry-after"] == "5"
        refusal = json.loads(answers[-1].read())
        assert refusal["type"] == "urn:bypuls:problem:too-many-exports"
        assert f"All {LIMIT} exports" in refusal["detail"]
        time.sleep(2)
        assert client.ask("latest").status_code == 200
        assert psutil.Process(api.pid).memory_info().rss < rss + 60_000_000
        stack.close()
        wait_for(lambda: at_once(api.url) == LIMIT, "giving the places back", 10)


def test_readers_that_stand_still_lose_their_places_to_others(url: str) -> None:
    with Api(url) as api, ExitStack() as stack:
        for _ in range(LIMIT):
            answer = stack.enter_context(stack.enter_context(Client(api.url)).stream("GET", EVERYTHING))
            assert answer.status_code == 200
        assert at_once(api.url) == 0
        wait_for(lambda: at_once(api.url) == LIMIT, "giving the places back", PATIENCE + 15)
        assert "Traceback" not in api.log.read_text()


def at_once(url: str) -> int:
    """Return how many streams can be open at once."""
    with ExitStack() as stack:
        for number in range(LIMIT + 1):
            answer = stack.enter_context(stack.enter_context(Client(url)).stream("GET", EVERYTHING))
            if answer.status_code == 503:
                return number
    raise AssertionError("there is no limit")


def test_the_place_of_a_stream_comes_back_however_it_ends(url: str, link: Link) -> None:
    with Api(through(link, url)) as api, Client(api.url) as client:
        for _ in range(LIMIT + 1):
            assert client.head(EVERYTHING).status_code == 200
            end = "2026-01-01T00:01:00Z"
            assert client.get(f"{EVERYTHING}&end={end}").status_code == 200
        with ExitStack() as stack:
            for _ in range(2):
                answer = stack.enter_context(stack.enter_context(Client(api.url)).stream("GET", EVERYTHING))
                stack.enter_context(pytest.raises(httpx.RemoteProtocolError))
                stack.callback(answer.read)
            link.cut()
        link.heal()
        wait_for(lambda: client.ask("latest").status_code == 200, "healing", 30)
        wait_for(lambda: at_once(api.url) == LIMIT, "giving the places back", 10)


@pytest.mark.parametrize(
    "line", ["GET /api/v1/nodes?owner=Lillestrøm HTTP/1.1", "BREW!! / HTTP/1.1", "hello"]
)
def test_what_is_no_http_is_told_so_with_a_problem(url: str, line: str) -> None:
    with Api(url) as api, socket.create_connection(("127.0.0.1", urlsplit(api.url).port or 0)) as raw:
        raw.sendall(f"{line}\r\nHost: x\r\n\r\n".encode())
        with raw.makefile("rb") as given:
            head, _, body = given.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    assert b"x-content-type-options: nosniff" in head.lower()
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert json.loads(body)["status"] == 400
    assert "percent-encode" in json.loads(body)["detail"]


def test_small_answers_are_not_held_back(url: str) -> None:
    """Without TCP_NODELAY each answer with a body waits some 40 ms on a connection that is kept."""
    with Api(url) as api, Client(api.url) as client:
        times = []
        for _ in range(30):
            began = time.perf_counter()
            assert client.ask("quantities").status_code == 200
            times.append(time.perf_counter() - began)
        assert statistics.median(times) < 0.02


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order_on_a_signal_with_clients_connected(url: str, number: signal.Signals) -> None:
    with Api(url) as api, Client(api.url) as idle, Client(api.url) as reading:
        idle.get("/healthz")
        with reading.stream("GET", EVERYTHING):
            process = psutil.Process(api.pid)
            process.send_signal(number)
            assert process.wait(10) == 0
        assert "Traceback" not in api.log.read_text()


def test_a_taken_port_gives_one_clear_sentence(url: str) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "bypuls", "api"],
            env=os.environ | {"BYPULS_DATABASE_URL": url, "BYPULS_API_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert f"127.0.0.1 port {port}" in ended.stderr

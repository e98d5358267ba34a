"""Live readings: what was committed reaches those who listen, once, and nobody hinders anybody."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime

import numpy as np
import psycopg
import pytest
from starlette.types import Message

from api.listener import Wanted
from api.live import Live
from api.routes.live import Events
from bypuls.readings import SECOND
from bypuls.store.database import Database
from bypuls.store.live import MOST_BYTES, Committed, written
from testbed import Databases, DatabaseServer, Device, Ingest, Mosquitto
from testbed.client import Client, served
from testbed.event_stream import EventStream
from testbed.filling import register
from testbed.writing import write


def now() -> int:
    return time.time_ns() // 1_000


class Town:
    """Two nodes with an open stream each, and one that is closed beside the first."""

    def __init__(self, url: str) -> None:
        self.url = url
        near = register(url, "air-01", "no2", "pm10", "sound_level", latitude=59.953, longitude=11.0495)
        far = register(url, "air-02", "no2", latitude=60.2, longitude=11.5)
        self.no2, self.pm10, self.closed, self.far = (
            near["no2"],
            near["pm10"],
            near["sound_level"],
            far["no2"],
        )
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE stream SET open_data = true WHERE stream_id <> %s", [self.closed])

    def commit(self, stream: int, value: float, ago: int = 0) -> None:
        write(self.url, stream, [now() - ago * SECOND], value)


@pytest.fixture(scope="module")
def town(databases: Databases) -> Iterator[Town]:
    with databases.migrated() as url:
        yield Town(url)


@pytest.fixture(scope="module")
def api(town: Town) -> Iterator[Client]:
    with served(town.url) as client:
        yield client


def test_a_committed_reading_reaches_those_who_listen_and_ask_for_it(town: Town, api: Client) -> None:
    with (
        EventStream(api) as everything,
        EventStream(api, quantity="pm10") as dust,
        EventStream(api, bbox="10.9,59.9,11.3,60.1") as near,
    ):
        assert everything.answer.headers["content-type"].startswith("text/event-stream")
        assert everything.answer.headers["cache-control"] == "no-store"
        for stream in (everything, dust, near):
            assert stream.next().name == "hello"
        town.commit(town.no2, 21.5)
        [reading] = everything.readings()
        assert (reading["stream"], reading["value"], reading["unit"]) == ("air-01/no2", 21.5, "ug/m3")
        assert near.readings() == [reading]
        town.commit(town.far, 7.0)
        assert everything.readings()[0]["stream"] == "air-02/no2"
        town.commit(town.pm10, 3.0)
        # The first that the others hear of is what they asked for.
        assert [each["stream"] for each in dust.readings()] == ["air-01/pm10"]
        assert [each["stream"] for each in near.readings()] == ["air-01/pm10"]


def test_a_stream_that_is_not_open_is_never_pushed(town: Town, api: Client) -> None:
    with EventStream(api) as stream:
        stream.next("hello")
        town.commit(town.closed, 80.0)
        time.sleep(1.5)
        town.commit(town.no2, 1.0)
        assert [each["stream"] for each in stream.readings()] == ["air-01/no2"]


def test_late_and_historical_readings_are_not_pushed(town: Town, api: Client) -> None:
    with EventStream(api) as stream:
        stream.next("hello")
        town.commit(town.no2, 1.0)
        assert [each["value"] for each in stream.readings()] == [1.0]
        town.commit(town.no2, 2.0, ago=60)  # late: older than what the stream has shown
        town.commit(town.pm10, 3.0, ago=3 * 86_400)  # historical
        time.sleep(1.5)
        town.commit(town.no2, 4.0)
        assert [each["value"] for each in stream.readings()] == [4.0]


def test_commits_of_one_second_come_together_and_only_the_newest_reading_of_each_stream(
    town: Town, api: Client
) -> None:
    with EventStream(api) as stream:
        stream.next("hello")
        for second in range(20):
            town.commit(town.no2, float(second))
        town.commit(town.far, 1.0)
        seen = stream.readings()
        while not any(each["stream"] == "air-02/no2" for each in seen):
            seen += stream.readings()
        mine = [each["value"] for each in seen if each["stream"] == "air-01/no2"]
        assert mine[-1] == 19.0
        assert len(mine) < 10


def test_who_comes_back_gets_what_came_in_between(town: Town, api: Client) -> None:
    with EventStream(api) as stream:
        stream.next("hello")
        assert stream.retry == 3000
        town.commit(town.no2, 1.0)
        last = stream.next("readings").id
    with EventStream(api) as other:
        other.next("hello")
        town.commit(town.no2, 2.0)
        other.readings()
        town.commit(town.far, 3.0)
        other.readings()
    with EventStream(api, last=last) as again:
        assert [again.readings()[0]["value"] for _ in range(2)] == [2.0, 3.0]
    with EventStream(api, after=str(last), quantity="pm10") as nothing:
        town.commit(town.pm10, 4.0)
        assert nothing.readings()[0]["value"] == 4.0


@pytest.mark.parametrize("last", ["", "nonsense", "00000000-0", "00000000-99", "-", "x-y"])
def test_who_comes_back_with_an_id_that_is_not_known_is_told_to_load_anew(
    town: Town, api: Client, last: str
) -> None:
    with EventStream(api, after=last) as stream:
        assert stream.next().name == "hello"
        assert stream.next().name == "reset"
        town.commit(town.no2, 1.0)
        assert stream.readings()[0]["value"] == 1.0


def test_heartbeats_tell_that_the_database_went_away_and_nothing_is_lost_when_it_is_back(
    timescale: DatabaseServer, town: Town, api: Client
) -> None:
    with EventStream(api, patience=40) as stream:
        stream.next("hello")
        assert stream.next().data["database"] is True  # who comes hears at once how it is
        town.commit(town.no2, 1.0)
        stream.readings()
        timescale.stop()
        try:
            assert stream.next("heartbeat").data["database"] is False
        finally:
            timescale.start()
        beat = stream.next("heartbeat").data
        assert beat["database"] is True
        assert abs(datetime.fromisoformat(beat["committed"]).timestamp() - time.time()) < 30
        town.commit(town.no2, 2.0)
        assert stream.readings()[0]["value"] == 2.0


def test_a_frozen_database_is_told_in_heartbeats_and_by_problems_and_all_goes_on_when_it_is_back(
    timescale: DatabaseServer, town: Town, api: Client
) -> None:
    api.get("/api/v1/summary")
    with EventStream(api, patience=60) as stream:
        stream.next("hello")
        town.commit(town.no2, 1.0)
        stream.readings()
        timescale.pause()
        began = time.monotonic()
        try:
            time.sleep(5)  # until no summary is kept
            asked = time.monotonic()
            answer = api.ask("summary")
            assert time.monotonic() - asked < 15
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            while stream.next("heartbeat").data["database"]:
                assert time.monotonic() - began < 30
        finally:
            timescale.resume()
        while not stream.next("heartbeat").data["database"]:
            pass
        town.commit(town.no2, 2.0)
        assert stream.readings()[0]["value"] == 2.0
    deadline = time.monotonic() + 20
    while api.ask("summary").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_client_that_takes_nothing_is_dropped_and_told_and_the_others_do_not_wait(
    town: Town, api: Client
) -> None:
    channels = [f"{'long-' * 20}{number}/no2" for number in range(1_500)]
    numbers = sorted(register(town.url, "many", *channels).values())
    with psycopg.connect(town.url) as connection:
        connection.execute("UPDATE stream SET open_data = true WHERE stream_id = ANY(%s)", [numbers])
    host, port = api.base_url.host, api.base_url.port
    with socket.socket() as slow, EventStream(api) as stream:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.connect((host, port))
        slow.sendall(b"GET /api/v1/live HTTP/1.1\r\nHost: here\r\n\r\n")
        stream.next("hello")
        deadline, rounds = time.monotonic() + 60, 0
        while "bypuls_api_listeners_dropped_total 1.0" not in api.get("/metrics").text:
            assert time.monotonic() < deadline, f"not dropped after {rounds} rounds"
            rounds += 1
            write(town.url, np.array(numbers, np.int32), [now()] * len(numbers), float(rounds))
            values = [each["value"] for _ in range(3) for each in stream.readings()]
            assert values == [float(rounds)] * len(numbers)
        # It holds no place though it hasn't taken what waited: only the other one listens.
        assert "bypuls_api_listeners 1.0" in api.get("/metrics").text
        slow.settimeout(20)
        text = b""
        while not text.endswith(b"0\r\n\r\n"):
            more = slow.recv(1 << 20)
            assert more, "the stream ends in order"
            text += more
        assert text.count(b"event: dropped") == 1
        assert text.rindex(b"event: dropped") > text.rindex(b"event: readings")


def test_a_client_that_never_takes_what_it_is_sent_is_given_up_and_holds_no_place(town: Town) -> None:
    told: list[tuple[int, int]] = []

    async def never(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def silence() -> Message:
        await asyncio.Event().wait()
        return {}

    async def listen(database: Database) -> None:
        live = Live(database, lambda number, dropped: told.append((number, dropped)))
        listener = await live.join(Wanted(), None)
        await asyncio.wait_for(Events(live, listener, within=0.2)({"type": "http"}, silence, never), 10)
        live.close()

    with Database(town.url, name="listening", connections=2, statement_timeout=30) as database:
        asyncio.run(listen(database))
    assert told[:2] == [(1, 0), (0, 1)]


def test_ingest_tells_of_what_it_commits(mosquitto: Mosquitto, town: Town, api: Client) -> None:
    with Ingest(town.url, mosquitto.port), Device(mosquitto.port) as device, EventStream(api) as stream:
        stream.next("hello")
        device.send("bypuls/v1/air-01/up", [{"n": "no2", "bt": now() / SECOND, "v": 33}])
        assert [(each["stream"], each["value"]) for each in stream.readings()] == [("air-01/no2", 33)]


def test_the_api_ends_at_once_though_there_are_listeners(town: Town) -> None:
    with ExitStack() as stack:
        with served(town.url) as api:
            streams = [stack.enter_context(EventStream(api)) for _ in range(20)]
            for stream in streams:
                stream.next("hello")
            began = time.monotonic()
        assert time.monotonic() - began < 2


def test_a_refused_filter_is_told_as_a_problem(api: Client) -> None:
    assert api.ask("live", quantity="no3").json()["errors"][0]["parameter"] == "quantity"
    assert api.ask("live", bbox="1,2").status_code == 422
    assert api.ask("live", every="1h").status_code == 422
    assert api.head("/api/v1/live").status_code == 200


@pytest.mark.parametrize(
    ("streams", "text"),
    [([5], "5"), ([1, 1, 2, 3, 7], "1-3,7"), ([1, 2], "1-2"), (range(1, 100_000), "1-99999")],
)
def test_streams_are_written_as_ranges_and_read_again(streams: list[int], text: str) -> None:
    assert written(np.array(streams, np.int32)) == text
    committed = Committed(set())
    committed.add(text)
    assert committed.streams == set(streams)


def test_too_many_streams_to_be_named_are_all_streams() -> None:
    text = written(np.arange(1, 50_000, 2, dtype=np.int32))
    assert len(text) <= MOST_BYTES
    committed = Committed({1})
    committed.add(text)
    committed.add("3")
    assert committed.streams is None
    assert committed

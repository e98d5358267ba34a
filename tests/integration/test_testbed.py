"""The test servers do what the other tests rely on."""

import socket
import threading
import time
from collections.abc import Iterator

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from testbed import Databases, DatabaseServer, Link, Mosquitto


@pytest.fixture
def plain_databases(timescale: DatabaseServer) -> Iterator[Databases]:
    """Databases whose template has one hypertable of our own, whatever the schema of the store is."""

    def migrate(url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
            connection.execute("CREATE TABLE fact (time timestamptz NOT NULL, value float8)")
            connection.execute("SELECT create_hypertable('fact', 'time')")

    with Databases(timescale.url, migrate) as databases:
        yield databases


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""

    def answer(end: socket.socket) -> None:
        with end:
            while data := end.recv(1 << 16):
                end.sendall(data)

    def accept() -> None:
        while True:
            try:
                end, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(end,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def send_and_receive(broker: Mosquitto, topic: str, payload: bytes) -> bytes:
    """Publish with QoS 1 to a subscriber on another connection; return what arrives within 10 s."""
    received: list[bytes] = []
    arrived, subscribed = threading.Event(), threading.Event()
    subscriber = mqtt.Client(CallbackAPIVersion.VERSION2)
    publisher = mqtt.Client(CallbackAPIVersion.VERSION2)
    subscriber.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
    subscriber.on_subscribe = lambda *_: subscribed.set()

    def keep(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        received.append(bytes(message.payload))
        arrived.set()

    subscriber.on_message = keep
    try:
        subscriber.connect(broker.host, broker.port)
        subscriber.loop_start()
        assert subscribed.wait(10)
        publisher.connect(broker.host, broker.port)
        publisher.loop_start()
        publisher.publish(topic, payload, qos=1).wait_for_publish(10)
        assert arrived.wait(10)
    finally:
        for client in (subscriber, publisher):
            client.disconnect()
            client.loop_stop()
    return received[0]


def test_the_server_has_timescaledb_and_makes_hypertables(plain_databases: Databases) -> None:
    with plain_databases.migrated() as url, psycopg.connect(url) as connection:
        connection.execute("INSERT INTO fact VALUES ('2021-06-01T00:00Z', 1.5), ('2021-07-01T00:00Z', 2.5)")
        chunks = connection.execute("SELECT count(*) FROM show_chunks('fact')").fetchone()
    assert chunks == (2,)


def test_the_server_commits_durably(timescale: DatabaseServer) -> None:
    with psycopg.connect(timescale.url) as connection:
        settings = [connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "synchronous_commit")]
    assert settings == [("on",), ("on",)]


def test_each_copy_of_the_template_is_a_database_of_its_own(plain_databases: Databases) -> None:
    with plain_databases.migrated() as first, plain_databases.migrated() as second:
        with psycopg.connect(first) as connection:
            connection.execute("INSERT INTO fact VALUES ('2021-06-01T00:00Z', 1.5)")
        with psycopg.connect(second) as connection:
            assert connection.execute("SELECT count(*) FROM fact").fetchone() == (0,)


def test_a_database_is_dropped_although_a_client_still_holds_it(plain_databases: Databases) -> None:
    with plain_databases.migrated() as url:
        forgotten = psycopg.connect(url)
    with forgotten, pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_a_committed_row_outlives_the_killing_of_the_server(
    timescale: DatabaseServer, plain_databases: Databases
) -> None:
    with plain_databases.migrated() as url:
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO fact VALUES ('2021-06-01T00:00Z', 1.5)")
        timescale.kill()
        try:
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(url, connect_timeout=2)
        finally:
            timescale.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT value FROM fact").fetchall() == [(1.5,)]


def test_a_stopped_server_comes_back_on_its_port(timescale: DatabaseServer) -> None:
    with psycopg.connect(timescale.url) as connection:
        timescale.stop()
        try:
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        finally:
            timescale.start()
    with psycopg.connect(timescale.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_mosquitto_passes_a_qos_1_message_on(mosquitto: Mosquitto) -> None:
    assert send_and_receive(mosquitto, "testbed/passes", b"4711") == b"4711"


def test_mosquitto_comes_back_on_its_port_after_being_killed() -> None:
    with Mosquitto() as broker:
        broker.kill()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((broker.host, broker.port), timeout=2)
        broker.start()
        assert send_and_receive(broker, "testbed/killed", b"back") == b"back"


def test_a_paused_mosquitto_answers_only_when_resumed() -> None:
    with Mosquitto() as broker:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect(broker.host, broker.port)
        client.loop_start()
        broker.pause()
        published = client.publish("testbed/paused", b"1", qos=1)
        published.wait_for_publish(0.5)
        assert not published.is_published()
        broker.resume()
        published.wait_for_publish(10)
        assert published.is_published()
        client.disconnect()
        client.loop_stop()


def test_mosquitto_takes_the_configuration_of_the_test() -> None:
    refused = threading.Event()
    with Mosquitto("allow_anonymous false\n") as broker:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.on_connect = lambda *arguments: refused.set() if arguments[3] == "Not authorized" else None
        client.connect(broker.host, broker.port)
        client.loop_start()
        assert refused.wait(10)
        client.disconnect()
        client.loop_stop()


def test_a_broken_configuration_is_told_with_the_words_of_mosquitto() -> None:
    with pytest.raises(RuntimeError, match="Unknown configuration variable"), Mosquitto("no_such_option 1\n"):
        pass


def test_a_link_that_is_cut_closes_and_refuses_and_one_that_is_healed_passes_again(echo: int) -> None:
    with Link("127.0.0.1", echo) as link:
        address = ("127.0.0.1", link.port)
        with socket.create_connection(address, timeout=5) as client:
            client.sendall(b"before")
            assert client.recv(100) == b"before"
            link.cut()
            assert client.recv(100) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)
        link.heal()
        with socket.create_connection(address, timeout=5) as client:
            client.sendall(b"after")
            assert client.recv(100) == b"after"


def test_a_stalled_link_accepts_but_holds_everything_back_until_it_is_healed(echo: int) -> None:
    with Link("127.0.0.1", echo) as link:
        link.stall()
        with socket.create_connection(("127.0.0.1", link.port), timeout=0.3) as client:
            client.sendall(b"held")
            with pytest.raises(TimeoutError):
                client.recv(100)
            link.heal()
            client.settimeout(5)
            assert client.recv(100) == b"held"


def test_a_stalled_link_can_be_cut(echo: int) -> None:
    with Link("127.0.0.1", echo) as link, socket.create_connection(("127.0.0.1", link.port), 5) as client:
        link.stall()
        client.sendall(b"lost")
        time.sleep(0.1)
        link.cut()
        assert client.recv(100) == b""


def test_a_link_held_back_in_one_direction_passes_the_other(echo: int) -> None:
    with Link("127.0.0.1", echo) as link, socket.create_connection(("127.0.0.1", link.port), 5) as client:
        client.sendall(b"to and fro")
        assert client.recv(100) == b"to and fro"
        link.stall("down")
        client.sendall(b"held")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(100)
        link.heal()
        client.settimeout(5)
        assert client.recv(100) == b"held"


def test_a_half_open_link_swallows_what_the_end_that_is_left_sends_and_heals_by_ending_it(echo: int) -> None:
    with Link("127.0.0.1", echo) as link, socket.create_connection(("127.0.0.1", link.port), 5) as client:
        client.sendall(b"before")
        assert client.recv(100) == b"before"
        link.half_open("client")
        client.settimeout(0.3)
        client.sendall(b"swallowed")
        with pytest.raises(TimeoutError):
            client.recv(100)
        with socket.create_connection(("127.0.0.1", link.port), 5) as another:
            another.sendall(b"new")
            assert another.recv(100) == b"new"
        link.heal()
        client.settimeout(5)
        assert client.recv(100) == b""


def test_a_slow_link_passes_so_many_bytes_a_second(echo: int) -> None:
    with Link("127.0.0.1", echo) as link, socket.create_connection(("127.0.0.1", link.port), 5) as client:
        link.slow(2_000)
        begin = time.monotonic()
        client.sendall(bytes(1_000))
        received = 0
        while received < 1_000:
            received += len(client.recv(1_000))
        assert 0.5 < time.monotonic() - begin < 5

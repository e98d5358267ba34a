"""How ingest treats its neighbours: broker and database, their outages and limits."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cbor2
import psycopg
import pytest
from paho.mqtt.client import MQTTv311

from bypuls.quality import Flag
from ingest.service import STOP_WITHIN
from testbed import Databases, DatabaseServer, Device, Ingest, Link, Mosquitto, as_role
from testbed.port import free_port

NOW = float(int(time.time()))


def count(url: str, what: str = "reading") -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {what}".encode()).fetchone()  # noqa: S608
        assert row is not None
        return int(row[0])


@contextmanager
def locked_readings(url: str) -> Iterator[None]:
    """Keep everybody from writing readings, so that no commit can end."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE reading IN EXCLUSIVE MODE")
        yield


def end_waiting_commit(connection: psycopg.Connection[tuple[object, ...]], ingest: Ingest) -> None:
    """Wait until a commit of ingest waits for a lock, and end its connection."""
    waiting = (
        b"FROM pg_stat_activity WHERE datname = current_database()"
        b" AND usename = 'bypuls_ingest' AND wait_event_type = 'Lock'"
    )
    ingest.wait_for(lambda: connection.execute(b"SELECT " + waiting).rowcount == 1, "wait for a lock")
    connection.execute(b"SELECT pg_terminate_backend(pid) " + waiting)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pack(seq: int, log: str = "a") -> list[dict[str, object]]:
    return [{"bt": NOW - seq, "n": "no2", "v": float(seq), "log": log, "seq": seq}]


def test_a_pack_is_acknowledged_after_its_commit_and_not_before(
    database_url: str, mosquitto: Mosquitto
) -> None:
    with Ingest(database_url, mosquitto.port) as ingest, Device(mosquitto.port) as device:
        with locked_readings(database_url):
            device.send("bypuls/v1/order-1/up", pack(1))
            time.sleep(1)
            assert device.acknowledged("order-1", "a") == set()
        ingest.wait_for(lambda: device.acknowledged("order-1", "a") == {1}, "acknowledge")
        assert count(database_url) == 1
        assert abs(device.acks["order-1"][0]["now"] - time.time()) < 5


def test_closed_enrolment_keeps_unknown_nodes_in_quarantine(database_url: str, mosquitto: Mosquitto) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO node (node) VALUES ('known-1')")
    with (
        Ingest(database_url, mosquitto.port, INGEST_ENROLMENT="closed") as ingest,
        Device(mosquitto.port) as device,
    ):
        device.send("bypuls/v1/stranger-1/up", pack(1))
        device.send("bypuls/v1/stranger-1/status", b'{"state":"online"}')
        device.send("bypuls/v1/known-1/up", pack(1))
        ingest.wait_for(lambda: device.acknowledged("known-1", "a") == {1}, "acknowledge")
        assert (count(database_url), count(database_url, "node")) == (1, 1)
        assert count(database_url, "quarantine WHERE reason = 'unknown_node'") == 2


def test_a_stranger_is_acknowledged_because_quarantine_has_its_packs_each_for_itself(
    database_url: str, mosquitto: Mosquitto
) -> None:
    with (
        Ingest(database_url, mosquitto.port, INGEST_ENROLMENT="closed") as ingest,
        Device(mosquitto.port) as device,
    ):
        for _ in range(3):  # the same bytes, but each another reading, for it counts from receipt
            device.send("bypuls/v1/stranger-2/up", [{"n": "no2", "v": 7}])
        device.send("bypuls/v1/stranger-2/up", pack(1))
        ingest.wait_for(lambda: device.acknowledged("stranger-2", "a") == {1}, "acknowledge")
        assert count(database_url, "quarantine") == 4
        with psycopg.connect(database_url) as connection:
            connection.execute("INSERT INTO node (node) VALUES ('stranger-2')")
            connection.execute("UPDATE quarantine SET replay_requested_at = now()")
        ingest.wait_for(lambda: count(database_url) == 4, "replay")


def test_after_an_outage_the_numbers_of_the_registry_are_learnt_anew(
    database_url: str, mosquitto: Mosquitto
) -> None:
    with Ingest(database_url, mosquitto.port) as ingest, Device(mosquitto.port) as device:
        device.send("bypuls/v1/first-1/up", pack(1))
        ingest.wait_for(lambda: device.acknowledged("first-1", "a") == {1}, "acknowledge")
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("TRUNCATE reading, pack_log, stream, node RESTART IDENTITY CASCADE")
            connection.execute("INSERT INTO node (node) VALUES ('other-1')")
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s"
            connection.execute(end, ["bypuls-ingest-test%"])
        device.send("bypuls/v1/first-1/up", pack(2))
        ingest.wait_for(lambda: device.acknowledged("first-1", "a") == {1, 2}, "acknowledge")
        assert (
            count(database_url, "reading NATURAL JOIN stream NATURAL JOIN node WHERE node = 'first-1'") == 1
        )


def test_a_batch_checked_again_after_an_outage_keeps_its_flags(
    database_url: str, mosquitto: Mosquitto
) -> None:
    def heat(seq: int, value: float) -> list[dict[str, object]]:
        return [{"log": "a", "seq": seq, "bt": NOW + seq, "n": "air_temperature", "v": value}]

    with Ingest(database_url, mosquitto.port) as ingest, Device(mosquitto.port) as device:
        device.send("bypuls/v1/warm-1/up", heat(1, 10.0))
        ingest.wait_for(lambda: device.acknowledged("warm-1", "a") == {1}, "acknowledge")
        with psycopg.connect(database_url, autocommit=True) as connection:
            with locked_readings(database_url):
                device.send("bypuls/v1/warm-1/up", heat(2, 40.0))
                end_waiting_commit(connection, ingest)
            ingest.wait_for(lambda: device.acknowledged("warm-1", "a") == {1, 2}, "acknowledge")
            flags = connection.execute("SELECT flags FROM reading ORDER BY time").fetchall()
    assert flags == [(0,), (int(Flag.STEP),)]


def test_a_backlog_of_batches_is_checked_again_in_the_order_of_its_arrival(
    database_url: str, mosquitto: Mosquitto
) -> None:
    def flags_of(node: str) -> list[int]:
        rows = connection.execute(
            "SELECT flags FROM reading JOIN stream USING (stream_id) JOIN node USING (node_id)"
            " WHERE node = %s ORDER BY time",
            [node],
        )
        return [flags for (flags,) in rows]

    def send(node: str) -> None:
        for seq in range(40):
            value = 10.0 if seq % 2 else 30.0
            pack = [{"log": "a", "seq": seq, "bt": NOW - 60 * (40 - seq), "n": "air_temperature", "v": value}]
            device.send(f"bypuls/v1/{node}/up", pack)

    everything = set(range(40))
    # A message a batch: several are checked while one waits for the database.
    with (
        Ingest(database_url, mosquitto.port, INGEST_BATCH_BYTES="1") as ingest,
        Device(mosquitto.port) as device,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        send("calm-1")
        ingest.wait_for(lambda: device.acknowledged("calm-1", "a") == everything, "acknowledge")
        with locked_readings(database_url):
            send("torn-1")
            for _ in range(2):
                end_waiting_commit(connection, ingest)
        ingest.wait_for(lambda: device.acknowledged("torn-1", "a") == everything, "acknowledge")
        assert flags_of("torn-1") == flags_of("calm-1")
        assert any(flags_of("calm-1"))


@pytest.mark.timeout(600)
def test_packs_as_dense_as_they_can_be_stay_within_the_memory(
    database_url: str, mosquitto: Mosquitto
) -> None:
    dense = cbor2.dumps([{-2: "no2", -3: NOW - 1000}, *({2: 1} for _ in range(60_000))])
    names = json.dumps([{"n": "x" * 200_000, "v": 1}])
    with Ingest(database_url, mosquitto.port) as ingest, Device(mosquitto.port) as device:
        for number in range(40):
            device.send(f"bypuls/v1/dense-{number}/up", dense)
        for number in range(200):
            device.send(
                "bypuls/v1/names-1/up", names.replace("x", str(number % 10), number % 1000 + 1).encode()
            )
        device.send("bypuls/v1/last-1/up", pack(1))
        # It takes a minute of one core, however long that is; only a standstill is a fault.
        commits, progress = -1.0, time.monotonic()
        while device.acknowledged("last-1", "a") != {1}:
            time.sleep(0.5)
            if (now := ingest.metric("batch_readings_count")) != commits:
                commits, progress = now, time.monotonic()
            assert time.monotonic() - progress < 60, f"a standstill after {commits:g} commits"
        peak = int(Path(f"/proc/{ingest.pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1000
        assert peak < 250


def test_after_a_restart_of_the_broker_ingest_connects_again_and_says_so(database_url: str) -> None:
    with Mosquitto() as broker, Ingest(database_url, broker.port) as ingest:
        broker.kill()
        ingest.wait_for(
            lambda: ingest.metric("connected", neighbour="broker") == 0, "see that the broker is gone"
        )
        broker.start()
        ingest.wait_for(lambda: ingest.metric("reconnects", neighbour="broker") == 1, "connect again")
        with Device(broker.port) as device:
            device.send("bypuls/v1/again-1/up", pack(1))
            ingest.wait_for(lambda: device.acknowledged("again-1", "a") == {1}, "acknowledge")
        assert "broker lost" in ingest.log.read_text()


def test_a_broker_that_knows_only_3_1_1_is_spoken_to_in_3_1_1(database_url: str) -> None:
    port = free_port()
    command = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        sys.executable,
        "-m",
        "bypuls.embedded.amqtt_broker",
        str(port),
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as broker:
        try:
            while not listens(port):
                time.sleep(0.05)
            with Ingest(database_url, port) as ingest, Device(port, protocol=MQTTv311) as device:
                device.send("bypuls/v1/old-1/up", pack(1))
                ingest.wait_for(lambda: device.acknowledged("old-1", "a") == {1}, "acknowledge")
        finally:
            broker.terminate()


def test_acknowledgements_of_an_earlier_connection_confirm_nothing_on_a_later_one(
    database_url: str, mosquitto: Mosquitto
) -> None:
    # The first connection's messages are committed while the second one already stands: were they confirmed
    # on it, other messages with their packet identifiers would be lost when ingest is killed.
    with Link("127.0.0.1", mosquitto.port) as link, Device(mosquitto.port) as device:
        ingest = Ingest(database_url, link.port)
        with ingest:
            with locked_readings(database_url):
                for number in range(20):
                    device.send("bypuls/v1/early-1/up", [{"bt": NOW - number, "n": "no2", "v": 1.0}])
                ingest.wait_for(lambda: ingest.metric("messages") == 20, "receive")
                link.cut()
                time.sleep(0.5)
                link.heal()
                ingest.wait_for(lambda: ingest.metric("messages") == 40, "receive again")
                for number in range(20, 40):
                    device.send("bypuls/v1/early-1/up", [{"bt": NOW - number, "n": "no2", "v": 1.0}])
                ingest.wait_for(lambda: ingest.metric("messages") == 60, "receive more")
            ingest.wait_for(lambda: count(database_url) == 40, "store")
            assert ingest.metric("repeats") == 20
            assert ingest.stop() == 0
            ingest.start()
            time.sleep(1)
            assert ingest.metric("messages") == 0, "everything was confirmed, so nothing is delivered again"


def test_an_acknowledgement_that_is_due_when_the_connection_is_made_again_disturbs_nothing(
    database_url: str, mosquitto: Mosquitto
) -> None:
    with (
        Link("127.0.0.1", mosquitto.port) as link,
        Device(mosquitto.port) as device,
        Ingest(database_url, link.port) as ingest,
    ):
        with locked_readings(database_url):
            for number in range(20):
                device.send("bypuls/v1/due-1/up", [{"bt": NOW - number, "n": "no2", "v": 1.0}])
            ingest.wait_for(lambda: ingest.metric("messages") == 20, "receive")
            link.cut()
        ingest.wait_for(lambda: count(database_url) == 20, "store while the broker is away")
        link.heal()
        ingest.wait_for(lambda: ingest.metric("messages") == 40, "receive again")
        # Messages may come before the connection is counted, with the answer to the subscription.
        ingest.wait_for(lambda: ingest.metric("reconnects", neighbour="broker") == 1, "count the connection")
        assert "rotocol error" not in ingest.log.read_text()


def test_a_broker_that_stands_still_is_left_and_found_again_when_it_goes_on(
    database_url: str, mosquitto: Mosquitto
) -> None:
    with Ingest(database_url, mosquitto.port) as ingest, Device(mosquitto.port) as device:
        mosquitto.pause()
        try:
            ingest.wait_for(
                lambda: ingest.metric("connected", neighbour="broker") == 0, "miss the broker", timeout=40
            )
            assert "the broker has not answered for 20 s" in ingest.log.read_text()
        finally:
            mosquitto.resume()
        ingest.wait_for(lambda: ingest.metric("connected", neighbour="broker") == 1, "connect again")
        device.send("bypuls/v1/still-1/up", pack(1))
        ingest.wait_for(lambda: count(database_url) == 1, "store")


def test_an_acknowledgement_of_many_ranges_comes_in_parts(database_url: str, mosquitto: Mosquitto) -> None:
    with Ingest(database_url, mosquitto.port) as ingest, Device(mosquitto.port) as device:
        with locked_readings(database_url):
            device.send("bypuls/v1/parts-1/up", pack(1))
            ingest.wait_for(lambda: ingest.metric("messages") == 1, "receive")
            device.send("bypuls/v1/parts-1/up", pack(3))
            time.sleep(1)  # one pack is being committed and one is next, so the others go together
            for seq in range(5, 8_003, 2):
                device.send("bypuls/v1/parts-1/up", pack(seq))
            ingest.wait_for(lambda: ingest.metric("messages") == 4_001, "receive")
        expected = set(range(1, 8_003, 2))
        ingest.wait_for(lambda: device.acknowledged("parts-1", "a") == expected, "acknowledge")
        assert max(len(ack["seq"]) for ack in device.acks["parts-1"]) == 1_000


def test_a_quiet_broker_that_answers_is_kept(database_url: str, mosquitto: Mosquitto) -> None:
    with Ingest(database_url, mosquitto.port) as ingest:
        time.sleep(25)
        assert ingest.metric("connected", neighbour="broker") == 1
        assert "broker lost" not in ingest.log.read_text()


def test_a_database_that_does_not_answer_is_told_while_the_commit_waits(
    database_url: str, mosquitto: Mosquitto
) -> None:
    with Ingest(database_url, mosquitto.port) as ingest, Device(mosquitto.port) as device:
        with locked_readings(database_url):
            device.send("bypuls/v1/wait-1/up", pack(1))
            ingest.wait_for(
                lambda: ingest.metric("connected", neighbour="database") == 0, "miss the database", timeout=20
            )
            assert "database does not answer" in ingest.log.read_text()
        ingest.wait_for(lambda: ingest.metric("connected", neighbour="database") == 1, "hear from it")
        ingest.wait_for(lambda: "database answered" in ingest.log.read_text(), "tell it")
        assert count(database_url) == 1


def test_when_the_queue_is_full_the_broker_waits_and_nothing_is_lost(
    database_url: str, mosquitto: Mosquitto
) -> None:
    limit = 1 << 20
    with (
        Ingest(database_url, mosquitto.port, INGEST_QUEUE_BYTES=str(limit)) as ingest,
        Device(mosquitto.port) as device,
    ):
        padding = "x" * 20_000
        with locked_readings(database_url):
            for number in range(200):
                device.send(
                    "bypuls/v1/full-1/up", [{"bt": NOW - number, "n": "no2", "v": 1.0, "note": padding}]
                )
            time.sleep(1)
            assert ingest.metric("messages") < 200
            assert limit <= ingest.metric("queue_bytes") < limit + 600_000, "one read ahead at the most"
        ingest.wait_for(lambda: count(database_url) == 200, "store everything")
        ingest.wait_for(lambda: ingest.metric("queue_bytes") == 0, "empty its queue")


def test_sigterm_commits_and_acknowledges_what_is_held(database_url: str, mosquitto: Mosquitto) -> None:
    with (
        Ingest(database_url, mosquitto.port, INGEST_BATCH_AGE="10") as ingest,
        Device(mosquitto.port) as device,
    ):
        for seq in range(1, 101):
            device.send("bypuls/v1/held-1/up", pack(seq))
        ingest.wait_for(lambda: ingest.metric("messages") == 100, "receive")
        assert count(database_url) == 0
        assert ingest.stop() == 0
        assert count(database_url) == 100
        deadline = time.monotonic() + 5
        while device.acknowledged("held-1", "a") != set(range(1, 101)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert device.acknowledged("held-1", "a") == set(range(1, 101))


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_ends_it_in_time_though_the_database_is_frozen_and_nothing_is_lost(
    timescale: DatabaseServer, database_url: str, mosquitto: Mosquitto, workers: int
) -> None:
    node = f"frozen-{workers}"
    everything = set(range(1, 201))
    with (
        Ingest(database_url, mosquitto.port, workers=workers) as ingest,
        Device(mosquitto.port) as device,
    ):
        device.send(f"bypuls/v1/{node}/up", pack(1))
        ingest.wait_for(lambda: device.acknowledged(node, "a") == {1}, "acknowledge")
        timescale.pause()
        try:
            for seq in range(2, 201):
                device.send(f"bypuls/v1/{node}/up", pack(seq))
            time.sleep(1)  # so that a commit is under way, and then the registry is asked for a new node
            device.send(f"bypuls/v1/{node}-new/up", pack(1))
            ingest.wait_for(lambda: ingest.metric("messages") >= 201, "receive")
            time.sleep(1)
            begin = time.monotonic()
            assert ingest.stop() == 0
            took = time.monotonic() - begin
        finally:
            timescale.resume()
        assert took < STOP_WITHIN + 1, f"{took:.1f} s\n{ingest.log.read_text()[-3000:]}"
        assert device.acknowledged(node, "a") == {1}
        ingest.start()
        ingest.wait_for(lambda: device.acknowledged(node, "a") == everything, "acknowledge the rest")
        ingest.wait_for(lambda: device.acknowledged(f"{node}-new", "a") == {1}, "acknowledge the newcomer")
        assert count(database_url) == 201


def test_several_workers_share_the_load_and_a_dead_one_is_replaced(
    database_url: str, mosquitto: Mosquitto
) -> None:
    with Ingest(database_url, mosquitto.port, workers=2) as ingest, Device(mosquitto.port) as device:
        ingest.wait_for(lambda: ingest.metric("connected", neighbour="broker") == 2, "start both workers")
        for seq in range(1, 201):
            device.send(f"bypuls/v1/shared-{seq % 7}/up", pack(seq))
        ingest.wait_for(lambda: count(database_url) == 200, "store")
        assert count(database_url, "(SELECT DISTINCT stream_id FROM reading) s") == 7
        children = subprocess.run(
            ["pgrep", "--parent", str(ingest.pid), "--full", "spawn_main"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        assert len(children) == 2
        os.kill(int(children[0]), signal.SIGKILL)
        ingest.wait_for(lambda: "worker died" in ingest.log.read_text(), "see the death")
        ingest.wait_for(lambda: ingest.metric("connected", neighbour="broker") == 2, "replace the worker")
        for seq in range(201, 401):
            device.send(f"bypuls/v1/shared-{seq % 7}/up", pack(seq))
        ingest.wait_for(lambda: count(database_url) == 400, "store the rest")


def refusal(database_url: str, **settings: str) -> str:
    """Run ingest, which is to end at once, and return what it says."""
    environment = os.environ | {"BYPULS_DATABASE_URL": as_role(database_url, "bypuls_ingest")} | settings
    ended = subprocess.run(
        [sys.executable, "-m", "bypuls", "ingest"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_broker_that_isnt_there_gives_one_clear_sentence(database_url: str) -> None:
    with Mosquitto() as broker:
        broker.stop()
        assert f"can't connect to the broker at 127.0.0.1:{broker.port}" in refusal(
            database_url, BYPULS_MQTT_PORT=str(broker.port)
        )


def test_a_broker_that_refuses_the_password_gives_one_clear_sentence(database_url: str) -> None:
    with Mosquitto("allow_anonymous false\n") as broker:
        message = refusal(
            database_url,
            BYPULS_MQTT_PORT=str(broker.port),
            BYPULS_MQTT_USERNAME="ingest",
            BYPULS_MQTT_PASSWORD="wrong-secret",
        )
        assert "Not authorized" in message
        assert "wrong-secret" not in message


def test_a_database_that_isnt_there_gives_one_clear_sentence(mosquitto: Mosquitto) -> None:
    url = "postgresql://nobody:hidden-secret@127.0.0.1:9/nothing"
    message = refusal(url, BYPULS_DATABASE_URL=url, BYPULS_MQTT_PORT=str(mosquitto.port))
    assert "connection failed" in message
    assert "hidden-secret" not in message


def test_a_database_without_the_schema_gives_one_clear_sentence(
    databases: Databases, mosquitto: Mosquitto
) -> None:
    with databases.empty() as url:
        message = refusal(url, BYPULS_DATABASE_URL=url, BYPULS_MQTT_PORT=str(mosquitto.port))
        assert "bypuls migrate" in message

"""What ingest makes of packs: acknowledged after the commit, within its limits."""

import json
import time
from pathlib import Path

import cbor2
import psycopg
import pytest

from testbed import Device, Ingest, Mosquitto
from testbed.packs import NOW, count, locked_readings, pack


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

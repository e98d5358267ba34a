"""Ingest beside a broker that restarts, stands still, or speaks an older MQTT."""

import socket
import subprocess
import sys
import time

from paho.mqtt.client import MQTTv311

from testbed import Device, Ingest, Link, Mosquitto
from testbed.packs import NOW, count, locked_readings, pack
from testbed.port import free_port


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


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


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


def test_a_quiet_broker_that_answers_is_kept(database_url: str, mosquitto: Mosquitto) -> None:
    with Ingest(database_url, mosquitto.port) as ingest:
        time.sleep(25)
        assert ingest.metric("connected", neighbour="broker") == 1
        assert "broker lost" not in ingest.log.read_text()

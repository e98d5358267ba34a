"""Ingest as a process: how it ends, its workers, and why it doesn't start."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ingest.service import STOP_WITHIN
from testbed import Databases, DatabaseServer, Device, Ingest, Mosquitto, as_role
from testbed.packs import count, pack


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

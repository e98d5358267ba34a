"""From samples to readings: the vectors through ingest, and the agent with the whole platform behind it."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from testbed import Databases, Device, Ingest, Mosquitto
from testbed.edge import Edge

FOLDER = Path(__file__).parents[1] / "vectors" / "edge"
VECTORS = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))]

SENSORS = """
[[sensor]]
kind = "simulated"
every = 0.05
outputs = ["no2", "energy", "people_count", "occupancy"]
shape = "ramp"
journal = "{folder}/journal"
[[sensor.channel]]
channel = "no2"
window = 0
[[sensor.channel]]
channel = "energy"
window = 0.5
[[sensor.channel]]
channel = "people_count"
window = 0.3
statistics = ["mean", "n"]
[[sensor.channel]]
channel = "occupancy"
window = 0.5
"""


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    with databases.migrated() as made:
        yield made


@pytest.fixture(scope="module")
def ingest(url: str, mosquitto: Mosquitto) -> Iterator[Ingest]:
    with Ingest(url, mosquitto.port) as running:
        yield running


def readings(url: str, node: str) -> list[tuple[str, int, float]]:
    query = """SELECT channel, (extract(epoch FROM time) * 1000000)::bigint, value
               FROM reading JOIN stream USING (stream_id) JOIN node USING (node_id)
               WHERE node = %s ORDER BY channel, time"""
    with psycopg.connect(url) as connection:
        return [(str(n), int(t), float(v)) for n, t, v in connection.execute(query, [node])]


def quarantined(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT reason, detail FROM quarantine").fetchall()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_database_holds_what_the_vector_says(
    url: str, ingest: Ingest, mosquitto: Mosquitto, vector: dict[str, Any]
) -> None:
    node = vector["node"]
    numbered = [vector["pack"][0] | {"log": "vector", "seq": 1}, *vector["pack"][1:]]
    with Device(mosquitto.port) as device:
        device.send(f"bypuls/v1/{node}/up", numbered)
        ingest.wait_for(lambda: device.acknowledged(node, "vector") == {1}, "acknowledge the vector")
    found = readings(url, node)
    expected = sorted((name, time, value) for name, time, value in vector["readings"])
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    assert [row[2] for row in found] == pytest.approx([row[2] for row in expected], rel=1e-6)
    assert quarantined(url) == []


def test_killed_with_ingest_and_frozen_meanwhile_the_agent_has_every_sample_in_the_database_once(
    url: str, ingest: Ingest, mosquitto: Mosquitto
) -> None:
    node = "whole-1"
    with Edge(mosquitto.port, node, SENSORS) as agent:
        unwritten = set()
        for turn in range(3):
            agent.wait_for(lambda turn=turn: len(agent.journal()) > 40 * (turn + 1), "it measures")  # type: ignore[misc]
            if turn == 1:
                ingest.kill()
                time.sleep(1)
                ingest.start()
                agent.send(signal.SIGSTOP)
                time.sleep(1)
                agent.send(signal.SIGCONT)
            else:
                agent.kill()
                unwritten.add(float(agent.journal()[-1]["n"]))
                agent.start()
        last = len(agent.journal()) + 30
        agent.wait_for(
            lambda: any(n == "no2" and v >= last for n, _, v in readings(url, node)), "everything arrives"
        )
        agent.wait_for(
            lambda: (
                len({v for n, _, v in readings(url, node) if n == "no2" and v <= last})
                >= last + 1 - len(unwritten)
            ),
            "what was in between, too",
        )
        lines = {float(line["n"]): line["realtime"] for line in agent.journal()}
    found = readings(url, node)
    times = {value: at for name, at, value in found if name == "no2"}
    values = [value for name, _, value in found if name == "no2"]
    assert len(values) == len(set(values))
    assert {n for n in lines if n <= last} - set(values) <= unwritten
    # The journal is written first; stamps are cut to a millisecond, and so is the time base.
    late = sorted(at - lines[value] for value, at in times.items() if value in lines)
    assert late[0] >= -2_500
    assert late[len(late) // 2] < 50_000
    # The meter's readings tell the whole increase, and the windows of the total every sample.
    energy = [value for name, _, value in found if name == "energy"]
    assert energy == sorted(energy)
    counts = sum(value for name, _, value in found if name == "people_count.n")
    sums = sum(value for name, _, value in found if name == "people_count")
    assert sums == sum(sorted(values + [v for v in lines if v > max(values)])[: int(counts)])
    assert quarantined(url) == []

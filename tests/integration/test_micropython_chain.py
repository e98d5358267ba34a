"""The MicroPython agent with the whole platform: what it measured is in the database, once."""

import time
from pathlib import Path
from typing import Any

import psycopg

from testbed import Ingest, Mosquitto
from testbed.micropython import MicroNode

SETTINGS = {
    "node": "mp-chain",
    "sensors": {
        "sim": {
            "driver": "simulated", "shape": "count", "every": 0.02, "outputs": ["no2", "pm10"],
            "journal": "journal",
        }
    },
    "channels": {"no2": {"sensor": "sim", "window": 0}, "pm10": {"sensor": "sim", "window": 0.2}},
}  # fmt: skip


def test_node_broker_and_ingest_are_killed_in_turn_and_each_sample_is_stored_once(
    database_url: str, tmp_path: Path
) -> None:
    killed_at = []
    with Mosquitto() as broker, Ingest(database_url, broker.port) as ingest:
        settings = SETTINGS | {"broker": {"host": "127.0.0.1", "port": broker.port, "keepalive": 2}}
        with MicroNode(settings, broker.port, tmp_path) as node:
            for victim in ("broker", "node", "ingest", "node", "broker"):
                if not node.process.running:
                    node.start()
                time.sleep(1)
                if victim == "node":
                    node.kill()
                    killed_at.append(node.journal()[-1][0])
                elif victim == "broker":
                    broker.kill()
                    time.sleep(0.5)
                    broker.start()
                else:
                    ingest.kill()
                    ingest.start()
            last = node.journal()[-1][0]
            with psycopg.connect(database_url, autocommit=True) as database:
                # All that may be missing: a sample that was measured but not stored when the node was killed.
                ingest.wait_for(
                    lambda: set(range(1, last + 1)) - set(stored(database)) <= set(killed_at),
                    "store",
                    timeout=60,
                )
                node.kill()
                numbers = stored(database)
                assert len(numbers) == len(set(numbers))
                assert database.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)


def stored(database: psycopg.Connection[tuple[Any, ...]]) -> list[int]:
    """Return the numbers of the samples that have a reading."""
    query = "SELECT value FROM reading JOIN stream USING (stream_id) WHERE channel = 'no2'"
    return [int(value) for (value,) in database.execute(query)]

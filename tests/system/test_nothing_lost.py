"""Killed in mid-stream, and without its database for a minute, ingest loses nothing and doubles nothing."""

import json
import random
import struct
import time
from collections.abc import Callable

import psycopg
import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from testbed import Databases, DatabaseServer, Ingest, Mosquitto

START = 1_780_000_000
NODES = 20
ROWS = 10
"""Readings in a pack."""


class Fleet:
    """Nodes that publish packs with known readings; with seq they resend a pack until it is acknowledged."""

    def __init__(self, port: int, packs: int, number: int, *, numbered: bool) -> None:
        self._number = number
        self._numbered = numbered
        self._packs = [(n % NODES, n // NODES + 1) for n in range(packs)]
        self._open = set(self._packs)
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"fleet-{number}", protocol=MQTTv5)
        self._client.max_queued_messages_set(0)
        self._client.max_inflight_messages_set(200)
        self._client.on_connect = lambda client, *_: client.subscribe("bypuls/v1/+/ack", qos=1)
        self._client.on_message = lambda _client, _data, message: self._note(
            message.topic, bytes(message.payload)
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    @property
    def expected(self) -> set[tuple[str, int, float]]:
        """Every reading of the fleet: node, seconds, value."""
        return {
            (f"fleet-{self._number}-{node}", START + seq * ROWS + row, self._value(node, seq, row))
            for node, seq in self._packs
            for row in range(ROWS)
        }

    def publish(self, meanwhile: Callable[[float], None]) -> None:
        """Send every pack; `meanwhile` is told the share that is sent, now and then."""
        for number, (node, seq) in enumerate(self._packs):
            self._send(node, seq)
            if number % 50 == 0:
                meanwhile(number / len(self._packs))
                time.sleep(0.01)

    def settle(self, done: Callable[[], bool], timeout: float) -> None:
        """Resend what is not acknowledged, as nodes do, until `done`."""
        deadline = time.monotonic() + timeout
        resend = time.monotonic() + 3
        while not (done() and not (self._numbered and self._open)):
            assert time.monotonic() < deadline, f"{len(self._open)} packs were never acknowledged"
            if self._numbered and time.monotonic() > resend:
                for node, seq in sorted(self._open):
                    self._send(node, seq)
                resend = time.monotonic() + 3
            time.sleep(0.1)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _send(self, node: int, seq: int) -> None:
        records: list[dict[str, object]] = [
            {"n": "no2", "t": seq * ROWS + row, "v": self._value(node, seq, row)} for row in range(ROWS)
        ]
        records[0]["bt"] = START
        if self._numbered:
            records[0] |= {"log": "fleet", "seq": seq}
        self._client.publish(f"bypuls/v1/fleet-{self._number}-{node}/up", json.dumps(records), qos=1)

    @staticmethod
    def _value(node: int, seq: int, row: int) -> float:
        # Any bits will do, as long as they are finite: a multiplication makes them look random.
        mixed = (node * 1_000_003 + seq * 8191 + row) * 0x9E3779B97F4A7C15 % 2**52
        return float(struct.unpack("<d", struct.pack("<Q", mixed | 0x4030_0000_0000_0000))[0])

    def _note(self, topic: str, payload: bytes) -> None:
        _, number, node = topic.split("/")[2].split("-")
        if int(number) != self._number:
            return
        for low, high in json.loads(payload)["seq"]:
            self._open.difference_update((int(node), seq) for seq in range(low, high + 1))


def stored(url: str) -> list[tuple[str, int, float]]:
    query = """SELECT node, extract(epoch FROM time)::bigint, value
               FROM reading JOIN stream USING (stream_id) JOIN node USING (node_id)"""
    with psycopg.connect(url) as connection:
        return [(str(node), int(at), float(value)) for node, at, value in connection.execute(query)]


def everything_is_there_once(url: str, expected: set[tuple[str, int, float]]) -> None:
    rows = stored(url)
    assert len(rows) == len(set(rows)) == len(expected)
    assert set(rows) == expected
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)


@pytest.mark.parametrize("numbered", [True, False], ids=["with seq", "without seq"])
@pytest.mark.parametrize("seed", [1, 2])
def test_ingest_killed_in_mid_stream_loses_and_doubles_nothing(
    database_url: str, mosquitto: Mosquitto, seed: int, numbered: bool
) -> None:
    fleet = Fleet(mosquitto.port, 4_000, seed, numbered=numbered)
    kills = sorted(random.Random(seed).uniform(0.05, 0.95) for _ in range(4))
    with Ingest(database_url, mosquitto.port) as ingest:

        def meanwhile(share: float) -> None:
            if kills and share >= kills[0]:
                kills.pop(0)
                ingest.kill()
                ingest.start()

        fleet.publish(meanwhile)
        assert not kills
        fleet.settle(lambda: len(stored(database_url)) >= len(fleet.expected), 60)
    fleet.close()
    everything_is_there_once(database_url, fleet.expected)


def test_a_database_that_is_away_for_a_minute_costs_nothing(
    timescale: DatabaseServer, databases: Databases, mosquitto: Mosquitto
) -> None:
    with databases.migrated() as url:
        fleets = [Fleet(mosquitto.port, 3_000, number, numbered=number == 0) for number in (0, 1)]
        expected = fleets[0].expected | fleets[1].expected
        with Ingest(url, mosquitto.port) as ingest:
            away: list[float] = []

            def meanwhile(share: float) -> None:
                if share > 0.3 and not away:
                    away.append(time.monotonic())
                    timescale.kill()

            try:
                for fleet in fleets:
                    fleet.publish(meanwhile)
                ingest.wait_for(lambda: "unavailable" in ingest.log.read_text(), "miss the database")
                time.sleep(max(0.0, away[0] + 60 - time.monotonic()))
            finally:
                timescale.start()
            assert ingest.metric("readings") < len(expected)
            for fleet in fleets:
                fleet.settle(lambda: len(stored(url)) >= len(expected), 60)
            assert ingest.metric("reconnects", neighbour="database") >= 1
        for fleet in fleets:
            fleet.close()
        everything_is_there_once(url, expected)

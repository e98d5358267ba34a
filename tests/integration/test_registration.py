"""Registry files written into a real database."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bypuls.errors import StoreError
from bypuls.registry import RegisteredNode, RegisteredStream, Thresholds
from bypuls.store.catalog import list_streams
from bypuls.store.registration import Outcome, register
from bypuls.store.registry import Newcomer, enrol_streams, find_nodes
from testbed import as_role

NO2 = RegisteredStream(channel="no2", expected_interval=60.0, open_data=True)
LEVEL = RegisteredStream(channel="inlet/water_level")
AIR = RegisteredNode(
    node="air-01", owner="NILU", place="Station", latitude=59.95, longitude=11.05, stream=[NO2, LEVEL]
)
BARE = RegisteredNode(node="bare")


def test_new_nodes_and_streams_are_registered(database_url: str) -> None:
    assert register(database_url, [AIR, BARE]) == (Outcome(2, 2, 0), Outcome(2, 2, 0))
    assert rows(database_url, "SELECT node, owner, place, latitude, longitude FROM node ORDER BY node") == [
        ("air-01", "NILU", "Station", 59.95, 11.05),
        ("bare", None, None, None, None),
    ]
    assert rows(database_url, STREAMS) == [
        ("inlet/water_level", "water_level", "", "m", None, False),
        ("no2", "no2", "", "ug/m3", 60.0, True),
    ]


def test_the_same_file_again_changes_nothing(database_url: str) -> None:
    register(database_url, [AIR])
    before = rows(database_url, "SELECT * FROM node JOIN stream USING (node_id)")
    assert register(database_url, [AIR]) == (Outcome(1, 0, 0), Outcome(2, 0, 0))
    assert rows(database_url, "SELECT * FROM node JOIN stream USING (node_id)") == before


def test_what_changed_is_written_and_what_is_not_said_is_cleared(database_url: str) -> None:
    register(database_url, [AIR, BARE])
    changed = AIR.model_copy(
        update={"owner": None, "stream": [RegisteredStream(channel="no2", expected_interval=30.0)]}
    )
    assert register(database_url, [changed]) == (Outcome(1, 0, 1), Outcome(1, 0, 1))
    assert rows(database_url, "SELECT owner, place FROM node WHERE node = 'air-01'") == [(None, "Station")]
    assert rows(database_url, STREAMS) == [
        ("inlet/water_level", "water_level", "", "m", None, False),
        ("no2", "no2", "", "ug/m3", 30.0, False),
    ]


def test_nodes_that_enrolled_by_themselves_get_what_the_file_says_of_them(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        numbers = find_nodes(connection, ["air-01"], enrol=True)
        enrolled = enrol_streams(connection, [Newcomer(numbers["air-01"], "no2", "")], allowance=10)
    assert register(database_url, [AIR]) == (Outcome(1, 0, 1), Outcome(2, 1, 1))
    kept = rows(database_url, "SELECT stream_id FROM stream WHERE channel = 'no2'")
    assert kept == [(stream.stream_id,) for stream in enrolled.values()]


def test_a_stream_gets_another_quantity_of_the_same_unit(database_url: str) -> None:
    register(database_url, [_node(RegisteredStream(channel="dust", quantity="pm10"))])
    register(database_url, [_node(RegisteredStream(channel="dust", quantity="pm2_5"))])
    assert rows(database_url, STREAMS) == [("dust", "pm2_5", "", "ug/m3", None, False)]


def test_a_stream_keeps_the_unit_of_its_stored_values_and_nothing_of_the_file_is_applied(
    database_url: str,
) -> None:
    register(database_url, [_node(RegisteredStream(channel="t1", unit="K"))])
    with pytest.raises(StoreError, match="stream n/t1 is kept in 'K', and the file would make it 'Cel'"):
        register(database_url, [AIR, _node(RegisteredStream(channel="t1", quantity="air_temperature"))])
    assert rows(database_url, "SELECT node FROM node") == [("n",)]
    assert rows(database_url, STREAMS) == [("t1", None, "", "K", None, False)]


def test_files_applied_at_the_same_time_leave_one_node_each(database_url: str) -> None:
    outcomes: list[tuple[Outcome, Outcome]] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(register(database_url, [AIR, BARE])))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(nodes.new for nodes, _ in outcomes) == 2
    assert sum(streams.new for _, streams in outcomes) == 2


def test_the_command_applies_a_file_and_tells_what_it_did(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "nodes.toml"
    file.write_text('[[node]]\nnode = "air-01"\n[[node.stream]]\nchannel = "no2"\n', encoding="utf-8")
    for told in (
        "1 nodes: 1 new, 0 changed\n1 streams: 1 new, 0 changed\n",
        "1 nodes: 0 new, 0 changed\n1 streams: 0 new, 0 changed\n",
    ):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bypuls", "nodes", "apply", str(file)],
            env=os.environ | {"BYPULS_DATABASE_URL": database_url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, told, "")


def test_a_town_is_registered_with_its_copies_and_its_interval(database_url: str) -> None:
    command = [sys.executable, "-P", "-m", "bypuls", "nodes", "apply"]
    done = subprocess.run(
        [*command, "--town", "lillestrom", "--nodes", "200", "--interval", "10min"],
        env=os.environ | {"BYPULS_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("200 nodes: 200 new, 0 changed"), done.stderr
    assert rows(database_url, "SELECT DISTINCT expected_interval FROM stream") == [(600.0,)]
    assert rows(database_url, "SELECT count(*) FROM node WHERE latitude IS NULL") == [(0,)]
    for options, told in (
        (["nodes.toml", "--nodes", "200"], "go with --town"),
        (["--town", "lillestrom", "--interval", "0s"], "must be between 0.05 s and a day"),
    ):
        refused = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert told in refused.stderr


def test_thresholds_are_written_changed_and_cleared_with_their_stream(database_url: str) -> None:
    def levels(**thresholds: float) -> RegisteredNode:
        return _node(RegisteredStream(channel="water_level", thresholds=Thresholds(**thresholds)))

    kept = "SELECT channel, level, value FROM threshold JOIN stream USING (stream_id) ORDER BY value"
    assert register(database_url, [levels(yellow=3.2, orange=4.1)])[1] == Outcome(1, 1, 0)
    assert register(database_url, [levels(yellow=3.2, orange=4.1)])[1] == Outcome(1, 0, 0)
    assert register(database_url, [levels(yellow=3.0, red=5.0)])[1] == Outcome(1, 0, 1)
    assert rows(database_url, kept) == [("water_level", "yellow", 3.0), ("water_level", "red", 5.0)]
    with psycopg.connect(as_role(database_url, "bypuls_api"), autocommit=True) as connection:
        assert list_streams(connection, limit=2)[0].thresholds == {"yellow": 3.0, "red": 5.0}
    assert register(database_url, [levels()])[1] == Outcome(1, 0, 1)
    assert rows(database_url, kept) == []


STREAMS = """SELECT channel, quantity, statistic, unit, expected_interval, open_data
             FROM stream ORDER BY channel"""


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def _node(stream: RegisteredStream) -> RegisteredNode:
    return RegisteredNode(node="n", stream=[stream])

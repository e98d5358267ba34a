"""`bypuls simulate` sends the past, publishes the town live, goes on after an outage, and ends cleanly.

What receives here stands in for ingest, see `testbed.acknowledger`; the whole chain has tests of its own.
"""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from bypuls.errors import BypulsError
from bypuls.settings import BrokerSettings
from simulators.simulation import Plan, run
from simulators.town import town
from simulators.town.journal import read
from testbed import Mosquitto
from testbed.acknowledger import Acknowledger
from testbed.port import free_port

NODES = town.read("lillestrom")
DAY = 86_400_000_000


@contextmanager
def simulation(broker: Mosquitto, *options: str) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-P", "-m", "bypuls", "simulate", *options]
    environment = {"BYPULS_MQTT_PORT": str(broker.port), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            yield child
        finally:
            child.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_every_node_publishes_what_is_now_until_a_signal_ends_it(number: signal.Signals) -> None:
    names = {node.node for node in NODES}
    with Mosquitto() as broker, Acknowledger(broker.host, broker.port) as receiver:
        with simulation(broker, "--interval", "0.5s") as child:
            begin = time.time()
            receiver.wait_for(lambda: {node for node, _, seq in receiver.packs if seq == 3} == names)
            child.send_signal(number)
            output, errors = child.communicate(timeout=10)
            end = time.time()
        assert child.returncode == 0, errors
        receiver.wait_for(lambda: all(receiver.statuses[name][-1:] == ["offline"] for name in names))
    assert all(receiver.statuses[name] == ["online", "offline"] for name in names)
    count = f"{len(receiver.packs):,}"
    assert f"{count} packs sent, {count} acknowledged, 0 sent again" in output
    readings = receiver.readings()
    assert set(readings) == {(node.node, channel.name) for node in NODES for channel in node.channels}
    for column in readings.values():
        assert begin - 1 <= min(column) / 1e6
        assert max(column) / 1e6 <= end
        assert {later - earlier for earlier, later in pairwise(sorted(column))} <= {500_000}


def gaps(receiver: Acknowledger) -> list[tuple[str, str]]:
    """Name the streams, of a reading a second, that lack one."""
    return [
        stream
        for stream, column in receiver.readings().items()
        if {later - earlier for earlier, later in pairwise(sorted(column))} != {1_000_000}
    ]


def test_what_an_outage_held_back_is_sent_afterwards_with_its_true_times() -> None:
    with Mosquitto() as broker, Acknowledger(broker.host, broker.port) as receiver:
        with simulation(broker, "--interval", "1s", "--nodes", "30") as child:
            receiver.wait_for(lambda: len(receiver.packs) > 60)
            broker.kill()
            time.sleep(5)
            broker.start()
            back = time.time()
            receiver.wait_for(
                lambda: min(max(column) for column in receiver.readings().values()) / 1e6 > back + 1, 60
            )
            receiver.wait_for(lambda: gaps(receiver) == [], 60)
            child.send_signal(signal.SIGTERM)
            output, _ = child.communicate(timeout=10)
        assert child.returncode == 0
    assert "is gone" in output
    assert "is back" in output
    assert receiver.changed == []


def test_history_comes_first_and_a_restart_goes_on_where_the_journal_ends(tmp_path: Path) -> None:
    journal = str(tmp_path / "town.jsonl")
    options = (
        "--history",
        "2h",
        "--journal",
        journal,
        "--duration",
        "1s",
        "--seed",
        "3",
        "--scenario",
        "fair",
    )
    with Mosquitto() as broker, Acknowledger(broker.host, broker.port) as receiver:
        for _ in range(2):
            with simulation(broker, *options) as child:
                output, errors = child.communicate(timeout=60)
            assert child.returncode == 0, errors
            assert re.search(r"history: [\d,]+ readings are safe after", output)
        readings = receiver.readings()
    # Each instant came once, in order, and none is missing.
    assert sum(map(len, readings.values())) == sum(
        payload.count(b'"n":') for payload in receiver.packs.values()
    )
    for node in NODES:
        for channel in node.channels:
            column = sorted(readings.get((node.node, channel.name), {}))
            assert len(column) >= 7_200 // node.interval - 1
            assert {later - earlier for earlier, later in pairwise(column)} <= {round(node.interval * 1e6)}
    segments = read(tmp_path / "town.jsonl").segments
    assert all(first.end == second.start for first, second in pairwise(segments))
    assert sum(segment.readings for segment in segments) == sum(map(len, readings.values()))
    told = [json.loads(line) for line in (tmp_path / "town.jsonl").read_text().splitlines()]
    assert {"flood", "fair"} & {line.get("scenario") for line in told} == {"fair"}


def test_a_town_faster_than_life_begins_in_the_past_and_never_speaks_of_the_future(
    tmp_path: Path,
) -> None:
    begin, journal = time.time(), tmp_path / "town.jsonl"
    with Mosquitto() as broker, Acknowledger(broker.host, broker.port) as receiver:
        options = ("--speed", "600", "--behind", "1h", "--duration", "8s", "--nodes", "14", "--load")
        with simulation(broker, *options, "--journal", str(journal)) as child:
            output, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors
        end = time.time()
    spans = [(min(column) / 1e6, max(column) / 1e6) for column in receiver.readings().values()]
    assert min(early for early, _ in spans) < end - 3_500
    assert max(late for _, late in spans) <= end
    [segment] = read(journal).segments
    # Only what is sent once it has caught up is sent at its time.
    assert begin <= segment.live / 1e6 <= end
    assert re.search(r"to acknowledgement: p50 \d+ ms, p95 \d+ ms, p99 \d+ ms, max \d+ ms", output)


def test_a_town_that_has_not_caught_up_with_the_clock_has_nothing_live(tmp_path: Path) -> None:
    plan = Plan(nodes=14, speed=60.0, behind=3_600_000_000, duration=2_500_000, journal=tmp_path / "t.jsonl")
    with Mosquitto() as broker, Acknowledger(broker.host, broker.port):
        run(BrokerSettings(port=broker.port), plan)
    [segment] = read(tmp_path / "t.jsonl").segments
    assert segment.end - segment.start > 60_000_000
    assert segment.live >= segment.end


def test_packs_that_nobody_acknowledged_are_counted_and_the_next_run_sends_them(tmp_path: Path) -> None:
    options = ("--nodes", "14", "--interval", "1s", "--journal", str(tmp_path / "town.jsonl"))
    with Mosquitto() as broker:
        with simulation(broker, *options) as child:
            assert child.stdout is not None
            assert "simulated nodes publish" in child.stdout.readline()
            time.sleep(3)
            child.send_signal(signal.SIGTERM)
            output, errors = child.communicate(timeout=20)
        told = re.search(r"([\d,]+) packs sent, 0 acknowledged", output)
        assert told is not None
        assert int(told[1]) > 0
        assert child.returncode == 1
        assert f"{told[1]} packs were not acknowledged" in " ".join(errors.split())
        with (
            Acknowledger(broker.host, broker.port) as receiver,
            simulation(broker, *options, "--duration", "1s", "--history", "1min") as child,
        ):
            child.communicate(timeout=20)
        assert child.returncode == 0
    begin = read(tmp_path / "town.jsonl").segments[0].start
    for column in receiver.readings().values():
        assert {later - earlier for earlier, later in pairwise(sorted(column))} == {1_000_000}
        assert min(column) < begin + 1_000_000


def test_a_second_simulator_of_the_same_nodes_is_noticed_once_and_leaves_them_online() -> None:
    options = ("--nodes", "14", "--interval", "1s")
    with (
        Mosquitto() as broker,
        Acknowledger(broker.host, broker.port) as receiver,
        simulation(broker, *options) as first,
    ):
        receiver.wait_for(lambda: len(receiver.packs) > 14)
        with simulation(broker, *options, "--duration", "8s") as second:
            output, _ = second.communicate(timeout=30)
        assert second.returncode == 0
        assert output.count("something else publishes as") == 1
        assert "--no-simulate" in output
        count = len(receiver.packs)
        receiver.wait_for(lambda: len(receiver.packs) > count + 14)
        assert {states[-1] for states in receiver.statuses.values()} == {"online"}
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=10)


def test_a_simulation_without_a_broker_fails_at_once() -> None:
    with pytest.raises(BypulsError, match="no MQTT broker can be reached"):
        run(BrokerSettings(port=free_port()), Plan())


@pytest.mark.parametrize("interval", [0.0, -1.0, 0.01, 90_000.0, float("nan")])
def test_a_silly_interval_is_told(interval: float) -> None:
    with pytest.raises(BypulsError, match=r"must be between 0\.05 s and a day"):
        run(BrokerSettings(port=free_port()), Plan(interval=interval))


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_a_silly_speed_is_told(speed: float) -> None:
    with pytest.raises(BypulsError, match="it must be a factor above 0"):
        run(BrokerSettings(port=free_port()), Plan(speed=speed))


@pytest.mark.parametrize("plan", [Plan(history=9_999_999_999 * DAY), Plan(behind=30_000 * DAY)])
def test_a_past_before_the_rivers_flow_is_told(plan: Plan) -> None:
    with pytest.raises(
        BypulsError, match=r"the town's rivers begin to flow on 2019-09-01, .* at most \d+ days"
    ):
        run(BrokerSettings(port=free_port()), plan)


def test_the_last_hours_are_there_before_the_rest_and_nothing_is_sent_again_after_a_kill(
    tmp_path: Path,
) -> None:
    journal = tmp_path / "town.jsonl"
    options = ("--history", "3d", "--journal", str(journal), "--nodes", "40")
    with Mosquitto() as broker, Acknowledger(broker.host, broker.port) as receiver:
        begin = time.time()
        with simulation(broker, *options) as child:
            receiver.wait_for(lambda: len(receiver.packs) >= 40)
            early = [time_ for column in receiver.readings().values() for time_ in column]
            receiver.wait_for(lambda: journal.read_text().count('"safe"') >= 3, 60)
            child.kill()
        packs = dict(receiver.packs)
        with simulation(broker, *options, "--duration", "1s") as child:
            _, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors
        assert len(receiver.packs) < 1.5 * len(packs)
        whole = receiver.readings()
    assert min(early) / 1e6 > begin - 3 * 3_600 - 7_200
    for column in whole.values():
        assert min(column) / 1e6 < begin - 3 * 86_400 + 7_200
        assert len({later - earlier for earlier, later in pairwise(sorted(column))}) == 1
    assert read(journal).segments[0].start / 1e6 == pytest.approx(begin - 3 * 86_400, abs=60)

"""`bypuls simulate` publishes the town live, goes on after an outage, and ends cleanly.

What receives here stands in for ingest, see `testbed.acknowledger`; the whole chain has tests of its own.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from bypuls.errors import BypulsError
from bypuls.settings import BrokerSettings
from simulators import town
from testbed import Mosquitto
from testbed.acknowledger import Acknowledger
from testbed.port import free_port

RUN = """
import sys
from bypuls.settings import BrokerSettings
from simulators import town
town.run(BrokerSettings(port=int(sys.argv[1])), 1, float(sys.argv[2]))
"""
"""What the command will do, as a process that can be stopped."""


@contextmanager
def simulation(broker: Mosquitto, interval: float) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-c", RUN, str(broker.port), str(interval)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_every_node_publishes_what_is_now_until_a_signal_ends_it(number: signal.Signals) -> None:
    with Mosquitto() as broker, Acknowledger(broker.host, broker.port) as receiver:
        with simulation(broker, 0.1) as child:
            begin = time.time()
            receiver.wait_for(lambda: len([key for key in receiver.packs if key[2] == 2]) == len(town.NODES))
            child.send_signal(number)
            output, errors = child.communicate(timeout=10)
            end = time.time()
        assert child.returncode == 0, errors
        receiver.wait_for(lambda: all(receiver.statuses[node][-1:] == ["offline"] for node in town.NODES))
    assert all(receiver.statuses[node] == ["online", "offline"] for node in town.NODES)
    assert f"{len(receiver.packs)} packs sent, {len(receiver.packs)} acknowledged, 0 sent again" in output
    readings = receiver.readings()
    assert {node for node, _ in readings} == set(town.NODES)
    for (node, _), column in readings.items():
        step = 0.1 * town.NODES[node].every
        assert begin - step - 0.1 <= min(column) / 1e6
        assert max(column) / 1e6 <= end
        assert {later - earlier for earlier, later in pairwise(sorted(column))} == {round(step * 1e6)}


def gaps(receiver: Acknowledger, interval: float) -> list[str]:
    """Name the streams that lack a reading at some step of their node."""
    return [
        f"{node}/{channel}"
        for (node, channel), column in receiver.readings().items()
        if {later - earlier for earlier, later in pairwise(sorted(column))}
        != {round(interval * town.NODES[node].every * 1e6)}
    ]


def test_what_an_outage_held_back_is_sent_afterwards_with_its_true_times() -> None:
    with Mosquitto() as broker, Acknowledger(broker.host, broker.port) as receiver:
        with simulation(broker, 0.05) as child:
            receiver.wait_for(lambda: len(receiver.packs) > 200)
            broker.kill()
            time.sleep(5)  # longer than the node of 0.05 s may have packs in flight
            broker.start()
            back = time.time()
            receiver.wait_for(lambda: max(receiver.readings()["noise-01", "sound_level"]) / 1e6 > back, 60)
            receiver.wait_for(lambda: gaps(receiver, 0.05) == [], 60)
            child.send_signal(signal.SIGTERM)
            output, _ = child.communicate(timeout=10)
        assert child.returncode == 0
    assert "is gone" in output
    assert "is back" in output
    assert receiver.changed == []


def test_a_restart_continues_the_same_town() -> None:
    with Mosquitto() as broker, Acknowledger(broker.host, broker.port) as receiver:
        for _ in range(2):
            with simulation(broker, 0.1) as child:
                begun = len(receiver.packs)
                receiver.wait_for(lambda begun=begun: len(receiver.packs) > begun + 30)  # type: ignore[misc]
                child.send_signal(signal.SIGTERM)
                child.communicate(timeout=10)
    by_log = receiver.readings()
    volume = [value for _, value in sorted(by_log["water-01", "water_volume"].items())]
    assert volume == sorted(volume)
    # Each instant came once: two runs never publish the same one.
    assert sum(map(len, by_log.values())) == sum(
        payload.count(b'"n":') for payload in receiver.packs.values()
    )


def test_a_simulation_without_a_broker_fails_at_once() -> None:
    with pytest.raises(BypulsError, match="no MQTT broker can be reached"):
        town.run(BrokerSettings(port=free_port()), 1, 5.0)


@pytest.mark.parametrize("interval", [0.0, -1.0, 0.01, 4_000.0, float("nan")])
def test_a_silly_interval_is_told(interval: float) -> None:
    with pytest.raises(BypulsError, match=r"must be between 0\.05 and 3600 s"):
        town.run(BrokerSettings(port=free_port()), 1, interval)

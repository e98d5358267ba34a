"""A town that is killed while it sends its history goes on, and the platform then has all of it once."""

import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from bypuls.settings import BrokerSettings
from bypuls.store.registration import register
from simulators import simulation
from simulators.score import score
from simulators.simulation import Plan
from simulators.town import town
from simulators.town.journal import read
from testbed import Api, Ingest, Mosquitto
from testbed.packs import count

DAY = 86_400_000_000
ARRIVED = 10
"""Damaged packs that have come to quarantine when the run is killed."""


def test_after_a_kill_amid_its_history_a_town_scores_clean_and_without_a_gap(
    database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "town.jsonl"
    register(database_url, [node.registered() for node in town.read("lillestrom")])
    command = [sys.executable, "-P", "-m", "bypuls", "simulate", "--history", "4d", "--journal", str(path)]
    with Mosquitto() as broker, Ingest(database_url, broker.port), Api(database_url) as api:
        environment = {"BYPULS_MQTT_PORT": str(broker.port), "PATH": "/usr/bin:/bin"}
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as child:
            deadline = time.monotonic() + 60
            while not path.exists() or '"safe"' not in path.read_text():
                assert time.monotonic() < deadline, "nothing became safe within a minute"
                time.sleep(0.05)
            child.kill()
        first = read(path).segments
        assert sum(segment.end - segment.start for segment in first) < 3.5 * DAY
        plan = Plan(history=4 * DAY, duration=1_000_000, journal=path)
        simulation.run(BrokerSettings(port=broker.port), plan)
        found = score(path, api.url)
    assert found.clean, found.examples
    assert found.stored == found.sent > 500_000
    segments = read(path).segments
    assert all(before.end == after.start for before, after in pairwise(segments))
    assert segments[-1].end - segments[0].start > 3.99 * DAY


def test_what_a_bad_line_did_to_a_run_that_was_killed_is_counted_too(
    database_url: str, tmp_path: Path
) -> None:
    path, faults = tmp_path / "town.jsonl", (("corrupt", 1.0), ("duplicate", 1.0))
    register(database_url, [node.registered() for node in town.read("lillestrom")])
    options = [option for name, rate in faults for option in ("--fault", f"{name}={rate}")]
    command = [sys.executable, "-P", "-m", "bypuls", "simulate", "--history", "3d", "--journal", str(path)]
    with Mosquitto() as broker, Ingest(database_url, broker.port) as ingest, Api(database_url) as api:
        environment = {"BYPULS_MQTT_PORT": str(broker.port), "PATH": "/usr/bin:/bin"}
        with subprocess.Popen([*command, *options], env=environment, stdout=subprocess.DEVNULL) as child:
            ingest.wait_for(lambda: count(database_url, "quarantine") >= ARRIVED, "damage")
            child.kill()
        by_the_killed = Counter(each.fault for each in read(path).line)
        plan = Plan(history=3 * DAY, duration=1_000_000, journal=path, faults=faults)
        simulation.run(BrokerSettings(port=broker.port), plan)
        found = score(path, api.url)
    assert found.clean, found.examples
    assert all(found.line[name] > by_the_killed[name] > 0 for name, _ in faults)
    # What was told but had not left the killed process is in no quarantine.
    on_the_way = found.line["corrupt"] - found.quarantine_reasons["malformed"]
    assert 0 <= on_the_way <= by_the_killed["corrupt"] - ARRIVED

"""The scorer knows the truth: a clean run is clean, faults are found, and a platform that cheats is caught.

The whole chain is real: a simulated town, Mosquitto, ingest, TimescaleDB, the API.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from bypuls.errors import BypulsError
from bypuls.settings import BrokerSettings
from bypuls.store.registration import register
from simulators import simulation
from simulators.score import Score, score
from simulators.simulation import Plan
from simulators.town import town
from simulators.town.faults import parse
from testbed import Api, Ingest, Mosquitto

DAY = 86_400_000_000


@contextmanager
def scored(url: str, broker: Mosquitto, plan: Plan) -> "Iterator[Score]":
    """Run a plan on a platform of its own and score it."""
    register(url, [node.registered() for node in town.read(plan.town, plan.nodes, plan.interval)])
    assert plan.journal is not None
    with Ingest(url, broker.port), Api(url) as api:
        simulation.run(BrokerSettings(port=broker.port), plan)
        yield score(plan.journal, api.url)


def test_a_clean_run_is_clean_and_its_scenarios_show(database_url: str, tmp_path: Path) -> None:
    plan = Plan(
        seed=4,
        scenarios=("burst-main", "new-year"),
        history=3 * DAY,
        duration=2_000_000,
        journal=tmp_path / "town.jsonl",
    )
    with Mosquitto() as broker, scored(database_url, broker, plan) as found:
        assert found.clean
        assert found.sent > 400_000
        assert (found.stored, found.lost, found.doubled, found.wrong, found.late) == (found.sent, 0, 0, 0, 0)
        assert found.flagged_good == 0
        assert (found.intervals_unknown, found.intervals_other) == (0, 0)
        assert {each.scenario for each in found.scenarios} == {"burst-main", "new-year"}
        assert [each for each in found.scenarios if not each.shown] == []


def test_every_fault_is_survived_and_what_flags_are_meant_for_is_recognised(
    database_url: str, tmp_path: Path
) -> None:
    plan = Plan(
        seed=9,
        nodes=48,
        interval=600.0,
        history=16 * DAY,
        duration=2_000_000,
        faults=tuple(sorted(parse(["all=0.3"]).items())),
        journal=tmp_path / "town.jsonl",
    )
    with Mosquitto() as broker, scored(database_url, broker, plan) as found:
        assert (found.lost, found.refused, found.doubled, found.wrong) == (0, 0, 0, 0), found.examples
        assert found.quarantined > 0
        assert found.quarantine_reasons["unit"] > 0
        assert found.quarantine_reasons["malformed"] == found.line["corrupt"] > 0
        assert found.line["duplicate"] > 0
        assert found.line["reordering"] > 0
        by_fault = {each.fault: each for each in found.faults}
        for fault in ("stuck", "spike", "dropout"):
            each = by_fault[fault]
            assert each.episodes > 10, each
            assert each.recall is not None
            assert each.recall >= 0.8, each
            assert each.precision is not None
            assert each.precision >= 0.8, each
        assert (by_fault["wrong-unit"].recall or 0) > 0.95
        assert (by_fault["drift"].recall or 0) < 0.5  # by design: there is nothing that could tell it


def test_clocks_that_are_ahead_are_recognised_live(database_url: str, tmp_path: Path) -> None:
    plan = Plan(
        nodes=450,
        interval=2.0,
        duration=8_000_000,
        faults=(("clock-ahead", 1.0),),
        journal=tmp_path / "town.jsonl",
    )
    with Mosquitto() as broker, scored(database_url, broker, plan) as found:
        assert (found.lost, found.refused, found.doubled, found.wrong) == (0, 0, 0, 0), found.examples
        [clock] = found.faults
        assert clock.episodes >= 8
        assert (clock.recall, clock.precision) == (1.0, 1.0)


PLANTED = """
import sys
import numpy as np
from bypuls.settings import BrokerSettings, DatabaseSettings, IngestSettings, load
from bypuls.readings import ReadingBatch
from ingest import checking, service

seen = 0
keep_good = checking.Checker._keep_good

def drop_every_thousandth(self, commit, *rest):
    global seen
    keep_good(self, commit, *rest)
    numbers = seen + 1 + np.arange(len(commit.readings))
    seen += len(commit.readings)
    good = numbers % 1000 != 0
    commit.readings = commit.readings.take(good)
    commit.message, commit.record = commit.message[good], commit.record[good]

checking.Checker._keep_good = drop_every_thousandth
service.run(load(DatabaseSettings), load(BrokerSettings), load(IngestSettings), 1)
"""
"""Ingest with a bug: it acknowledges every pack, and forgets every thousandth reading."""


class CheatingIngest(Ingest):
    def start(self) -> None:
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", sys.executable, "-c", PLANTED], env=self._environment
        )
        self.wait_for(lambda: self.metric("connected", neighbour="broker") == 1, "connect to the broker")


def test_a_platform_that_drops_every_thousandth_reading_is_caught(database_url: str, tmp_path: Path) -> None:
    plan = Plan(interval=300.0, history=2 * DAY, duration=1_000_000, journal=tmp_path / "town.jsonl")
    with Mosquitto() as broker, CheatingIngest(database_url, broker.port), Api(database_url) as api:
        simulation.run(BrokerSettings(port=broker.port), plan)
        assert plan.journal is not None
        found = score(plan.journal, api.url)
        assert found.sent > 100_000
        assert found.lost == found.sent // 1_000
        assert (found.doubled, found.wrong) == (0, 0)
        assert not found.clean
        # What else a platform may do wrong, done by hand: another value, and a reading nobody sent.
        with psycopg.connect(database_url) as connection:
            connection.execute(
                """UPDATE reading SET value = value + 1 WHERE (stream_id, time) =
                   (SELECT stream_id, time FROM reading ORDER BY stream_id, time LIMIT 1)"""
            )
            connection.execute(
                """INSERT INTO reading (time, stream_id, value, flags)
                   SELECT time + interval '1 second', stream_id, value, flags FROM reading
                   ORDER BY stream_id, time LIMIT 3"""
            )
            connection.execute(
                """UPDATE stream SET expected_interval = 60
                   WHERE stream_id IN (SELECT stream_id FROM stream ORDER BY stream_id LIMIT 3)"""
            )
        again = score(plan.journal, api.url)
        assert (again.lost, again.doubled, again.wrong) == (found.lost, 3, 1)
        told = subprocess.run(
            [
                sys.executable,
                "-P",
                "-m",
                "bypuls",
                "score",
                "--journal",
                str(plan.journal),
                "--api",
                api.url,
                "--json",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 1
        assert json.loads(told.stdout)["lost"] == found.lost
        table = subprocess.run(
            [sys.executable, "-P", "-m", "bypuls", "score", "--journal", str(plan.journal), "--api", api.url],
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"{found.lost} lost, 0 refused, 3 doubled, 1 wrong, 0 late" in table.stdout
        # Nobody made the town known, so what is a gap can't be told: it says so, and what to do.
        streams = sum(len(node.channels) for node in town.read(plan.town))
        assert (
            f"no interval is expected of {streams - 3} streams and another than theirs of 3" in table.stdout
        )
        assert "run: bypuls nodes apply --town lillestrom --interval 300s" in table.stdout


def test_a_platform_that_refuses_everything_is_caught(database_url: str, tmp_path: Path) -> None:
    plan = Plan(nodes=8, interval=600.0, history=DAY, duration=1_000_000, journal=tmp_path / "town.jsonl")
    with (
        Mosquitto() as broker,
        Ingest(database_url, broker.port, INGEST_ENROLMENT="closed"),
        Api(database_url) as api,
    ):
        simulation.run(BrokerSettings(port=broker.port), plan)
        assert plan.journal is not None
        found = score(plan.journal, api.url)
        with pytest.raises(BypulsError, match=r"/nope has no /quarantine of Bypuls's API"):
            score(plan.journal, f"{api.url}/nope")
    assert found.sent > 1_000
    assert (found.stored, found.quarantined, found.lost + found.refused) == (0, 0, found.sent)
    assert found.refused > 0
    assert "refused without cause" in " ".join(found.examples)
    assert not found.clean


def test_an_api_that_does_not_answer_is_told(tmp_path: Path) -> None:
    (tmp_path / "town.jsonl").write_text(
        '{"what":"town","version":3,"town":"lillestrom","seed":1,"nodes":2,"interval":null,"scenarios":[],'
        '"at":"2026-11-25T12:00:00Z","faults":{}}\n'
    )
    with pytest.raises(
        BypulsError, match=r"nothing to score: .*town\.jsonl tells of no acknowledged reading"
    ):
        score(tmp_path / "town.jsonl", "http://127.0.0.1:9")
    with (tmp_path / "town.jsonl").open("a") as journal:
        journal.write(
            '{"what":"safe","from":"2026-11-25T12:00:00Z","to":"2026-11-25T13:00:00Z",'
            '"live":"2026-11-25T13:00:00Z","readings":12,"late":0}\n'
        )
    with pytest.raises(BypulsError, match=r"can't be reached .* is it running"):
        score(tmp_path / "town.jsonl", "http://127.0.0.1:9")
    for address in (
        "localhost:8080",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:abc",
        "http://[::1",
        "http://",
    ):
        with pytest.raises(BypulsError, match=r"is no address of the API.*; give one such as http"):
            score(tmp_path / "town.jsonl", address)
    with pytest.raises(BypulsError, match="can't be reached"):
        score(tmp_path / "town.jsonl", "http://" + "a" * 70)

"""What the agent does with events while its store can't be written."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import MQTTMessageInfo

from edge.pi.agent import Agent
from edge.pi.configuration import load
from edge.pi.connection import Received
from edge.pi.store import Store
from testbed.hand_clock import HandClock

CONFIG = """
node = "full-1"
[broker]
host = "127.0.0.1"
port = 9
[[sensor]]
kind = "simulated"
outputs = ["no2"]
"""


@pytest.fixture
def store(fast_path: Path) -> Iterator[Store]:
    with Store(fast_path / "store", 10_000_000) as opened:
        yield opened


@pytest.fixture
def agent(fast_path: Path, store: Store) -> Agent:
    """An agent that never connects: what would come from the broker is put into its connection's events."""
    file = fast_path / "edge.toml"
    file.write_text(CONFIG)
    return Agent(load(file), HandClock(), store)


def lock(store: Store, *, locked: bool) -> None:
    """Let the database refuse each write, as a full disk does."""
    store._database.execute(f"PRAGMA query_only = {int(locked)}")


def hear(agent: Agent, leaf: str, content: object) -> None:
    agent._connection.events.put(Received(f"bypuls/v1/full-1/{leaf}", json.dumps(content).encode()))


def test_a_configuration_that_comes_while_the_store_can_not_be_written_is_applied_later(
    agent: Agent, store: Store
) -> None:
    lock(store, locked=True)
    for name in ("summer", "winter"):
        hear(agent, "config", {"id": name, "channels": {"no2": {"window": 5}}})
        agent._guarded("acknowledgements", agent._take_events)
    assert store.get("remote") is None
    assert any("can't be written" in problem for problem in agent._problems)
    lock(store, locked=False)
    agent._take_events()
    assert json.loads(store.get("remote") or "")["id"] == "winter"
    assert agent._recorder.channels[0].window == 5_000_000


def test_an_acknowledgement_that_comes_while_the_store_can_not_be_written_is_heeded_later(
    agent: Agent, store: Store
) -> None:
    store.commit([[]], ticks_before=0)
    agent._uplink.connected(lambda _payload: MQTTMessageInfo(1))
    agent._uplink.pump()
    assert agent._uplink.in_flight == 1
    lock(store, locked=True)
    hear(agent, "ack", {"log": store.log, "seq": [[1, 1]]})
    agent._guarded("acknowledgements", agent._take_events)
    assert store.packs == 1
    assert agent._uplink.in_flight == 0  # others may go out meanwhile
    lock(store, locked=False)
    agent._take_events()
    assert store.packs == 0


def test_a_store_that_was_put_aside_is_a_problem_until_somebody_has_looked_after_it(
    fast_path: Path,
) -> None:
    folder = fast_path / "store"
    folder.mkdir()
    (folder / "edge.db").write_bytes(b"no database at all" * 1_000)
    file = fast_path / "edge.toml"
    file.write_text(CONFIG)
    with Store(folder, 10_000_000) as store:
        [problem] = Agent(load(file), HandClock(), store)._problems
        assert str(store.replaced) in problem
    with Store(folder, 10_000_000) as store:
        agent = Agent(load(file), HandClock(), store)
        assert list(agent._problems) == [problem], "a restart does not make it forgotten"
        shutil.rmtree(store.aside[0])
        assert list(agent._problems) == []


def test_a_store_that_can_not_be_written_is_logged_once_a_minute_and_at_the_end_with_what_is_lost(
    agent: Agent, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    agent._report()
    lock(store, locked=True)
    for second in range(60):
        agent._recorder.add("simulated", {"no2": float(second)})
        agent._clock.wait(agent._woken, 2.0)
        agent._guarded("packs", agent._report)
        agent._guarded("sending", agent._uplink.pump)
        agent._notice("acknowledgements", f"another {second % 2}")
    assert [each.levelname for each in caplog.records].count("WARNING") == 5  # in two minutes, of three
    caplog.clear()
    agent._connection.start()
    agent._end()
    [error] = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert error.startswith("60 samples are lost: the store")


def test_samples_that_are_no_number_are_counted_in_the_status(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[bytes] = []

    def publish(payload: bytes) -> bool:
        said.append(payload)
        return True

    monkeypatch.setattr(agent._status, "_publish", publish)
    agent._recorder.add("simulated", {"no2": float("nan")})
    agent._tell_status()
    assert json.loads(said[-1])["refused"] == 1


def test_the_name_of_a_foreign_log_is_told_in_short(agent: Agent) -> None:
    hear(agent, "ack", {"log": "\n\x1b[2J" + "x" * 10_000, "seq": [[1, 1]]})
    agent._take_events()
    [problem] = [each for each in agent._problems if "acknowledged too" in each]
    assert len(problem) < 150
    assert problem.isprintable()
    hear(agent, "ack", {"log": "0123456789ab", "seq": [[1, 1]]})
    agent._take_events()
    assert any(each.startswith("log 0123456789ab is acknowledged too") for each in agent._problems)

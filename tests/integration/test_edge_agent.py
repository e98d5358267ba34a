"""The agent as a process, against a real broker: it loses nothing and doubles nothing, and says how it is."""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bypuls import senml
from testbed import Device, Mosquitto
from testbed.acknowledger import Acknowledger, acknowledgement, honest
from testbed.edge import RAMP, Edge
from testbed.port import free_port


def raw(receiver: Acknowledger, node: str) -> dict[int, float]:
    return receiver.readings()[node, "no2"]


def says(agent: Edge, sentence: str) -> bool:
    return sentence in agent.log.read_text()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def status(port: int, node: str) -> dict[str, Any]:
    """Return the retained status of a node."""
    with Listener(port, node) as listener:
        return listener.newest()


class Listener(Device):
    """Keeps what a node says of its state."""

    def __init__(self, port: int, node: str) -> None:
        super().__init__(port)
        self._topic = f"bypuls/v1/{node}/status"
        self.statuses: list[dict[str, Any]] = []
        self._client.message_callback_add(
            self._topic, lambda _client, _data, message: self.statuses.append(json.loads(message.payload))
        )

    def __enter__(self) -> "Listener":
        super().__enter__()
        self._client.subscribe(self._topic)
        return self

    def newest(self) -> dict[str, Any]:
        self.wait_for(lambda: bool(self.statuses))
        return self.statuses[-1]

    def wait_for(self, condition: Any, timeout: float = 20) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, self.statuses[-3:]
            time.sleep(0.02)


def test_killed_again_and_again_the_agent_loses_and_doubles_no_sample(mosquitto: Mosquitto) -> None:
    node = "killed-1"
    with (
        Acknowledger(mosquitto.host, mosquitto.port, prefix=node) as receiver,
        Edge(mosquitto.port, node, RAMP) as agent,
    ):
        unwritten = set()
        for number in range(6):
            arrived = partial(raw, receiver, node)
            goal = len(arrived()) + 15
            while len(arrived()) < goal:
                time.sleep(0.02)
            agent.kill()
            # The sample that was on its way from the sensor to the store at that moment.
            unwritten.add(float(agent.journal()[-1]["n"]))
            if number < 5:
                agent.start()
        agent.start()
        last = agent.journal()[-1]["n"] + 20
        agent.wait_for(lambda: max(raw(receiver, node).values()) >= last, "it goes on")
        found = sorted(raw(receiver, node).values())
        journal = {float(line["n"]) for line in agent.journal() if line["n"] <= last}
        windows = receiver.readings()
    assert len(found) == len(set(found))
    assert journal - set(found) <= unwritten
    assert receiver.changed == []
    assert len({log for _, log, _ in receiver.packs}) == 1
    # The windows, too, hold every sample once: the first so many ones by now.
    counts, sums = windows[node, "rainfall.n"], windows[node, "rainfall"]
    assert counts.keys() == sums.keys()
    assert sum(sums.values()) == sum(found[: int(sum(counts.values()))])


def test_what_was_measured_while_the_broker_was_away_arrives_and_live_readings_come_first() -> None:
    node = "away-1"
    with Mosquitto() as broker, Edge(broker.port, node, RAMP) as agent:
        with Acknowledger(broker.host, broker.port) as receiver:
            agent.wait_for(lambda: len(raw(receiver, node)) > 10, "samples arrive")
        broker.kill()
        time.sleep(4)
        broker.start()
        with Acknowledger(broker.host, broker.port) as late:
            agent.wait_for(lambda: len(agent.journal()) > 150, "it goes on measuring")
            goal = len(agent.journal())
            agent.wait_for(
                lambda: {*raw(receiver, node).values(), *raw(late, node).values()} >= set(range(goal)),
                "everything arrives",
            )
        assert "no MQTT broker can be reached" in agent.log.read_text()


def test_the_agent_starts_without_a_broker_and_finds_it_later() -> None:
    node = "first-1"
    with Mosquitto() as broker:
        broker.kill()
        with Edge(broker.port, node, RAMP) as agent:
            agent.wait_for(lambda: len(agent.journal()) > 20, "it measures")
            broker.start()
            with Acknowledger(broker.host, broker.port) as receiver:
                agent.wait_for(lambda: 0 in raw(receiver, node).values(), "the first sample arrives")


def test_lost_acknowledgements_lead_to_resends_with_the_same_content(mosquitto: Mosquitto) -> None:
    def third_time(node: str, log: str, seq: int, times: int) -> list[bytes]:
        return honest(node, log, seq, times) if times >= 3 or seq > 20 else []

    node = "lossy-1"
    with (
        Acknowledger(mosquitto.host, mosquitto.port, third_time, prefix=node) as receiver,
        Edge(mosquitto.port, node, RAMP, resend=0.1) as agent,
    ):
        agent.wait_for(
            lambda: sum(times >= 3 for times in receiver.times.values()) >= 20, "all are sent three times"
        )
    assert receiver.changed == []


def test_a_node_is_online_with_what_an_operator_asks_for_and_offline_when_it_is_killed(
    mosquitto: Mosquitto,
) -> None:
    node = "status-1"
    with Listener(mosquitto.port, node) as listener, Edge(mosquitto.port, node, RAMP) as agent:
        found = listener.newest()
        assert found["state"] == "online"
        assert found["agent"].startswith("bypuls-edge ")
        assert found["clock"] == "known"
        assert found["config"] == {}
        assert found["problems"] == []
        assert {"log", "waiting", "dropped"} <= found.keys()
        agent.kill()
        listener.wait_for(lambda: listener.statuses[-1] == {"state": "offline"})
        agent.start()
        listener.wait_for(lambda: listener.statuses[-1]["state"] == "online")
        assert agent.stop() == 0
        listener.wait_for(lambda: listener.statuses[-1] == {"state": "offline"})
    assert status(mosquitto.port, node) == {"state": "offline"}


def test_intervals_set_from_afar_are_applied_kept_and_reported(mosquitto: Mosquitto) -> None:
    node = "config-1"
    topic = f"bypuls/v1/{node}/config"
    wanted = {
        "id": "winter",
        "report": 0.5,
        "sensors": {"simulated": {"every": 0.1}},
        "channels": {"no2": {"window": 1, "statistics": ["mean", "max"]}},
    }
    with (
        Acknowledger(mosquitto.host, mosquitto.port, prefix=node) as receiver,
        Listener(mosquitto.port, node) as listener,
        Edge(mosquitto.port, node, RAMP) as agent,
    ):
        agent.wait_for(lambda: len(raw(receiver, node)) > 5, "samples arrive")
        listener.send(topic, json.dumps(wanted).encode())
        listener.wait_for(lambda: listener.statuses[-1].get("config") == {"id": "winter"})
        agent.wait_for(lambda: len(receiver.readings()[node, "no2.max"]) > 1, "the windows are sent")
        agent.kill()
        agent.start()
        listener.wait_for(lambda: listener.statuses[-1].get("config") == {"id": "winter"})
        before = len(receiver.readings()[node, "no2.max"])
        agent.wait_for(lambda: len(receiver.readings()[node, "no2.max"]) > before + 1, "it is kept")
        listener.send(topic, b'{"id": "wrong", "channels": {"no3": {"window": 10}}}')
        listener.wait_for(lambda: listener.statuses[-1].get("config", {}).get("id") == "wrong")
        assert listener.statuses[-1]["config"]["error"] == "channels.no3: there is no such channel"
        listener.send(topic, b"{}")
        listener.wait_for(lambda: listener.statuses[-1].get("config") == {})
        assert receiver.changed == []


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"{", "the whole: "),
        (b'{"id": "x", "report": 0}', "report: Input should be greater than or equal to 0.05"),
        (b'{"id": "x", "windows": 1}', "windows: there is no such key"),
        (
            b'{"id": "x", "channels": {"no2": {"window": 0, "statistics": ["max"]}}}',
            "channels.no2.statistics: ",
        ),
        (b'{"id": "x", "sensors": {"bme280": {"every": 5}}}', "sensors.bme280: there is no such sensor"),
        (b"\xff", "the whole: "),
        (b'{"id": "' + b"x" * 70_000 + b'"}', "the message has 70010 bytes, the limit is 65536"),
    ],
)
def test_a_configuration_that_can_not_be_followed_changes_nothing_and_is_reported(
    mosquitto: Mosquitto, payload: bytes, message: str
) -> None:
    node = f"badconfig-{abs(hash(payload)) % 10**9}"
    with Listener(mosquitto.port, node) as listener, Edge(mosquitto.port, node, RAMP):
        listener.newest()
        listener.send(f"bypuls/v1/{node}/config", payload)
        listener.wait_for(lambda: "error" in listener.statuses[-1].get("config", {}))
        assert listener.statuses[-1]["config"]["error"].startswith(message)


def test_two_nodes_with_one_name_both_send_all_and_say_so(mosquitto: Mosquitto) -> None:
    node = "twin-1"
    with (
        Acknowledger(mosquitto.host, mosquitto.port, prefix=node) as receiver,
        Edge(mosquitto.port, node, RAMP) as one,
        Edge(mosquitto.port, node, RAMP) as other,
    ):
        logs: dict[str, set[float]] = defaultdict(set)

        def both_have(count: int) -> bool:
            for (_, log, _), payload in dict(receiver.packs).items():
                pack = senml.decode(payload)
                logs[log] |= {v for n, v in zip(pack.names, pack.values, strict=True) if n == "no2"}
            return len(logs) == 2 and all(values >= set(range(count)) for values in logs.values())

        one.wait_for(lambda: both_have(40), "all samples of both arrive")
        for agent in (one, other):
            told = partial(says, agent, "does another device use this node's name?")
            agent.wait_for(told, "it is told")
            # Neither throws the other out.
            assert agent.log.read_text().count("connected to the broker") == 1


def test_acknowledgements_of_what_was_never_sent_delete_nothing(mosquitto: Mosquitto) -> None:
    node = "liar-1"

    def lying(_node: str, log: str, seq: int, times: int) -> list[bytes]:
        return (
            [acknowledgement(log, *range(seq + 1, seq + 50))] if times == 1 else [acknowledgement(log, seq)]
        )

    with (
        Acknowledger(mosquitto.host, mosquitto.port, lying, prefix=node) as receiver,
        Edge(mosquitto.port, node, RAMP, resend=0.2) as agent,
    ):
        agent.wait_for(lambda: set(raw(receiver, node).values()) >= set(range(60)), "nothing is missing")


def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "amqtt.yaml").write_text(
        f"listeners:\n  default:\n    type: tcp\n    bind: 127.0.0.1:{port}\n"
        "plugins:\n  amqtt.plugins.authentication.AnonymousAuthPlugin:\n    allow_anonymous: true\n"
    )
    command = [str(Path(sys.executable).with_name("amqtt")), "-c", str(tmp_path / "amqtt.yaml")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as broker:
        try:
            deadline = time.monotonic() + 20
            while not listens(port):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            with (
                Acknowledger("127.0.0.1", port, old_protocol=True) as receiver,
                Edge(port, "old-1", RAMP) as agent,
            ):
                agent.wait_for(lambda: len(raw(receiver, "old-1")) > 10, "samples arrive")
        finally:
            broker.kill()


def test_systemd_hears_that_it_is_ready_alive_and_at_its_end(mosquitto: Mosquitto) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = f"{folder}/notify"
        manager.bind(path)
        manager.settimeout(20)
        agent = Edge(mosquitto.port, "notify-1", RAMP)
        agent.start(NOTIFY_SOCKET=path, WATCHDOG_USEC="600000")
        with_agent = [manager.recv(100) for _ in range(3)]
        assert with_agent == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        assert agent.stop() == 0
        while (heard := manager.recv(100)) == b"WATCHDOG=1":
            pass
        assert heard == b"STOPPING=1"
        agent.__exit__()


@pytest.mark.parametrize("clock", ["system", "synchronised"])
def test_a_wall_clock_that_jumps_by_an_hour_moves_no_stamp(mosquitto: Mosquitto, clock: str) -> None:
    node = f"jump-{clock}"

    def now(_node: str, log: str, seq: int, _times: int) -> list[bytes]:
        return [json.dumps({"log": log, "seq": [[seq, seq]], "now": time.time()}).encode()]

    with (
        Acknowledger(mosquitto.host, mosquitto.port, now, prefix=node) as receiver,
        Edge(mosquitto.port, node, RAMP, clock=clock, moved=True) as agent,
    ):
        for seconds in (3_600, -3_600, 0):
            goal = len(raw(receiver, node)) + 20
            while len(raw(receiver, node)) < goal:
                time.sleep(0.05)
            agent.move_clock(offset=seconds * 1_000_000)
            if seconds < 0:
                agent.kill()
                agent.start()
        goal = len(agent.journal())
        have = partial(raw, receiver, node)
        agent.wait_for(lambda: max(have().values()) >= goal, "it goes on")
        true = {float(line["n"]): line["realtime"] for line in agent.journal()}
        found = have()
    late = [at - true[value] for at, value in found.items()]
    assert min(late) > -100_000
    assert sorted(late)[len(late) // 2] < 50_000
    assert max(late) < 2_000_000

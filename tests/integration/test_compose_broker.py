"""The broker of docker-compose.yml: its start script, configuration and access rules on a real Mosquitto."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from testbed.port import free_port
from testbed.process import Process
from testbed.sources import TREE, mosquitto_command

FILES = Path(__file__).resolve().parents[2] / "docker" / "mosquitto"
INGEST, SIMULATOR = "bypuls.ingest", "bypuls.simulator"
PASSWORDS = {INGEST: "ingest-secret", SIMULATOR: "simulator-secret", "air-01": "a", "air-02": "b"}
NOT_AUTHORIZED = 0x87


class ComposeBroker:
    """Mosquitto started by start.sh, with the container's folders in a temporary one."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.data = folder / "mosquitto" / "data"
        self._password_tool = _password_tool()
        broker = mosquitto_command()
        assert broker is not None
        programs, config = folder / "bin", folder / "mosquitto" / "config"
        for made in (programs, config, self.data):
            made.mkdir(parents=True)
        _write_program(programs / "mosquitto", broker)
        _write_program(programs / "mosquitto_passwd", self._password_tool)
        for file in FILES.iterdir():
            text = file.read_text(encoding="utf-8").replace("/mosquitto/", f"{folder}/mosquitto/")
            if file.name == "mosquitto.conf":
                # Started by root it would become a user who may not enter this folder; in the container it
                # isn't started by root.
                text = text.replace("listener 1883", f"user root\nlistener {self.port} 127.0.0.1")
            (config / file.name).write_text(text, encoding="utf-8")
        self._path = f"PATH={programs}:{os.environ['PATH']}"
        self._script = str(config / "start.sh")
        self._log = folder / "log"
        self._process = self._make(PASSWORDS[INGEST])

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        self._process.start(self._answers, timeout=20)

    def stop(self) -> None:
        self._process.send(signal.SIGTERM)
        self._process.wait()

    def change_ingest_password(self, password: str) -> None:
        self._process = self._make(password)

    def add_account(self, node: str) -> None:
        """As the first lines of docker-compose.yml tell."""
        command = [*self._password_tool, "-b", str(self.data / "accounts"), node, PASSWORDS[node]]
        subprocess.run(command, check=True)
        self._process.send(signal.SIGHUP)

    def close(self) -> None:
        self._process.close()

    def _make(self, ingest_password: str) -> Process:
        secrets = [f"INGEST_PASSWORD={ingest_password}", f"SIMULATOR_PASSWORD={PASSWORDS[SIMULATOR]}"]
        return Process(
            ["setpriv", "--pdeathsig", "KILL", "env", self._path, *secrets, "sh", self._script], self._log
        )

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


class Account:
    """A connected client that keeps what it receives; `answer` is how the broker took the connection."""

    def __init__(self, broker: ComposeBroker, user: str | None, password: str | None = None) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.answer = ""
        self.connections = 0
        self._done = threading.Event()
        self._reason = 0
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        if user is not None:
            self._client.username_pw_set(user, PASSWORDS[user] if password is None else password)
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self._note(str(reason))
        self._client.on_publish = lambda _c, _u, _m, reason, _p: self._note(reason=reason.value)
        self._client.on_subscribe = lambda _c, _u, _m, reasons, _p: self._note(reason=reasons[0].value)
        self._client.on_message = self._keep
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert self._done.wait(10)

    def publish(self, topic: str, payload: bytes = b"[]") -> bool:
        """Publish with QoS 1 and tell whether the broker let it through."""
        self._done.clear()
        self._client.publish(topic, payload, qos=1)
        assert self._done.wait(10)
        assert self._reason in (0, 0x10, NOT_AUTHORIZED)  # 0x10: nobody has subscribed
        return self._reason != NOT_AUTHORIZED

    def subscribe(self, topic: str) -> None:
        self._done.clear()
        self._client.subscribe(topic, qos=1)
        assert self._done.wait(10)

    def wait_for(self, topic: str) -> None:
        deadline = time.monotonic() + 10
        while topic not in [each for each, _ in self.received]:
            assert time.monotonic() < deadline, f"{topic} did not arrive; {self.received} did"
            time.sleep(0.02)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _note(self, answer: str = "", reason: int = 0) -> None:
        if answer:
            self.answer = answer
            self.connections += 1
        self._reason = reason
        self._done.set()

    def _keep(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.received.append((message.topic, bytes(message.payload)))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeBroker]:
    if mosquitto_command() is None:
        pytest.skip("this Mosquitto runs in a container, which start.sh can't be given to")
    made = ComposeBroker(tmp_path_factory.mktemp("compose"))
    try:
        made.start()
        for node in ("air-01", "air-02"):
            made.add_account(node)
        yield made
    finally:
        made.close()


@pytest.fixture
def accounts(broker: ComposeBroker) -> Iterator[dict[str, Account]]:
    clients = {user: Account(broker, user) for user in PASSWORDS}
    yield clients
    for client in clients.values():
        client.close()


@pytest.mark.parametrize(
    ("user", "password"),
    [(None, None), (INGEST, "wrong"), (INGEST, ""), ("air-01", "b"), ("air-03", "")],
    ids=["anonymous", "wrong password", "empty password", "another node's password", "unknown user"],
)
def test_who_has_no_account_is_refused(broker: ComposeBroker, user: str | None, password: str | None) -> None:
    client = Account(broker, user, password)
    client.close()
    assert client.answer == "Not authorized"


def test_packs_and_statuses_reach_ingest_and_acknowledgements_reach_the_node(
    accounts: dict[str, Account],
) -> None:
    ingest, node, other = accounts[INGEST], accounts["air-01"], accounts["air-02"]
    ingest.subscribe("$share/ingest/bypuls/+/+/up/#")
    ingest.subscribe("bypuls/v1/+/status")
    for account in (node, other):
        account.subscribe("bypuls/v1/air-01/ack")
    assert node.publish("bypuls/v1/air-01/up")
    assert node.publish("bypuls/v1/air-01/status")
    ingest.wait_for("bypuls/v1/air-01/up")
    ingest.wait_for("bypuls/v1/air-01/status")
    assert ingest.publish("bypuls/v1/air-01/ack")
    node.wait_for("bypuls/v1/air-01/ack")
    assert other.received == []


def test_a_node_publishes_under_its_own_name_only_and_stays_connected_when_it_is_denied(
    accounts: dict[str, Account],
) -> None:
    node = accounts["air-01"]
    for topic in (
        "bypuls/v1/air-02/up",
        "bypuls/v1/air-02/status",
        "bypuls/v1/air-01/ack",
        "bypuls/v1/air-02/ack",
        "bypuls/v1/air-01/config",
        "bypuls/v1/air-01/up/more",
        "bypuls/v2/air-01/up",
        "elsewhere",
    ):
        assert not node.publish(topic), topic
        assert node.publish("bypuls/v1/air-01/up")
    assert node.connections == 1


def test_a_node_hears_nothing_of_the_others(accounts: dict[str, Account]) -> None:
    node, other = accounts["air-01"], accounts["air-02"]
    node.subscribe("#")
    assert other.publish("bypuls/v1/air-02/up")
    assert accounts[INGEST].publish("bypuls/v1/air-02/ack")
    assert accounts[INGEST].publish("bypuls/v1/air-01/ack")  # after the others, so they would be here by then
    node.wait_for("bypuls/v1/air-01/ack")
    assert [topic for topic, _ in node.received] == ["bypuls/v1/air-01/ack"]


def test_the_simulator_speaks_for_every_node_but_acknowledges_nothing(accounts: dict[str, Account]) -> None:
    simulator = accounts[SIMULATOR]
    simulator.subscribe("bypuls/v1/+/ack")
    assert simulator.publish("bypuls/v1/air-77/up")
    assert simulator.publish("bypuls/v1/air-77/status")
    assert not simulator.publish("bypuls/v1/air-77/ack")
    assert accounts[INGEST].publish("bypuls/v1/air-77/ack")
    simulator.wait_for("bypuls/v1/air-77/ack")


def test_ingest_publishes_acknowledgements_only(accounts: dict[str, Account]) -> None:
    assert not accounts[INGEST].publish("bypuls/v1/air-01/up")
    assert not accounts[INGEST].publish("bypuls/v1/air-01/status")


def test_a_restart_keeps_the_accounts_of_nodes_and_takes_new_passwords_for_the_platforms_own(
    broker: ComposeBroker,
) -> None:
    broker.stop()
    broker.change_ingest_password("another")
    broker.start()
    old, new, node = Account(broker, INGEST), Account(broker, INGEST, "another"), Account(broker, "air-01")
    for client in (old, new, node):
        client.close()
    assert [client.answer for client in (old, new, node)] == ["Not authorized", "Success", "Success"]
    broker.stop()
    broker.change_ingest_password(PASSWORDS[INGEST])
    broker.start()


def test_files_with_accounts_are_closed_to_others_and_hold_no_clear_password(broker: ComposeBroker) -> None:
    for name in ("accounts", "acl"):
        assert (broker.data / name).stat().st_mode & 0o777 == 0o600, name
    accounts = (broker.data / "accounts").read_text()
    assert sorted(line.partition(":")[0] for line in accounts.splitlines()) == [
        *("air-01", "air-02", INGEST, SIMULATOR)
    ]
    assert "secret" not in accounts + broker.log
    assert "world readable" not in broker.log


def _password_tool() -> list[str]:
    """Return the command of the mosquitto_passwd that belongs to the broker of the tests."""
    found = shutil.which("mosquitto_passwd")
    return [found] if found else TREE.command("usr/bin/mosquitto_passwd")


def _write_program(path: Path, command: list[str]) -> None:
    path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)

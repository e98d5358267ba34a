"""`bypuls up` as its users have it: a process with a folder, two ports, and signals."""

import fcntl
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bypuls.embedded.account import server_account
from simulators.town.journal import VERSION
from testbed.port import free_port
from testbed.sources import mosquitto_command

CHILDREN = {
    "database": r"/postgres -D",
    "broker": r"amqtt_broker|mosquitto\.conf",
    "ingest": r"-m bypuls ingest",
    "api": r"-m bypuls api",
    "simulator": r"-m bypuls simulate",
}


class Up:
    """One run of `bypuls up`, in a process group of its own as a shell would give it."""

    def __init__(
        self, folder: Path, *options: str, http_port: int | None = None, path: str | None = None
    ) -> None:
        self.folder = folder
        self.http_port = http_port or free_port()
        self.mqtt_port = free_port()
        self._output = folder.parent / f"{folder.name}.{self.mqtt_port}.out"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BYPULS_")}
        with self._output.open("wb") as output:
            self.process = psutil.Popen(
                [
                    *("setpriv", "--pdeathsig", "TERM", sys.executable, "-P", "-m", "bypuls", "up"),
                    *("--data-dir", str(folder)),
                    *("--http-port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)),
                    *options,
                ],
                env=environment | ({"PATH": path} if path else {}) | {"PGOPTIONS": "-c nonsense=1"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def wait_for(self, pattern: str, timeout: float = 60, *, times: int = 1) -> None:
        deadline = time.monotonic() + timeout
        while len(re.findall(pattern, self.output, re.MULTILINE)) < times:
            assert time.monotonic() < deadline, f"{pattern!r} was not told:\n{self.output}"
            assert self.process.poll() is None, f"it ended before it told {pattern!r}:\n{self.output}"
            time.sleep(0.05)

    def wait_until_ready(self) -> None:
        self.wait_for(rf"^ready: http://127\.0\.0\.1:{self.http_port}$")

    def child(self, name: str) -> psutil.Process:
        for each in self.process.children():
            if re.search(CHILDREN[name], " ".join(each.cmdline())):
                return each
        raise AssertionError(f"no {name} runs")

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=10) as answer:
            return json.load(answer)

    def latest(self) -> dict[str, str]:
        """Return the time of each stream's newest reading."""
        return {each["stream"]: each["time"] for each in self.get("/api/v1/latest")["latest"]}

    def wait_for_news(self, timeout: float = 40) -> None:
        """Wait for a reading that is newer than all there are."""
        before, deadline = max(self.latest().values()), time.monotonic() + timeout
        while max(self.latest().values()) <= before:
            assert time.monotonic() < deadline, f"no reading arrived within {timeout} s:\n{self.output}"
            time.sleep(0.1)

    def end(self, number: signal.Signals = signal.SIGINT, timeout: float = 15) -> int:
        """Send a signal as a terminal does, to the whole group; return the exit status, once all is gone."""
        family = self.process.children(recursive=True)
        os.killpg(self.process.pid, number)
        status = self.process.wait(timeout)
        _, alive = psutil.wait_procs(family, timeout=10 if number == signal.SIGKILL else 0)
        assert alive == []
        return int(status)

    def close(self) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGTERM, timeout=30)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A platform that runs for all tests that don't end it."""
    running = Up(tmp_path_factory.mktemp("up") / "data")
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.close()


def refusal(folder: Path, *options: str, http_port: int | None = None) -> str:
    """Start one that is to be refused, and return the sentence that it says instead."""
    refused = Up(folder, *options, http_port=http_port)
    family: list[psutil.Process] = []
    while refused.process.poll() is None:
        try:
            family = refused.process.children(recursive=True) or family
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    assert refused.process.wait() == 1
    assert not [each for each in family if each.is_running()]
    sentence = refused.output.splitlines()[-1]
    assert sentence.startswith("bypuls: ")
    assert "Traceback" not in refused.output
    return sentence


def test_simulated_readings_arrive_and_move(up: Up) -> None:
    assert up.get("/readyz")
    assert up.latest()
    up.wait_for_news()


def test_simulated_nodes_are_registered_with_owner_and_place(up: Up) -> None:
    nodes = {node["node"]: node for node in up.get("/api/v1/nodes")["nodes"]}
    assert nodes["air-01"]["owner"]
    assert nodes["air-01"]["place"]


def test_the_catalogue_of_open_data_names_addresses_of_the_port_that_was_given(up: Up) -> None:
    here = f"http://127.0.0.1:{up.http_port}"
    addressed = set(re.findall(r"http://127\.0\.0\.1:\d+", json.dumps(up.get("/api/v1/dcat"))))
    assert addressed == {here}


def test_everything_listens_on_loopback_only(up: Up) -> None:
    listening = {
        (each.name(), connection.laddr.ip)
        for each in [up.process, *up.process.children(recursive=True)]
        for connection in each.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address for _, address in listening} == {"127.0.0.1"}
    assert "postgres" not in {name for name, _ in listening}


def test_a_second_one_on_the_same_folder_is_refused(up: Up) -> None:
    assert refusal(up.folder) == (
        f"bypuls: another bypuls up (process {up.process.pid}) uses {up.folder}: stop it, "
        "or name another folder with --data-dir"
    )


def test_a_taken_port_gives_one_clear_sentence(up: Up, tmp_path: Path) -> None:
    assert refusal(tmp_path / "data", http_port=up.http_port) == (
        f"bypuls: port {up.http_port} is taken by another program; choose another one with --http-port"
    )


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_that_dies_is_started_again_and_that_is_told(up: Up, name: str) -> None:
    up.child(name).kill()
    up.wait_for(rf"^\d\d:\d\d:\d\d {name}( \(\w+\))? ended \(SIGKILL\) after \d+ s; starting it again")
    up.wait_for(rf"^\d\d:\d\d:\d\d {name}( \(\w+\))? started again")
    deadline = time.monotonic() + 30
    while True:  # until the API, which may be the one that was killed, sees the database again
        try:
            up.wait_for_news()
            break
        except OSError:
            assert time.monotonic() < deadline, up.output
            time.sleep(0.1)


def test_ctrl_c_ends_everything_and_the_next_start_finds_the_data(tmp_path: Path) -> None:
    first = Up(tmp_path / "data")
    try:
        first.wait_until_ready()
        stored = first.latest()
        assert first.end(signal.SIGINT) == 0
        assert first.output.splitlines()[-1] == "stopping"
    finally:
        first.close()
    second = Up(tmp_path / "data", "--no-simulate", http_port=first.http_port)
    try:
        second.wait_until_ready()
        found = second.latest()
        assert all(found[stream] >= time for stream, time in stored.items())
        with pytest.raises(AssertionError, match="no simulator runs"):
            second.child("simulator")
        assert second.end(signal.SIGTERM) == 0
    finally:
        second.close()


def test_nothing_outlives_a_killed_one_and_the_next_start_finds_the_data(tmp_path: Path) -> None:
    killed = Up(tmp_path / "data")
    try:
        killed.wait_until_ready()
        stored = killed.latest()
        family = killed.process.children(recursive=True)
        killed.child("database").kill()  # so that it leaves its pid file and its sessions behind
        killed.process.kill()
        following = Up(tmp_path / "data", "--no-simulate", http_port=killed.http_port)
        try:
            following.wait_until_ready()
            assert stored.keys() <= following.latest().keys()
            assert psutil.wait_procs(family, timeout=10)[1] == []
        finally:
            following.close()
    finally:
        killed.close()


OLD = (
    '{"what":"town","version":1,"town":"lillestrom","seed":1,"nodes":null,"interval":null,"scenarios":[],'
    '"at":"2026-11-25T12:00:00Z","faults":{}}\n'
)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (OLD, "is a journal of version 1"),
        ("no journal\n", "line 1: JSON is malformed"),
        (
            OLD.replace('"version":1', f'"version":{VERSION}').replace('"seed":1', '"seed":2'),
            "seed is 2 there",
        ),
    ],
    ids=["old", "damaged", "of another town"],
)
def test_a_journal_that_the_town_cannot_go_on_with_is_set_aside(tmp_path: Path, found: str, why: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "lock").touch()
    (data / "town.jsonl").write_text(found)
    (data / "town.1.jsonl").write_text("an older one")
    running = Up(data)
    try:
        running.wait_until_ready()
        [told] = [line for line in running.output.splitlines() if line.startswith("simulator: ")]
        assert f"is set aside as {data}/town.2.jsonl, and a new one begun" in told
        assert why in told
        assert (data / "town.2.jsonl").read_text() == found
        assert f'"version":{VERSION},"town":"lillestrom","seed":1,' in (data / "town.jsonl").read_text()
        running.wait_for_news()
    finally:
        running.close()


def test_a_simulator_that_cannot_start_is_told_and_started_again_while_the_platform_goes_on(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "lock").touch()
    with (data / "town.jsonl").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        running = Up(data)
        try:
            running.wait_until_ready()
            assert (
                "simulator ended (exit status 1); the platform goes on, and starts it again" in running.output
            )
            assert "another simulation writes the journal" in running.output
            assert running.get("/readyz")
            fcntl.flock(held, fcntl.LOCK_UN)
            running.wait_for("simulator started again")
            deadline = time.monotonic() + 40
            while not running.latest():
                assert time.monotonic() < deadline, running.output
                time.sleep(0.1)
        finally:
            running.close()


def test_a_reader_that_went_away_does_not_end_it(tmp_path: Path) -> None:
    options = ["--data-dir", str(tmp_path / "data"), "--http-port", str(free_port())]
    options += ["--mqtt-port", str(free_port()), "--no-simulate"]
    with subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", sys.executable, "-P", "-m", "bypuls", "up", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith(b"data: ")
        running.stdout.close()
        deadline = time.monotonic() + 60
        while not up_answers(int(options[3])):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        running.terminate()
        assert running.wait(15) == 0
        assert running.stderr is not None
        assert running.stderr.read() == b""


def up_answers(port: int) -> bool:
    try:
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("moment", [0.6, 2.0])
def test_ctrl_c_during_the_start_ends_it_in_order(tmp_path: Path, moment: float) -> None:
    starting = Up(tmp_path / "data")
    try:
        starting.wait_for("^data: ")
        time.sleep(moment)
        assert starting.end(signal.SIGINT) == 0
        assert "Traceback" not in starting.output
    finally:
        starting.close()


def test_an_installed_mosquitto_is_used(tmp_path: Path) -> None:
    command = mosquitto_command()
    if command is None:
        pytest.skip("this Mosquitto runs in a container")
    program = tmp_path / "bin" / "mosquitto"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    program.chmod(0o755)
    running = Up(tmp_path / "data", "--no-simulate", path=f"{program.parent}:{os.environ['PATH']}")
    try:
        running.wait_until_ready()
        assert f"broker (mosquitto): mqtt://127.0.0.1:{running.mqtt_port}" in running.output
        assert running.end() == 0
        assert (running.folder / "broker" / "mosquitto.db").exists()
    finally:
        running.close()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear all")
    assert refusal(tmp_path) == (
        f"bypuls: {tmp_path} is not empty and was not made by bypuls up; name another folder with --data-dir"
    )
    assert [each.name for each in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_in_place_of_the_folder_gives_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert refusal(tmp_path / "data") == (
        f"bypuls: can't use {tmp_path}/data as data folder: {tmp_path}/data: File exists; "
        "name another folder with --data-dir"
    )


def test_a_damaged_database_gives_one_clear_sentence(tmp_path: Path) -> None:
    database = tmp_path / "data" / "postgres"
    database.mkdir(parents=True)
    (tmp_path / "data" / "lock").touch()
    server_account().own(database)
    assert refusal(tmp_path / "data") == (
        f"bypuls: {database} is a database folder without PG_VERSION, so damaged; this is PostgreSQL 18. "
        "Move it away and start again, or name another folder with --data-dir"
    )


def test_a_folder_in_which_a_file_is_in_the_way_gives_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("lock", "broker"):
        (tmp_path / "data" / name).touch()
    assert refusal(tmp_path / "data") == (
        f"bypuls: can't run on {tmp_path}/data: [Errno 17] File exists: '{tmp_path}/data/broker'; "
        "name another folder with --data-dir"
    )


def test_one_port_for_both_servers_is_refused(tmp_path: Path) -> None:
    port = free_port()
    sentence = refusal(tmp_path / "data", "--mqtt-port", str(port), http_port=port)
    assert sentence == f"bypuls: --http-port and --mqtt-port are both {port}: they must differ"

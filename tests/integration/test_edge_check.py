"""`bypuls-edge check` and the command line, against real brokers."""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.pi.check import check
from edge.pi.configuration import Configuration, load
from testbed import Mosquitto
from testbed.acknowledger import Acknowledger, acknowledgement
from testbed.edge import RAMP
from testbed.port import free_port


def configuration(port: int, tmp_path: Path, more: str = "", sensors: str = RAMP) -> Configuration:
    file = tmp_path / "edge.toml"
    head = f'node = "check-1"\n[broker]\nhost = "127.0.0.1"\nport = {port}\n{more}\n'
    text = f'{head}[store]\nfolder = "{tmp_path}/store"\n'
    file.write_text(text + sensors.replace("{folder}", str(tmp_path)))
    return load(file)


def edge(*words: str) -> tuple[int, str]:
    """Run the command; return its exit status and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "edge.pi", *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
        timeout=30,
    )
    return done.returncode, done.stderr + done.stdout


def test_check_tries_everything_and_says_what_it_found(mosquitto: Mosquitto, tmp_path: Path) -> None:
    told: list[str] = []
    with Acknowledger(mosquitto.host, mosquitto.port, prefix="check-1") as receiver:
        assert check(configuration(mosquitto.port, tmp_path), told.append), told
    assert list(receiver.packs) == [("check-1", "check", 1)]
    assert receiver.statuses["check-1"] == []
    text = "\n".join(told)
    for found in (
        "1 sensors, 2 channels",
        "packs waiting",
        "no2 = 0 ug/m3",
        "may be heard",
        "is acknowledged after",
    ):
        assert found in text


def test_check_waits_for_a_platform_with_a_backlog_and_says_so(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(_node: str, log: str, seq: int, _times: int) -> list[bytes]:
        time.sleep(2)
        return [acknowledgement(log, seq)]

    monkeypatch.setattr("edge.pi.check._PATIENCE", 1.0)
    told: list[str] = []
    with Acknowledger(mosquitto.host, mosquitto.port, late, prefix="check-1"):
        assert check(configuration(mosquitto.port, tmp_path), told.append), told
    [note] = [line for line in told if line.startswith("note  platform")]
    assert "backlog" in note
    assert "is acknowledged after" in told[-1]


def test_check_and_run_name_a_certificate_file_that_is_not_there(tmp_path: Path) -> None:
    missing = tmp_path / "town.pem"
    told: list[str] = []
    assert not check(configuration(1, tmp_path, f'tls = true\nca_file = "{missing}"'), told.append)
    sentence = f"broker.ca_file: {missing} can't be read: No such file or directory"
    assert told[-1] == f"FAIL  {sentence}"
    assert edge("run", "--config", str(tmp_path / "edge.toml")) == (1, f"bypuls-edge: {sentence}\n")
    missing.write_text("no certificate")
    assert not check(configuration(1, tmp_path, f'tls = true\nca_file = "{missing}"'), told.append)
    assert told[-1].startswith(f"FAIL  broker.ca_file: {missing} holds no certificates in PEM format")


def test_check_explains_a_sensor_that_does_not_answer(mosquitto: Mosquitto, tmp_path: Path) -> None:
    told: list[str] = []
    program = 'command = ["echo", "5000"]\noutputs = ["no2"]\n'
    sensors = f'[[sensor]]\nkind = "bme280"\nbus = 99\n[[sensor]]\nkind = "command"\n{program}'
    with Acknowledger(mosquitto.host, mosquitto.port, prefix="check-1"):
        assert not check(configuration(mosquitto.port, tmp_path, sensors=sensors), told.append)
    text = "\n".join(told)
    assert "FAIL  sensor bme280: nothing answers at 0x76 on I2C bus 99" in text
    assert "note  outside of what is plausible: no2 = 5000 ug/m3" in text


# paho leaves the socket of a failed TLS handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("config", "broker", "message"),
    [
        ("allow_anonymous false\n", "", "refuses the connection: Not authorized; check broker.username"),
        (
            "allow_anonymous true\nacl_file {folder}/acl\n",
            "",
            "nobody acknowledges them within|does not let this user",
        ),
        ("allow_anonymous true\n", "tls = true", "TLS with 127.0.0.1|does that port speak TLS"),
    ],
    ids=["password", "access rules", "TLS"],
)
def test_check_explains_a_broker_that_does_not_let_us(
    tmp_path: Path, config: str, broker: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.pi.check._PATIENCE", 3.0)
    monkeypatch.setattr("edge.pi.check._ANSWER_PATIENCE", 3.0)
    (tmp_path / "acl").write_text("topic read bypuls/v1/+/ack\ntopic read bypuls/v1/+/config\n")
    told: list[str] = []
    with Mosquitto(config.replace("{folder}", str(tmp_path))) as server:
        assert not check(configuration(server.port, tmp_path, broker), told.append)
    assert told[-1].startswith("FAIL")
    assert re.search(message, told[-1]), told


def test_check_fails_where_there_is_no_broker_and_names_the_keys(tmp_path: Path) -> None:
    told: list[str] = []
    port = free_port()
    assert not check(configuration(port, tmp_path), told.append)
    assert told[-1].startswith(f"FAIL  no MQTT broker can be reached at 127.0.0.1:{port}")
    assert told[-1].endswith("check broker.host and broker.port")


def test_the_command_ends_with_one_sentence_and_status_1_where_something_is_wrong(tmp_path: Path) -> None:
    status, said = edge("run", "--config", str(tmp_path / "nowhere.toml"))
    assert status == 1
    assert said.startswith("bypuls-edge: ")
    assert "can't be read" in said
    assert edge("example")[0] == edge("unit")[0] == edge("sensors")[0] == 0
    (tmp_path / "example.toml").write_text(edge("example")[1])
    assert load(tmp_path / "example.toml").node == "my-node"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_check_tells_that_a_port_says_nothing_to_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.pi.connection.ANSWER_TIMEOUT", 1.0)
    monkeypatch.setattr("edge.pi.check._PATIENCE", 2.0)
    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not check(configuration(silent.getsockname()[1], tmp_path, "tls = true"), told.append)
    assert told[-1].startswith("FAIL  no MQTT broker can be reached at 127.0.0.1:")
    assert told[-1].endswith("does that port speak TLS?")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough_is_no_defect(unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "edge.pi", "sensors"],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            timeout=30,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")

"""`bypuls-edge check` and the command line, against real brokers."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge.pi.check import check
from edge.pi.configuration import Configuration, load
from testbed import Mosquitto
from testbed.acknowledger import Acknowledger
from testbed.edge import RAMP
from testbed.port import free_port


def configuration(port: int, tmp_path: Path, more: str = "", sensors: str = RAMP) -> Configuration:
    file = tmp_path / "edge.toml"
    head = f'node = "check-1"\n[broker]\nhost = "127.0.0.1"\nport = {port}\n{more}\n'
    text = f'{head}[store]\nfolder = "{tmp_path}/store"\n'
    file.write_text(text + sensors.replace("{folder}", str(tmp_path)))
    return load(file)


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
    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "edge.pi", *words],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
        )
        return done.returncode, done.stderr + done.stdout

    status, said = run("run", "--config", str(tmp_path / "nowhere.toml"))
    assert status == 1
    assert said.startswith("bypuls-edge: ")
    assert "can't be read" in said
    assert run("example")[0] == run("unit")[0] == run("sensors")[0] == 0
    (tmp_path / "example.toml").write_text(run("example")[1])
    assert load(tmp_path / "example.toml").node == "my-node"

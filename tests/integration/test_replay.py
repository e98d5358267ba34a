"""`bypuls replay` brings every value once, to the last bit, and continues where it was interrupted.

What receives here stands in for ingest, see `testbed.acknowledger`; the whole chain has tests of its own.
"""

import csv
import gzip
import json
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bypuls.errors import BypulsError
from bypuls.settings import BrokerSettings
from simulators import recording, replay
from testbed import Mosquitto
from testbed.acknowledger import Acknowledger, honest
from testbed.port import free_port

RUN = """
import sys
from pathlib import Path
from bypuls.errors import BypulsError
from bypuls.settings import BrokerSettings
from simulators import replay
port, state, speed, *names = sys.argv[1:]
factor = None if speed == "max" else float(speed)
recordings = [Path(name) for name in names]
try:
    replay.run(BrokerSettings(port=int(port)), recordings, factor, Path(state), 5.0, 10)
except BypulsError as error:
    sys.exit(str(error))
"""
"""What the command will do, as a process that can be interrupted and killed."""


def start(broker: Mosquitto, state: Path, speed: str, recordings: list[Path]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", RUN, str(broker.port), str(state), speed, *map(str, recordings)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(broker: Mosquitto, recordings: list[Path], state: Path, speed: float | None = None) -> None:
    replay.run(BrokerSettings(port=broker.port), recordings, speed, state, 20.0, 10)


def written(path: Path) -> dict[tuple[str, str], dict[int, float]]:
    """Read the values of a file without the product's reader."""
    node = path.name.split(".")[0]
    values: dict[tuple[str, str], dict[int, float]] = {}
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            time = int(datetime.fromisoformat(row.pop("time")).timestamp()) * 1_000_000
            for channel, text in row.items():
                if text:
                    values.setdefault((node, channel), {})[time] = float(text)
    return values


def make(folder: Path, node: str, rows: int, step: int = 3_600) -> Path:
    """Write a recording of `rows` rows, `step` seconds apart, from 2023-11-14T22:13:20Z on."""
    lines = ["time,no2,water_level"]
    for row in range(rows):
        time = datetime.fromtimestamp(1_700_000_000 + row * step, UTC).isoformat()
        lines.append(f"{time},{row / 7!r},{'' if row % 3 else row}")
    path = folder / f"{node}.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def bits(values: dict[tuple[str, str], dict[int, float]]) -> dict[tuple[str, str], dict[int, bytes]]:
    return {
        stream: {time: struct.pack("<d", value) for time, value in column.items()}
        for stream, column in values.items()
    }


def wait_until(condition: Callable[[], bool], timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.02)


def safe_packs(state: Path) -> int:
    if not state.exists():
        return 0
    return sum(entry["safe"] for entry in json.loads(state.read_text())["recordings"].values())


def test_every_value_of_the_shipped_recordings_arrives_once_and_to_the_last_bit(tmp_path: Path) -> None:
    with Mosquitto() as broker, Acknowledger(broker.host, broker.port) as receiver:
        replay.run(BrokerSettings(port=broker.port), [], None, tmp_path / "state", 20.0, 50)
    expected: dict[tuple[str, str], dict[int, float]] = {}
    for path in recording.shipped():
        expected |= written(path)
    assert bits(receiver.readings()) == bits(expected)
    assert set(receiver.times.values()) == {1}
    assert sum(len(column) for column in receiver.readings().values()) == 203_354


def test_a_second_replay_sends_the_same_again_under_a_new_log(mosquitto: Mosquitto, tmp_path: Path) -> None:
    path = make(tmp_path, "twice-a", 95)
    with Acknowledger(mosquitto.host, mosquitto.port, prefix="twice-") as receiver:
        run(mosquitto, [path], tmp_path / "state")
        first = receiver.readings()
        run(mosquitto, [path], tmp_path / "state")
    assert receiver.readings() == first == written(path)
    logs = {log for _, log, _ in receiver.packs}
    assert len(logs) == 2
    assert {(log, seq) for _, log, seq in receiver.packs} == {
        (log, seq) for log in logs for seq in range(1, 11)
    }
    assert safe_packs(tmp_path / "state") == 0


def test_a_replay_continues_after_sigkill(mosquitto: Mosquitto, tmp_path: Path) -> None:
    paths = [make(tmp_path, f"killed-{name}", 3_000) for name in "ab"]
    state = tmp_path / "state"

    def first_half(node: str, log: str, seq: int, times: int) -> list[bytes]:
        # Pack 100 is not acknowledged: what is safe ends there, although later packs are.
        return honest(node, log, seq, times) if seq <= 130 and seq != 100 else []

    with (
        Acknowledger(mosquitto.host, mosquitto.port, first_half, prefix="killed-") as before,
        start(mosquitto, state, "max", paths) as child,
    ):
        wait_until(lambda: safe_packs(state) == 2 * 99)
        child.kill()
    with Acknowledger(mosquitto.host, mosquitto.port, prefix="killed-") as after:
        with start(mosquitto, state, "max", paths) as child:
            output, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors
    assert "continuing the interrupted replay" in output
    assert min(seq for _, _, seq in after.packs) == 100
    assert {log for _, log, _ in after.packs} == {log for _, log, _ in before.packs}
    # A seq that came in both halves came with the same bytes.
    assert all(before.packs[key] == payload for key, payload in after.packs.items() if key in before.packs)
    after.packs |= before.packs
    assert {seq for _, _, seq in after.packs} == set(range(1, 301))
    assert bits(after.readings()) == bits(written(paths[0]) | written(paths[1]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_replay_says_so_and_continues(
    mosquitto: Mosquitto, tmp_path: Path, number: signal.Signals
) -> None:
    path = make(tmp_path, f"stopped-{number.name.lower()}", 200, step=10)
    state = tmp_path / "state"
    with Acknowledger(mosquitto.host, mosquitto.port, prefix=path.name.split(".")[0]) as receiver:
        with start(mosquitto, state, "500", [path]) as child:
            receiver.wait_for(lambda: len(receiver.packs) >= 5)
            child.send_signal(number)
            output, errors = child.communicate(timeout=10)
        assert child.returncode == 128 + number, errors
        assert "interrupted; " in output
        assert "the same command continues" in output
        sent = len(receiver.packs)
        assert 0 < sent < 20
        run(mosquitto, [path], state)
    assert set(receiver.times.values()) == {1}
    assert len({log for _, log, _ in receiver.packs}) == 1
    assert receiver.readings() == written(path)


def test_a_finished_recording_is_left_alone_when_the_others_are_continued(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    short, long = make(tmp_path, "part-short", 20), make(tmp_path, "part-long", 400)
    state = tmp_path / "state"

    def only_short(node: str, log: str, seq: int, times: int) -> list[bytes]:
        return honest(node, log, seq, times) if node == "part-short" else []

    with (
        Acknowledger(mosquitto.host, mosquitto.port, only_short, prefix="part-"),
        start(mosquitto, state, "max", [short, long]) as child,
    ):
        wait_until(lambda: safe_packs(state) == 2)
        child.kill()
    with Acknowledger(mosquitto.host, mosquitto.port, prefix="part-") as receiver:
        run(mosquitto, [short, long], state)
    assert {node for node, _, _ in receiver.packs} == {"part-long"}


def test_with_a_speed_rows_are_sent_at_their_own_pace_and_with_their_own_times(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    path = make(tmp_path, "paced-a", 11, step=60)
    arrivals: list[float] = []

    def note(node: str, log: str, seq: int, times: int) -> list[bytes]:
        arrivals.append(time.monotonic())
        return honest(node, log, seq, times)

    with Acknowledger(mosquitto.host, mosquitto.port, note, prefix="paced-") as receiver:
        begin = time.monotonic()
        # A row every 0.3 s.
        replay.run(BrokerSettings(port=mosquitto.port), [path], 200.0, tmp_path / "state", 20.0, 1)
        seconds = time.monotonic() - begin
    assert 3 <= seconds < 5
    assert len(arrivals) == 11
    assert [round((arrival - arrivals[0]) / 0.3, 0) for arrival in arrivals] == list(range(11))
    assert receiver.readings() == written(path)


def test_at_a_high_speed_a_pack_holds_the_rows_of_about_a_second(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    path = make(tmp_path, "quick-a", 30, step=60)
    with Acknowledger(mosquitto.host, mosquitto.port, prefix="quick-") as receiver:
        run(mosquitto, [path], tmp_path / "state", speed=600.0)
    assert len(receiver.packs) == 3


def test_rows_without_any_value_make_no_pack(mosquitto: Mosquitto, tmp_path: Path) -> None:
    path = tmp_path / "blank-a.csv"
    rows = [f"2021-01-01T{hour:02}:00:00Z,{hour if hour in (3, 22) else ''}\n" for hour in range(24)]
    path.write_text("time,no2\n" + "".join(rows))
    with Acknowledger(mosquitto.host, mosquitto.port, prefix="blank-") as receiver:
        replay.run(BrokerSettings(port=mosquitto.port), [path], None, tmp_path / "state", 20.0, 4)
    assert [seq for _, _, seq in receiver.packs] == [1, 2]
    assert list(receiver.readings()["blank-a", "no2"].values()) == [3.0, 22.0]


def test_a_recording_of_blanks_alone_is_done_at_once(mosquitto: Mosquitto, tmp_path: Path) -> None:
    (tmp_path / "empty-a.csv").write_text("time,no2\n2021-01-01T00:00:00Z,\n")
    run(mosquitto, [tmp_path / "empty-a.csv"], tmp_path / "state")


def test_a_replay_without_ingest_gives_up_and_says_what_may_be_wrong(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    path = make(tmp_path, "alone-a", 20)
    begin = time.monotonic()
    with pytest.raises(BypulsError, match="nothing has been acknowledged for 1 s: is ingest running"):
        replay.run(BrokerSettings(port=mosquitto.port), [path], None, tmp_path / "state", 1.0, 10)
    assert time.monotonic() - begin < 5


def test_a_replay_whose_broker_stays_away_gives_up_and_says_so(tmp_path: Path) -> None:
    path = make(tmp_path, "away-a", 2_000)
    with Mosquitto() as broker, start(broker, tmp_path / "state", "max", [path]) as child:
        wait_until((tmp_path / "state").exists)
        broker.kill()
        _, errors = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "the broker can't be reached" in errors


def test_a_replay_without_a_broker_fails_at_once(tmp_path: Path) -> None:
    with pytest.raises(BypulsError, match="no MQTT broker can be reached"):
        replay.run(
            BrokerSettings(port=free_port()),
            [make(tmp_path, "none-a", 1)],
            None,
            tmp_path / "state",
            20.0,
            10,
        )


def test_bad_arguments_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    broker, path, state = BrokerSettings(port=free_port()), make(tmp_path, "bad-a", 1), tmp_path / "state"
    for speed in (0.0, -1.0, float("nan")):
        with pytest.raises(BypulsError, match=r"the speed is .* factor above 0, or max"):
            replay.run(broker, [path], speed, state, 20.0, 10)
    with pytest.raises(BypulsError, match="0 rows a pack"):
        replay.run(broker, [path], None, state, 20.0, 0)
    with pytest.raises(BypulsError, match="two of the recordings are of the node bad-a"):
        replay.run(broker, [path, path], None, state, 20.0, 10)
    assert not state.exists()

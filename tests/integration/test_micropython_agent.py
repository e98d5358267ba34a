"""The MicroPython agent as a process, on a real Mosquitto: answers, clocks, outages and settings."""

import json
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bypuls import senml
from testbed import Device, Link, Mosquitto
from testbed.acknowledger import Acknowledger
from testbed.micropython import MicroNode, compile_device

SETTINGS: dict[str, Any] = {
    "sensors": {
        "sim": {
            "driver": "simulated", "shape": "count", "every": 0.05, "outputs": ["no2"], "journal": "journal"
        }
    },
    "channels": {"no2": {"sensor": "sim", "window": 0}},
}  # fmt: skip


SMALL = {"segments": 80, "pack_bytes": 256, "window": 8}
"""The store of a node with 64 KB: more than 10,000 readings, two in a pack."""


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A node's name for this test alone."""
    return f"mp-{abs(hash(request.node.name)) % 10**8}"


def answer(log: str, *seqs: int, ahead: float = 0.0) -> bytes:
    """Acknowledge packs, by a platform whose clock is `ahead` seconds."""
    ranges = [[seq, seq] for seq in seqs]
    return json.dumps({"log": log, "seq": ranges, "now": time.time() + ahead}).encode()


def now_honest(_node: str, log: str, seq: int, _times: int) -> list[bytes]:
    """Acknowledge each pack when it comes, with the time."""
    return [answer(log, seq)]


def settings(node: str, **changes: Any) -> dict[str, Any]:
    return SETTINGS | {"node": node} | changes


def readings(platform: Acknowledger, channel: str = "no2") -> dict[int, float]:
    """Return value by time (us) of all packs; fails where an instant has two values."""
    found: dict[int, float] = {}
    for payload in platform.packs.values():
        pack = senml.decode(payload)
        assert pack.faults == []
        for each, at, value in zip(pack.names, pack.times, pack.values, strict=True):
            if each == channel:
                instant = round((pack.base_time + at) * 1e6)
                assert found.setdefault(instant, value) == value, (instant, value, found[instant])
    return found


def gaps(platform: Acknowledger) -> set[int]:
    """Return the seqs that were declared lost."""
    declared = [gap for payload in platform.packs.values() for gap in senml.decode(payload).gap]
    return {seq for low, high in declared for seq in range(low, high + 1)}


def all_of_journal(node: MicroNode, platform: Acknowledger) -> Callable[[], bool]:
    """Tell whether every number of the journal has come."""
    numbers = {value for _, _, value, _ in node.journal()}
    return lambda: numbers <= set(readings(platform).values())


def times_are_right(node: MicroNode, platform: Acknowledger, within: float) -> None:
    """Fail unless each number came with the time of its measurement, by the test's clock."""
    measured = {value: at for _, _, value, at in node.journal()}
    off = [abs(at - measured[value]) / 1e6 for at, value in readings(platform).items()]
    assert max(off) < within


@pytest.fixture
def platform(mosquitto: Mosquitto, name: str) -> Iterator[Acknowledger]:
    """A platform that acknowledges every pack at once."""
    with Acknowledger("127.0.0.1", mosquitto.port, now_honest, name) as made:
        yield made


def test_every_file_of_the_device_is_compiled_by_mpy_cross(tmp_path: Path) -> None:
    made = compile_device(tmp_path)
    assert len(list(made.rglob("*.mpy"))) > 20


def test_what_is_not_acknowledged_is_sent_again_unchanged_and_strange_answers_are_ignored(
    mosquitto: Mosquitto, name: str, tmp_path: Path
) -> None:
    def policy(_node: str, log: str, seq: int, times: int) -> list[bytes]:
        if times == 1 and seq > 1:
            return [b"", b"[]", b"{", b'{"log":7,"seq":1}', answer("another", seq), answer(log, seq + 10_000)]
        return [answer(log, seq)]

    with (
        Acknowledger("127.0.0.1", mosquitto.port, policy, name) as platform,
        MicroNode(settings(name, report=0.5), mosquitto.port, tmp_path) as node,
    ):
        node.start()
        platform.wait_for(lambda: sum(times > 1 for times in platform.times.values()) >= 3)
        assert platform.changed == []
        log = next(iter(platform.packs))[1]
        assert len(log) == 12
        assert "Traceback" not in node.process.log.read_text()


def test_readings_from_before_the_clock_was_known_come_with_their_times(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger
) -> None:
    link = Link("127.0.0.1", mosquitto.port)  # closed as yet
    with link, MicroNode(settings(name), link.port, tmp_path) as node:
        link.cut()
        node.start()
        time.sleep(2)
        link.heal()
        platform.wait_for(lambda: len(readings(platform)) > 60)
        node.process.kill()
        times_are_right(node, platform, 0.5)
        assert min(readings(platform).values()) == 1


def test_a_node_killed_before_it_knew_the_time_places_its_readings_by_the_boards_clock(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger
) -> None:
    link = Link("127.0.0.1", mosquitto.port)
    with link, MicroNode(settings(name), link.port, tmp_path) as node:
        link.cut()
        for _ in range(2):
            node.start()
            time.sleep(1)
            node.kill()
        link.heal()
        node.start()
        platform.wait_for(all_of_journal(node, platform))
        node.process.kill()
        times_are_right(node, platform, 0.5)
        assert gaps(platform) == set()


def test_jumps_of_the_boards_clock_change_no_time_and_what_can_not_be_placed_is_declared(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger
) -> None:
    link = Link("127.0.0.1", mosquitto.port)
    offset = tmp_path / "offset"
    with (
        link,
        MicroNode(settings(name, board={"clock_offset": str(offset)}), link.port, tmp_path) as node,
    ):
        for hours in (0, 1, -1):
            offset.write_text(str(hours * 3600))
            node.start()
            before = len(platform.packs)
            platform.wait_for(lambda before=before: len(platform.packs) > before + 20)  # type: ignore[misc]
            offset.write_text(str(-hours * 3600))
            time.sleep(0.3)
            node.kill()
        link.cut()
        offset.write_text("3600")
        node.start()
        time.sleep(1)
        node.kill()  # an era that began in the future, as far as one can know
        link.heal()
        node.start()
        platform.wait_for(lambda: len(gaps(platform)) > 10)
        platform.wait_for(lambda: _seqs(platform) >= set(range(1, max(_seqs(platform)))))
        node.kill()
        times_are_right(node, platform, 0.5)


def _seqs(platform: Acknowledger) -> set[int]:
    return {seq for _, _, seq in platform.packs} | gaps(platform)


def test_steps_of_the_platforms_clock_give_no_instant_two_values(
    mosquitto: Mosquitto, name: str, tmp_path: Path
) -> None:
    ahead = [0.0]
    with (
        Acknowledger(
            "127.0.0.1", mosquitto.port, lambda _n, log, seq, _t: [answer(log, seq, ahead=ahead[0])], name
        ) as platform,
        MicroNode(settings(name, channels=_windows()), mosquitto.port, tmp_path) as node,
    ):
        node.start()
        for step in (0.0, 3600.0, 0.0, -2.5, 0.0, -3600.0, 0.0):
            ahead[0] = step
            before = len(platform.packs)
            platform.wait_for(lambda before=before: len(platform.packs) > before + 20)  # type: ignore[misc]
        node.kill()
        log = node.process.log.read_text()
        assert log.count("the clock is put") >= 5
        for channel in ("no2", "no2.n", "pm10"):
            assert readings(platform, channel)


def _windows() -> dict[str, Any]:
    window = {"sensor": "sim", "output": "no2", "window": 0.2, "statistics": ["mean", "n"]}
    return {"no2": window, "pm10": window | {"window": 0}}


def test_a_full_store_drops_its_oldest_packs_and_declares_them(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger
) -> None:
    link = Link("127.0.0.1", mosquitto.port)
    store = {"segments": 4, "packs": 8}
    with link, MicroNode(settings(name, store=store), link.port, tmp_path) as node:
        node.start()
        platform.wait_for(lambda: len(readings(platform)) > 10)
        link.cut()
        time.sleep(4)  # 80 packs, and the store holds 24 to 32
        link.heal()
        before = len(platform.packs)
        platform.wait_for(lambda: len(platform.packs) > before + 40)
        platform.wait_for(lambda: _seqs(platform) >= set(range(1, max(_seqs(platform)))))
        node.kill()
        assert len(gaps(platform)) > 30
        # Packs under way, or acknowledged unheard, when their segment was dropped.
        assert len(gaps(platform) & {seq for _, _, seq in platform.packs}) < 16
        assert "online" in platform.statuses[name]


def test_a_store_that_is_lost_begins_anew_and_gives_no_instant_two_values(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger
) -> None:
    with MicroNode(settings(name, channels=_windows()), mosquitto.port, tmp_path) as node:
        for _ in range(3):
            node.start()
            before = len(platform.packs)
            platform.wait_for(lambda before=before: len(platform.packs) > before + 30)  # type: ignore[misc]
            node.kill()
            shutil.rmtree(tmp_path / "packs")  # but not what was noted of its eras
        assert len({log for _, log, _ in platform.packs}) == 3
        measured = {value: at for _, _, value, at in node.journal()}
        for at, value in readings(platform, "pm10").items():
            assert abs(at - measured[value]) < 500_000
        assert readings(platform, "no2")


def test_two_nodes_with_one_name_are_both_heard(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger
) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    nodes = [MicroNode(settings(name), mosquitto.port, folder) for folder in folders]
    with nodes[0], nodes[1]:
        for node in nodes:
            node.start()
        platform.wait_for(lambda: len({log for _, log, _ in platform.packs}) == 2)
        counts: dict[str, int] = defaultdict(int)
        platform.wait_for(lambda: len(platform.packs) > 60)
        for node in nodes:
            node.kill()
        for _, log, _ in platform.packs:
            counts[log] += 1
        assert min(counts.values()) > 15


def test_a_connection_that_goes_silent_is_given_up_and_made_anew(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger
) -> None:
    link = Link("127.0.0.1", mosquitto.port)
    broker = {"host": "127.0.0.1", "port": link.port, "keepalive": 2}
    with link, MicroNode(settings(name, broker=broker), link.port, tmp_path) as node:
        node.start()
        platform.wait_for(lambda: len(readings(platform)) > 10)
        link.stall()
        time.sleep(3)
        link.cut()
        link.heal()
        before = len(readings(platform))
        platform.wait_for(lambda: len(readings(platform)) > before + 60)
        platform.wait_for(lambda: _seqs(platform) >= set(range(1, max(_seqs(platform)))))
        node.kill()
        assert "does not answer" in node.process.log.read_text()


class Statuses(Device):
    """Hears what a node says of itself."""

    def status(self, node: str) -> dict[str, Any]:
        """Return the newest status; the list has the acknowledgements too."""
        return next((each for each in reversed(self.acks.get(node, [])) if "state" in each), {})


@pytest.fixture
def statuses(mosquitto: Mosquitto, name: str) -> Iterator[Statuses]:
    """Hears the statuses of this test's node."""
    with Statuses(mosquitto.port) as device:
        device.hear(f"bypuls/v1/{name}/status")
        yield device


def test_intervals_from_the_platform_are_followed_kept_and_reported(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger, statuses: Statuses
) -> None:
    def wait_for_config(expected: dict[str, Any]) -> None:
        platform.wait_for(lambda: statuses.status(name).get("config") == expected)

    topic = f"bypuls/v1/{name}/config"
    asked = {
        "id": "winter", "report": 0, "sensors": {"sim": {"every": 0.02}},
        "channels": {"no2": {"window": 0.2, "statistics": ["mean", "n"]}},
    }  # fmt: skip
    with MicroNode(settings(name), mosquitto.port, tmp_path) as node:
        node.start()
        wait_for_config({})
        platform.wait_for(lambda: statuses.status(name).get("clock") == "known")
        statuses.send(topic, json.dumps(asked).encode(), retain=True)
        wait_for_config({"id": "winter"})
        platform.wait_for(lambda: len(readings(platform, "no2.n")) > 5)
        assert set(list(readings(platform, "no2.n").values())[2:-1]) <= {9, 10, 11}
        wrong = {"id": "odd", "channels": {"no2": {"window": -1}}, "sensors": {"sim": {"every": 9}}}
        statuses.send(topic, json.dumps(wrong).encode(), retain=True)
        wait_for_config({"id": "odd", "error": "channels.no2.window: -1 s is outside 0.0 to 86400 s"})
        before = len(readings(platform, "no2.n"))
        platform.wait_for(lambda: len(readings(platform, "no2.n")) > before + 3)  # the old one stands
        node.kill()
        statuses.send(topic, b"", retain=True)
        link = Link("127.0.0.1", mosquitto.port)
        with link:
            settings_file = tmp_path / "config.json"
            settings_file.write_text(
                json.dumps(node.settings | {"broker": {"host": "127.0.0.1", "port": link.port}})
            )
            link.cut()
            node.start()
            time.sleep(1)
            link.heal()  # without having heard of it again, it kept what it was told
            before = len(readings(platform, "no2.n"))
            platform.wait_for(lambda: len(readings(platform, "no2.n")) >= before + 3)
            node.kill()


def test_a_heap_of_64_kb_is_enough(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger, statuses: Statuses
) -> None:
    device = tmp_path / "device"
    store = SMALL
    sensors = {"sim": SETTINGS["sensors"]["sim"] | {"every": 0.02}}
    link = Link("127.0.0.1", mosquitto.port)
    with (
        link,
        MicroNode(
            settings(name, store=store, sensors=sensors), link.port, tmp_path, heap="64k",
            device=compile_device(device, "-O3"),
        ) as node,
    ):  # fmt: skip
        link.cut()
        node.start()
        time.sleep(3)
        link.heal()
        platform.wait_for(lambda: len(platform.packs) > 400)
        platform.wait_for(all_of_journal(node, platform))
        platform.wait_for(lambda: "heap" in statuses.status(name))
        status = statuses.status(name)
        assert status["heap"]["size"] < 65_536
        assert status["problems"] == []
        node.kill()
        assert "MemoryError" not in node.process.log.read_text()


def test_a_heap_of_64_kb_is_enough_to_start_with_a_full_store(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger
) -> None:
    store = SMALL
    sensors = {"sim": SETTINGS["sensors"]["sim"] | {"every": 0.001}}
    link = Link("127.0.0.1", mosquitto.port)
    asked = settings(name, store=store | {"packs": 8}, sensors=sensors)
    device = compile_device(tmp_path / "device", "-O3")
    with link, MicroNode(asked, link.port, tmp_path, heap="64k", device=device) as node:
        link.cut()
        node.start()
        deadline = time.monotonic() + 60
        while len(list((tmp_path / "packs").glob("*.seg"))) < 80 and time.monotonic() < deadline:
            time.sleep(0.1)
        node.kill()
        sensors["sim"]["every"] = 0.1
        (tmp_path / "config.json").write_text(json.dumps(node.settings | {"sensors": sensors}))
        link.heal()
        node.start()
        platform.wait_for(lambda: len(platform.packs) > 300)
        assert "MemoryError" not in node.process.log.read_text()
        node.kill()


def test_a_broker_with_tls_is_trusted_by_its_certificate_only(name: str, tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "key.pem").chmod(0o644)
    config = f"allow_anonymous true\ncertfile {tmp_path}/cert.pem\nkeyfile {tmp_path}/key.pem\n"
    with Mosquitto(config) as broker:
        for trusted in (True, False):
            folder = tmp_path / str(trusted)
            folder.mkdir()
            where = {"host": "localhost", "port": broker.port, "tls": str(tmp_path / "cert.pem")}
            if not trusted:
                where["host"] = "127.0.0.1"  # which the certificate does not name
            with MicroNode(settings(name, broker=where), broker.port, folder) as node:
                node.start()
                time.sleep(2)
                node.kill()
                told = node.process.log.read_text()
                assert ("can't be reached" in told) is not trusted, told


def test_settings_with_a_mistake_are_refused_by_the_name_of_the_field(tmp_path: Path, name: str) -> None:
    with MicroNode(settings(name, channels={"no2": {"sensor": "sims"}}), 1, tmp_path) as node:
        node.start()
        node.process.wait(10)
        assert "channels.no2.sensor: there is no sensor sims" in node.process.log.read_text()

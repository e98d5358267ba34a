"""What becomes of packs of the MicroPython agent when platform, broker or store fail."""

import shutil
import time
from collections import defaultdict
from pathlib import Path

from testbed import Link, Mosquitto
from testbed.acknowledger import Acknowledger
from testbed.heard import answer, gaps, now_honest, readings, seqs, settings, windows
from testbed.micropython import MicroNode


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
        platform.wait_for(lambda: seqs(platform) >= set(range(1, max(seqs(platform)))))
        node.kill()
        assert len(gaps(platform)) > 30
        # Packs under way, or acknowledged unheard, when their segment was dropped.
        assert len(gaps(platform) & {seq for _, _, seq in platform.packs}) < 16
        assert "online" in platform.statuses[name]


def test_slow_acknowledgements_starve_neither_a_backlog_nor_what_is_new(
    name: str, tmp_path: Path, mosquitto: Mosquitto
) -> None:
    link = Link("127.0.0.1", mosquitto.port)
    # There are 20 packs a second, and 16 of them can be answered: 12 new ones and 4 old ones.
    asked = settings(name, store={"window": 16})
    with (
        link,
        Acknowledger("127.0.0.1", mosquitto.port, now_honest, name, delay=1) as platform,
        MicroNode(asked, link.port, tmp_path) as node,
    ):
        link.cut()
        node.start()
        time.sleep(1.5)
        old = {float(value) for _, _, value, _ in node.journal()}
        link.heal()
        begin = time.monotonic()
        platform.wait_for(lambda: old <= set(readings(platform).values()))
        drained = time.monotonic() - begin
        node.kill()
        assert len(old) > 10
        arrived = set(readings(platform).values())
        assert len(arrived - old) > 6 * (drained - 5), "those measured meanwhile come, too"
        assert all(times == 1 for times in platform.times.values())


def test_a_store_that_is_lost_begins_anew_and_gives_no_instant_two_values(
    name: str, tmp_path: Path, mosquitto: Mosquitto, platform: Acknowledger
) -> None:
    with MicroNode(settings(name, channels=windows()), mosquitto.port, tmp_path) as node:
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
        platform.wait_for(lambda: seqs(platform) >= set(range(1, max(seqs(platform)))))
        node.kill()
        assert "does not answer" in node.process.log.read_text()

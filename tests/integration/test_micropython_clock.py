"""The clock of the MicroPython agent: from when on readings have times, and steps of either clock."""

import time
from pathlib import Path

from testbed import Link, Mosquitto
from testbed.acknowledger import Acknowledger
from testbed.heard import all_of_journal, answer, gaps, readings, seqs, settings, times_are_right, windows
from testbed.micropython import MicroNode


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
        platform.wait_for(lambda: seqs(platform) >= set(range(1, max(seqs(platform)))))
        node.kill()
        times_are_right(node, platform, 0.5)


def test_steps_of_the_platforms_clock_give_no_instant_two_values(
    mosquitto: Mosquitto, name: str, tmp_path: Path
) -> None:
    ahead = [0.0]
    with (
        Acknowledger(
            "127.0.0.1", mosquitto.port, lambda _n, log, seq, _t: [answer(log, seq, ahead=ahead[0])], name
        ) as platform,
        MicroNode(settings(name, channels=windows()), mosquitto.port, tmp_path) as node,
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


def test_an_answer_whose_time_makes_no_sense_sets_no_clock(
    name: str, tmp_path: Path, mosquitto: Mosquitto
) -> None:
    answered: list[int] = []

    def policy(_node: str, log: str, seq: int, _times: int) -> list[bytes]:
        answered.append(seq)
        if len(answered) == 1:
            return [b'{"log":"%s","seq":[[%d,%d]],"now":"soon"}' % (log.encode(), seq, seq)]
        return [answer(log, seq)]

    with (
        Acknowledger("127.0.0.1", mosquitto.port, policy, name) as platform,
        MicroNode(settings(name), mosquitto.port, tmp_path) as node,
    ):
        node.start()
        platform.wait_for(lambda: len(readings(platform)) > 60)
        node.process.kill()
        times_are_right(node, platform, 0.5)

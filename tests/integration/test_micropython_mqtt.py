"""The MQTT client of the MicroPython agent, and brokers that do what they should not."""

import json
import threading
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from testbed.fake_broker import CONNACK, PINGREQ, PINGRESP, PUBLISH, SUBSCRIBE, FakeBroker, Visit
from testbed.heard import settings
from testbed.micropython import DEVICE_TESTS, MicroNode, run_micropython


def hears(visit: Visit) -> None:
    """Take in all that comes, and answer pings."""
    while True:
        if visit.hear()[0] == PINGREQ:
            visit.say(PINGRESP)


def published(visit: Visit, leaf: str) -> list[bytes]:
    """Return the payloads of a topic, all with QoS 1."""
    found = []
    for kind, body in visit.packets:
        size = 2 + int.from_bytes(body[:2])
        if kind == PUBLISH and body[2:size].decode().endswith(f"/{leaf}"):
            found.append(body[size + 2 :])
    return found


def pauses(broker: FakeBroker) -> list[float]:
    """Return the seconds between connections."""
    return [after.began - before.began for before, after in pairwise(broker.visits)]


def grows(gaps: list[float]) -> bool:
    """Tell whether each of three pauses is twice the one before, 20 % less at most, or longer."""
    return all(gap >= 0.79 * 2**number for number, gap in enumerate(gaps[:3]))


def test_a_broker_that_refuses_the_subscriptions_is_told_of_and_asked_again_ever_more_rarely(
    name: str, tmp_path: Path
) -> None:
    def refuse(visit: Visit) -> None:
        visit.grant(0x80)
        hears(visit)

    with FakeBroker(refuse) as broker, MicroNode(settings(name), broker.port, tmp_path) as node:
        node.start()
        broker.wait_for(lambda: len(broker.visits) == 4)
        node.kill()
        assert grows(pauses(broker)), pauses(broker)
        assert not any(
            published(visit, "up") for visit in broker.visits
        )  # what is sent now is never acknowledged
        assert "does not let this node hear its ack and config" in node.process.log.read_text()


def test_a_broker_that_hangs_up_at_once_is_not_stormed(name: str, tmp_path: Path) -> None:
    with (
        FakeBroker(lambda visit: visit.grant()) as broker,
        MicroNode(settings(name), broker.port, tmp_path) as node,
    ):
        node.start()
        broker.wait_for(lambda: len(broker.visits) == 4)
        node.kill()
        assert grows(pauses(broker)), pauses(broker)


def test_a_short_cut_soon_after_a_long_outage_costs_no_long_pause(name: str, tmp_path: Path) -> None:
    ended: list[float] = []

    def serve(visit: Visit) -> None:
        visit.grant()
        if len(broker.visits) == 4:
            time.sleep(6)
            ended.append(time.monotonic())

    with FakeBroker(serve) as broker, MicroNode(settings(name), broker.port, tmp_path) as node:
        node.start()
        broker.wait_for(lambda: len(broker.visits) == 5, 40)
        node.kill()
        assert grows(pauses(broker)), pauses(broker)
        assert broker.visits[4].began - ended[0] < 5  # 8 s, 20 % less at most, if it went on growing


def test_a_broker_that_hangs_up_between_two_packs_ends_no_agent() -> None:
    def serve(visit: Visit) -> None:
        visit.grant()
        time.sleep(0.25)
        if len(broker.visits) > 1:
            hears(visit)

    with FakeBroker(serve) as broker:
        run_micropython(DEVICE_TESTS / "hung_up.py", str(broker.port))


def test_what_speaks_no_mqtt_is_told_of_at_once(name: str, tmp_path: Path) -> None:
    for number, answer in enumerate(
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x00", b"\x20\x01\x00", b"\xd0\x00")
    ):

        def answers(visit: Visit, answer: bytes = answer) -> None:
            visit.hear()
            visit.say(answer)
            hears(visit)

        folder = tmp_path / str(number)
        folder.mkdir()
        with FakeBroker(answers) as broker, MicroNode(settings(name), broker.port, folder) as node:
            node.start()
            broker.wait_for(lambda: len(broker.visits) == 2)
            node.kill()
            assert "speaks no MQTT" in node.process.log.read_text()


def test_packets_that_come_byte_by_byte_or_too_large_are_read_as_any_other(name: str, tmp_path: Path) -> None:
    topic = f"bypuls/v1/{name}"
    window = {"id": "slow", "channels": {"no2": {"window": 0.5}}}

    def trickle(visit: Visit) -> None:
        visit.hear()
        visit.say(CONNACK, pause=0.02)
        kind, body = visit.hear()
        assert kind == SUBSCRIBE
        visit.say(b"\x90\x04" + body[:2] + b"\x00\x00", pause=0.02)
        visit.publish(f"{topic}/config", b"x" * 9_000)
        visit.publish(f"{topic}/config", json.dumps(window).encode(), pause=0.005)
        # Two in one piece, the second of which ends later.
        whole = b'{"id":"last"}'
        body = len(f"{topic}/config").to_bytes(2) + f"{topic}/config".encode() + whole
        visit.say(PINGRESP + bytes((PUBLISH, len(body))) + body[:-5])
        time.sleep(0.3)
        visit.say(body[-5:])
        hears(visit)

    with FakeBroker(trickle) as broker, MicroNode(settings(name), broker.port, tmp_path) as node:
        node.start()

        def told() -> list[dict[str, Any]]:
            return [json.loads(each) for each in published(broker.visits[0], "status")]

        broker.wait_for(lambda: bool(broker.visits) and {"id": "last"} in [each["config"] for each in told()])
        assert {"id": "slow"} in [each["config"] for each in told()]
        assert any("longer than this node can take" in str(each["problems"]) for each in told())
        assert told()[-1]["problems"] == []  # a later message was heard
        assert len(broker.visits) == 1
        node.kill()


def test_a_node_that_hears_all_the_time_but_has_nothing_to_say_shows_that_it_is_there(
    name: str, tmp_path: Path
) -> None:
    def chatter(visit: Visit) -> None:
        visit.grant()
        threading.Thread(target=talk, args=(visit,), daemon=True).start()
        hears(visit)

    def talk(visit: Visit) -> None:
        with suppress(OSError):
            while True:
                visit.publish(f"bypuls/v1/{name}/config", b'{"id":"x"}')
                time.sleep(0.1)

    sensors = {"sim": settings(name)["sensors"]["sim"] | {"every": 3600}}
    with FakeBroker(chatter) as broker:
        where = {"host": "127.0.0.1", "port": broker.port, "keepalive": 2}
        with MicroNode(settings(name, sensors=sensors, broker=where), broker.port, tmp_path) as node:
            node.start()
            # A broker ends a connection whose client is silent for one and a half times `keepalive`.
            broker.wait_for(
                lambda: sum(kind == PINGREQ for visit in broker.visits for kind, _ in visit.packets) >= 2
            )
            node.kill()

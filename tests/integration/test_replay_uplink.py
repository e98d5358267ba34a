"""An uplink keeps every pack until it is acknowledged, whatever the broker and the platform do meanwhile."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from bypuls.errors import BypulsError
from bypuls.senml import Record, encode_json
from bypuls.settings import BrokerSettings
from simulators.node_store import Position
from simulators.uplink import Uplink
from testbed import Link, Mosquitto
from testbed.acknowledger import Acknowledger, acknowledgement, honest
from testbed.port import free_port


def settings(broker: Mosquitto | Link, **more: str) -> BrokerSettings:
    return BrokerSettings.model_validate({"host": "127.0.0.1", "port": broker.port, **more})


def quiet(_sentence: str) -> None:
    """For tests that don't look at what is told."""


def pack(value: float = 1.0) -> bytes:
    return encode_json([Record(bt=1_700_000_000.0, n="no2", u="ug/m3", v=value)])


def never(_node: str, _log: str, _seq: int, _times: int) -> list[bytes]:
    return []


def wait_until(condition: Callable[[], bool], timeout: float = 20) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.01)


def test_packs_are_numbered_from_1_with_one_log_a_node_and_counted(mosquitto: Mosquitto) -> None:
    nodes = {"number-a": Position.new(), "number-b": Position.new()}
    with (
        Acknowledger(mosquitto.host, mosquitto.port, prefix="number-") as receiver,
        Uplink(settings(mosquitto), nodes, tell=quiet) as uplink,
    ):
        assert [uplink.send("number-a", pack(value)) for value in range(5)] == [1, 2, 3, 4, 5]
        assert uplink.send("number-b", pack()) == 1
        assert uplink.drain(20)
        assert uplink.counters == (6, 0, 6, 0, 0, 0)
        assert (uplink.safe("number-a"), uplink.safe("number-b")) == (5, 1)
    log_a, log_b = nodes["number-a"].log, nodes["number-b"].log
    assert log_a != log_b
    assert set(receiver.packs) == {("number-a", log_a, seq) for seq in range(1, 6)} | {("number-b", log_b, 1)}


def test_a_node_is_online_from_the_start_and_offline_after_a_clean_end(mosquitto: Mosquitto) -> None:
    with Acknowledger(mosquitto.host, mosquitto.port, prefix="state-") as receiver:
        with Uplink(settings(mosquitto), {"state-a": Position.new()}, tell=quiet):
            receiver.wait_for(lambda: receiver.statuses["state-a"] == ["online"])
        receiver.wait_for(lambda: receiver.statuses["state-a"] == ["online", "offline"])
    with Acknowledger(mosquitto.host, mosquitto.port, prefix="state-") as late:
        late.wait_for(lambda: late.statuses["state-a"] == ["offline"])  # it is retained


def test_lost_acknowledgements_lead_to_resends_with_the_same_content(mosquitto: Mosquitto) -> None:
    def third_time(node: str, log: str, seq: int, times: int) -> list[bytes]:
        return honest(node, log, seq, times) if times >= 3 else []

    with (
        Acknowledger(mosquitto.host, mosquitto.port, third_time, prefix="lost-") as receiver,
        Uplink(settings(mosquitto), {"lost-a": Position.new()}, tell=quiet, resend_after=0.2) as uplink,
    ):
        for value in range(10):
            uplink.send("lost-a", pack(value))
        assert uplink.drain(60)
        assert uplink.counters.resent >= 20
    assert len(receiver.packs) == 10
    assert set(receiver.times.values()) == {3}
    assert receiver.changed == []


def test_resends_of_a_node_that_gets_no_answer_grow_rarer(mosquitto: Mosquitto) -> None:
    arrivals: list[float] = []

    def note(_node: str, _log: str, _seq: int, _times: int) -> list[bytes]:
        arrivals.append(time.monotonic())
        return []

    with (
        Acknowledger(mosquitto.host, mosquitto.port, note, prefix="rare-"),
        Uplink(settings(mosquitto), {"rare-a": Position.new()}, tell=quiet, resend_after=0.2) as uplink,
    ):
        uplink.send("rare-a", pack())
        wait_until(lambda: len(arrivals) >= 5)
    pauses = [later - earlier for earlier, later in pairwise(arrivals)]
    # 0.2, 0.4, 0.8 and 1.6 s, each times 0.8 to 1.2 and a little late.
    assert pauses == sorted(pauses)
    assert 1.2 < pauses[3] < 4


def test_only_the_oldest_pack_is_sent_again_while_nothing_is_answered(mosquitto: Mosquitto) -> None:
    with (
        Acknowledger(mosquitto.host, mosquitto.port, never, prefix="oldest-") as receiver,
        Uplink(settings(mosquitto), {"oldest-a": Position.new()}, tell=quiet, resend_after=0.2) as uplink,
    ):
        for value in range(5):
            uplink.send("oldest-a", pack(value))
        receiver.wait_for(lambda: sum(receiver.times.values()) >= 8)
    assert {seq for (_, _, seq), times in receiver.times.items() if times > 1} == {1}


def test_acknowledgements_that_mean_others_or_nothing_are_ignored_and_counted(mosquitto: Mosquitto) -> None:
    position = Position.new()
    log = position.log.encode()
    wrong = [
        acknowledgement("other", 1, 2),
        acknowledgement(position.log, 3, 4_711),
        b'{"log":"%s","seq":[[0,0]]}' % log,
        b'{"log":"%s","seq":[[2,1]]}' % log,
        b'{"log":"%s","seq":[["1",2]]}' % log,
        b'{"log":"%s"}' % log,
        b'{"seq":[[1,2]]}',
        b"[1,2]",
        b"{",
        b"",
        b'{"log":"\xff","seq":[[1,2]]}',
    ]
    with (
        Acknowledger(mosquitto.host, mosquitto.port, never, prefix="wrong-") as receiver,
        Uplink(settings(mosquitto), {"wrong-a": position}, tell=quiet) as uplink,
    ):
        uplink.send("wrong-a", pack(1))
        uplink.send("wrong-a", pack(2))
        for answer in wrong:
            receiver.say("wrong-a", answer)
        # These two name nothing that is in flight, and nothing that never was: they count as late ones.
        wait_until(lambda: uplink.counters.ignored == len(wrong) - 2)
        assert (uplink.counters.acknowledged, uplink.counters.in_flight, uplink.safe("wrong-a")) == (0, 2, 0)
        receiver.say("wrong-a", b'{"log":"%s","seq":[[1,9223372036854775807]],"now":1.5,"more":{}}' % log)
        assert uplink.drain(20)


def test_what_is_safe_ends_before_the_first_gap(mosquitto: Mosquitto) -> None:
    position = Position("log", 40)
    with (
        Acknowledger(mosquitto.host, mosquitto.port, never, prefix="gap-") as receiver,
        Uplink(settings(mosquitto), {"gap-a": position}, tell=quiet) as uplink,
    ):
        assert [uplink.send("gap-a", pack(value)) for value in range(4)] == [41, 42, 43, 44]
        assert uplink.safe("gap-a") == 40
        receiver.say("gap-a", acknowledgement("log", 42, 43))
        wait_until(lambda: uplink.counters.acknowledged == 2)
        assert uplink.safe("gap-a") == 40
        receiver.say("gap-a", acknowledgement("log", 41))
        wait_until(lambda: uplink.counters.acknowledged == 3)
        assert uplink.safe("gap-a") == 43


def test_the_producer_waits_when_a_node_or_all_have_enough_in_flight(mosquitto: Mosquitto) -> None:
    nodes = {f"full-{name}": Position.new() for name in "abc"}
    with (
        Acknowledger(mosquitto.host, mosquitto.port, never, prefix="full-") as receiver,
        Uplink(settings(mosquitto), nodes, tell=quiet, in_flight=5, per_node=2) as uplink,
    ):
        assert [uplink.send("full-a", pack(), timeout=0.05) for _ in range(3)] == [1, 2, None]
        assert [uplink.send("full-b", pack(), timeout=0.05) for _ in range(3)] == [1, 2, None]
        assert [uplink.send("full-c", pack(), timeout=0.05) for _ in range(2)] == [1, None]
        assert uplink.counters.in_flight == 5
        threading.Timer(0.3, receiver.say, ("full-a", acknowledgement(nodes["full-a"].log, 1))).start()
        assert uplink.send("full-a", pack(), timeout=20) == 3  # a pack that found no room had no number yet


def test_a_pack_beyond_the_limit_is_refused_before_it_has_a_number(mosquitto: Mosquitto) -> None:
    with Uplink(settings(mosquitto), {"huge-a": Position.new()}, tell=quiet) as uplink:
        with pytest.raises(BypulsError, match=r"has \d+ bytes, the limit is 262144; put fewer rows"):
            uplink.send("huge-a", encode_json([Record(n="no2", v=1.0, t=float(t)) for t in range(20_000)]))
        with pytest.raises(ValueError, match="at least one record"):
            uplink.send("huge-a", b"[]")
        assert uplink.send("huge-a", pack()) == 1


def test_packs_sent_before_during_and_after_an_outage_all_arrive() -> None:
    told: list[str] = []
    with Mosquitto() as broker, Acknowledger(broker.host, broker.port) as receiver:
        with Uplink(
            settings(broker), {"outage-a": Position.new()}, tell=told.append, resend_after=0.5
        ) as uplink:
            for value in range(10):
                uplink.send("outage-a", pack(value))
            assert uplink.drain(20)
            broker.kill()
            wait_until(lambda: not uplink.connected)
            for value in range(10, 40):
                uplink.send("outage-a", pack(value))
            time.sleep(1)
            broker.start()
            assert uplink.drain(60)
            for value in range(40, 50):
                uplink.send("outage-a", pack(value))
            assert uplink.drain(60)
        receiver.wait_for(lambda: receiver.statuses["outage-a"][-1] == "offline")
        assert receiver.statuses["outage-a"].count("online") >= 1
    assert sorted(seq for _, _, seq in receiver.packs) == list(range(1, 51))
    assert receiver.changed == []
    assert [sentence.split(" is ")[1][:4] for sentence in told] == ["gone", "back"], told


def test_a_receiver_that_comes_back_gets_everything_within_seconds(mosquitto: Mosquitto) -> None:
    with Uplink(settings(mosquitto), {"later-a": Position.new()}, tell=quiet, resend_after=0.5) as uplink:
        for value in range(60):
            uplink.send("later-a", pack(value))
        time.sleep(1)  # nobody is subscribed: the broker has confirmed them all and dropped them
        with Acknowledger(mosquitto.host, mosquitto.port, prefix="later-") as receiver:
            assert uplink.drain(20)
    assert len(receiver.packs) == 60


def test_the_end_does_not_hang_when_the_broker_does() -> None:
    with Mosquitto() as broker:
        with Uplink(settings(broker), {"hang-a": Position.new()}, tell=quiet) as uplink:
            broker.pause()
            uplink.send("hang-a", pack())
            start = time.monotonic()
        assert time.monotonic() - start < 8
        broker.resume()


def test_hundreds_of_nodes_share_one_connection(mosquitto: Mosquitto) -> None:
    nodes = {f"many-{number}": Position.new() for number in range(700)}
    with (
        Acknowledger(mosquitto.host, mosquitto.port, prefix="many-") as receiver,
        Uplink(settings(mosquitto), nodes, tell=quiet) as uplink,
    ):
        for node in nodes:
            uplink.send(node, pack())
        assert uplink.drain(30)
    assert {node for node, _, _ in receiver.packs} == set(nodes)


def test_a_broker_that_is_not_there_gives_one_clear_sentence() -> None:
    nobody = BrokerSettings(port=free_port())
    with pytest.raises(
        BypulsError, match=rf"no MQTT broker .* 127\.0\.0\.1:{nobody.port} .*BYPULS_MQTT_PORT"
    ):
        Uplink(nobody, {"none-a": Position.new()}, tell=quiet).__enter__()


def test_something_else_on_the_port_gives_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            for _ in range(2):
                end, _ = listener.accept()
                end.recv(1_000)
                end.close()

        threading.Thread(target=hang_up, daemon=True).start()
        port = listener.getsockname()[1]
        with pytest.raises(BypulsError, match=f"127.0.0.1:{port} does not answer as an MQTT broker"):
            Uplink(BrokerSettings(port=port), {"web-a": Position.new()}, tell=quiet).__enter__()


def test_refused_credentials_give_one_clear_sentence_without_the_password() -> None:
    with Mosquitto("allow_anonymous false\n") as broker:
        with pytest.raises(
            BypulsError, match="refuses the connection: Not authorized; check BYPULS_MQTT_USER"
        ) as error:
            Uplink(
                settings(broker, username="u", password="sesame"), {"in-a": Position.new()}, tell=quiet
            ).__enter__()
        assert "sesame" not in str(error.value)


def test_a_denied_publication_is_told_instead_of_being_sent_for_ever(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text("topic read bypuls/v1/+/ack\n")

    def send_on(uplink: Uplink) -> None:
        for value in range(100):
            uplink.send("denied-a", pack(value), timeout=0.1)

    with (
        Mosquitto(f"allow_anonymous true\nacl_file {tmp_path}/acl\n") as broker,
        Uplink(settings(broker), {"denied-a": Position.new()}, tell=quiet) as uplink,
        pytest.raises(BypulsError, match="does not let this user publish for these nodes"),
    ):
        send_on(uplink)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def amqtt(folder: Path) -> Iterator[int]:
    """Run amqtt, the broker of the embedded default, which speaks MQTT 3.1.1 only; yield its port."""
    port = free_port()
    (folder / "amqtt.yaml").write_text(
        f"listeners:\n  default:\n    type: tcp\n    bind: 127.0.0.1:{port}\n"
        "plugins:\n  amqtt.plugins.authentication.AnonymousAuthPlugin:\n    allow_anonymous: true\n"
    )
    command = [str(Path(sys.executable).with_name("amqtt")), "-c", str(folder / "amqtt.yaml")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            wait_until(lambda: listens(port))
            yield port
        finally:
            child.kill()


def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(tmp_path: Path) -> None:
    with amqtt(tmp_path) as port:
        broker = BrokerSettings(port=port)
        with (
            Acknowledger("127.0.0.1", port, old_protocol=True) as receiver,
            Uplink(broker, {"old-a": Position.new()}, tell=quiet) as uplink,
        ):
            for value in range(20):
                uplink.send("old-a", pack(value))
            assert uplink.drain(30)
        assert len(receiver.packs) == 20

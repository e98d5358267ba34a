"""The parts of ingest that need no server."""

import socket
import threading
from collections.abc import Iterator

import pytest
from paho.mqtt.client import MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from ingest.arrival import Arrival
from ingest.backoff import Backoff
from ingest.buffered_socket import BufferedSocket
from ingest.queue import ArrivalQueue
from ingest.quick_client import QuickClient
from testbed import Device, Mosquitto


def arrival(number: int, size: int = 100) -> Arrival:
    return Arrival("bypuls/v1/a/up", bytes(size), 0, number, 1, 1)


@pytest.fixture
def pair() -> Iterator[tuple[BufferedSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    buffered = BufferedSocket(ours)
    yield buffered, theirs
    buffered.close()
    theirs.close()


def test_what_was_read_ahead_comes_in_the_pieces_asked_for(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    buffered, theirs = pair
    theirs.sendall(b"abcdefgh")
    assert buffered.pending() == 0
    assert buffered.recv(1) == b"a"
    assert buffered.pending() == 7
    assert buffered.recv(3) == b"bcd"
    assert buffered.recv(100) == b"efgh"
    with pytest.raises(BlockingIOError):
        buffered.recv(1)


def test_a_closed_connection_reads_as_nothing(pair: tuple[BufferedSocket, socket.socket]) -> None:
    buffered, theirs = pair
    theirs.close()
    assert buffered.recv(1) == b""


def test_packets_are_sent_together_and_all_of_them_however_slow_the_reader(
    pair: tuple[BufferedSocket, socket.socket],
) -> None:
    buffered, theirs = pair
    data = bytes(range(256)) * 8192  # 2 MiB: more than the kernel takes at once
    for start in range(0, len(data), 1000):
        assert buffered.send(data[start : start + 1000]) == len(data[start : start + 1000])
    received = bytearray()
    buffered.flush()
    assert buffered.has_unsent
    while len(received) < len(data):
        received += theirs.recv(1 << 20)
        buffered.flush()
    assert not buffered.has_unsent
    assert bytes(received) == data


def test_a_flush_into_a_broken_connection_fails(pair: tuple[BufferedSocket, socket.socket]) -> None:
    buffered, theirs = pair
    theirs.close()
    buffered.send(b"x")
    with pytest.raises(OSError, match=r"pipe|reset"):
        buffered.flush()


def test_the_queue_counts_what_is_not_committed_yet() -> None:
    queue = ArrivalQueue(1500)
    arrivals = [arrival(number) for number in range(4)]
    queue.put(arrivals[:2])
    assert not queue.is_full
    queue.put(arrivals[2:])
    assert queue.is_full
    taken = queue.take(600, 0)
    assert taken == arrivals[:2]
    assert queue.held_bytes == 4 * arrivals[0].size, "taken is not committed"
    queue.release(taken)
    assert queue.held_bytes == 2 * arrivals[0].size
    assert queue.take(1, 0) == [arrivals[2]], "at least one, however large"


def test_an_empty_queue_gives_nothing_after_its_timeout_and_at_once_when_closed() -> None:
    queue = ArrivalQueue(1)
    assert queue.take(100, 0.01) == []
    threading.Timer(0.05, queue.close).start()
    assert queue.take(100, 60) == []


def test_pauses_double_up_to_a_ceiling_and_vary() -> None:
    backoff = Backoff(first=1.0, ceiling=8.0)
    pauses = [backoff.next() for _ in range(6)]
    for pause, span in zip(pauses, (1, 2, 4, 8, 8, 8), strict=True):
        assert span / 2 <= pause <= span
    backoff.reset()
    assert backoff.next() <= 1.0


@pytest.mark.parametrize("protocol", [MQTTv5, MQTTv311])
def test_paho_hands_messages_over_by_the_short_way(
    mosquitto: Mosquitto, protocol: MQTTProtocolVersion
) -> None:
    # Fails when a newer paho no longer calls the methods that QuickClient overrides.
    short: list[tuple[bytes, bytes, int, int]] = []
    usual: list[MQTTMessage] = []
    client = QuickClient(
        CallbackAPIVersion.VERSION2, protocol=protocol, manual_ack=True, receive=lambda *m: short.append(m)
    )
    client.on_message = lambda _client, _data, message: usual.append(message)
    client.on_connect = lambda client, *_: client.subscribe("quick/#", qos=2)
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(mosquitto.host, mosquitto.port)

    def exchange() -> None:
        client.loop_read()
        client.loop_write()
        sock = client.socket()
        assert isinstance(sock, BufferedSocket)
        sock.flush()

    while not subscribed.is_set():
        exchange()
    with Device(mosquitto.port) as device:
        device.send("quick/1", b"one")
        device.send("quick/2", b"")
    while len(short) < 2:
        exchange()
    assert [(topic, payload, qos) for topic, payload, _, qos in short] == [
        (b"quick/1", b"one", 1),
        (b"quick/2", b"", 1),
    ]
    assert usual == []
    client.acknowledge([mid for _, _, mid, _ in short])
    client.disconnect()

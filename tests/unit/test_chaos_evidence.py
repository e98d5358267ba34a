"""What chaos is judged by: taps on lines, packs read by themselves, windows told by their sums."""

import json
import struct

from chaos.evidence import Reading, readings
from chaos.tap import Tap
from chaos.windows import covered


def packet(kind: int, body: bytes) -> bytes:
    size, rest = b"", len(body)
    while True:
        rest, digit = divmod(rest, 128)
        size += bytes([digit | (128 if rest else 0)])
        if not rest:
            return bytes([kind]) + size + body


def publish(topic: str, payload: bytes, *, properties: bytes = b"") -> bytes:
    name = struct.pack(">H", len(topic)) + topic.encode()
    return packet(0x32, name + b"\x00\x07" + properties + payload)


CONNECT_5 = packet(0x10, b"\x00\x04MQTT\x05\x02\x00\x14\x00\x00\x00")
CONNECT_4 = packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x14\x00\x00")


def test_a_tap_finds_packs_and_acknowledgements_however_the_bytes_are_cut() -> None:
    pack = json.dumps([{"log": "a", "seq": 5, "n": "no2", "v": 1, "x": "y" * 300}]).encode()
    answer = json.dumps({"log": "a", "seq": [[1, 3], [5, 5]]}).encode()
    for connect, properties in ((CONNECT_5, b"\x00"), (CONNECT_4, b"")):
        for size in (1, 2, 7, 1_000):
            tap = Tap()
            line = tap.watch()
            up = connect + publish("bypuls/v1/n/up", pack, properties=properties) + b"\xc0\x00"
            down = b"\x20\x02\x00\x00" + publish("bypuls/v1/n/ack", answer, properties=properties)
            for begin in range(0, len(up), size):
                line.saw("up", up[begin : begin + size])
            for begin in range(0, len(down), size):
                line.saw("down", down[begin : begin + size])
            assert tap.packs == {("a", 5): pack}
            assert tap.acknowledged == {"a": {1, 2, 3, 5}}
            assert not tap.changed


def test_a_pack_that_goes_out_with_two_contents_is_noticed() -> None:
    tap = Tap()
    for value in (1, 2):
        tap.sent(json.dumps([{"log": "a", "seq": 1, "n": "no2", "v": value}]).encode())
    assert tap.changed == {("a", 1)}


def test_times_are_exact_to_the_microsecond() -> None:
    pack = b'[{"bt":1795450000.0,"n":"no2","t":0.123456,"v":7},{"n":"no2","t":0.999999,"v":8.5},{"log":"a"}]'
    assert readings(pack) == [
        Reading("no2", 1_795_450_000_123_456, 7.0),
        Reading("no2", 1_795_450_000_999_999, 8.5),
    ]


def test_the_sum_of_a_window_tells_which_samples_are_in_it() -> None:
    assert covered(range(100), (), 4, 10 + 11 + 12 + 13) == [10, 11, 12, 13]
    assert covered(range(100), (), 4, 10 + 11 + 12 + 14) == []
    assert covered(range(100), (), 0, 0) == []
    assert covered(range(10), (), 3, 9 + 10 + 11) == []


def test_a_sample_that_may_have_been_lost_with_the_process_may_be_missing_from_a_window() -> None:
    assert covered(range(100), {13}, 4, 11 + 12 + 14 + 15) == [11, 12, 14, 15]
    assert covered(range(100), {13}, 4, 11 + 12 + 13 + 14) == [11, 12, 13, 14]
    assert covered(range(100), {20}, 4, 11 + 12 + 14 + 15) == []

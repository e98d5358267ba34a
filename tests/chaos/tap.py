"""A tap on a node's line to the broker: which packs went out, and which were acknowledged."""

import json
from collections import defaultdict
from collections.abc import Iterator

from testbed.link import Direction

Pack = tuple[str, int]
"""Log and seq."""


class Tap:
    """What passed on all connections of one node.

    `packs`: the payload of each pack, `changed`: those that went out with two contents, `acknowledged`: what
    the platform said to be safe, by log. The bytes are looked at before they are passed on, so that whatever
    the broker has got is known here.
    """

    def __init__(self) -> None:
        self.packs: dict[Pack, bytes] = {}
        self.changed: set[Pack] = set()
        self.acknowledged: dict[str, set[int]] = defaultdict(set)

    def watch(self) -> "Conversation":
        """Look at a new connection."""
        return Conversation(self)

    def sent(self, payload: bytes) -> None:
        """Take in a payload that was published to `…/up`."""
        head = json.loads(payload)[0]
        pack = (head["log"], head["seq"])
        if self.packs.setdefault(pack, payload) != payload:
            self.changed.add(pack)

    def heard(self, payload: bytes) -> None:
        """Take in a payload that came on `…/ack`."""
        told = json.loads(payload)
        for low, high in told["seq"]:
            self.acknowledged[told["log"]] |= set(range(low, high + 1))


class Conversation:
    """One connection, MQTT 3.1.1 or 5."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._rest: dict[Direction, bytes] = {"up": b"", "down": b""}
        self._level = 4

    def saw(self, direction: Direction, data: bytes) -> None:
        """Take in what came next in a direction."""
        buffer = self._rest[direction] + data
        while (packet := _first(buffer)) is not None:
            head, body, buffer = packet
            if head >> 4 == 1:
                self._level = body[6]
            elif head >> 4 == 3:
                topic, payload = self._published(head, body)
                if direction == "up" and topic.endswith("/up"):
                    self._tap.sent(payload)
                elif direction == "down" and topic.endswith("/ack"):
                    self._tap.heard(payload)
        self._rest[direction] = buffer

    def _published(self, head: int, body: bytes) -> tuple[str, bytes]:
        at = 2 + int.from_bytes(body[:2], "big")
        topic = body[2:at].decode()
        if head & 6:
            at += 2
        if self._level == 5:
            size, used = _number(body, at)
            at = used + size
        return topic, body[at:]


def _first(buffer: bytes) -> tuple[int, bytes, bytes] | None:
    """Split the first packet off: its first byte, its body, and what follows; None while it is incomplete."""
    if len(buffer) < 5 and not any(byte < 128 for byte in buffer[1:]):
        return None
    size, at = _number(buffer, 1)
    if len(buffer) < at + size:
        return None
    return buffer[0], buffer[at : at + size], buffer[at + size :]


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Read a variable byte integer; return it and where it ends."""
    size = 0
    for place, byte in _bytes(data, at):
        size |= (byte & 127) << (7 * place)
        if byte < 128:
            return size, at + place + 1
    raise ValueError("no MQTT: a length without an end")


def _bytes(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    return enumerate(data[at : at + 4])

"""The MQTT topics of the wire contract, version 1, built and read here only."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from bypuls.errors import PackError
from bypuls.quarantine import Reason

ROOT = "bypuls/v1"
NODE_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"
_NODE = re.compile(NODE_PATTERN)


class Leaf(StrEnum):
    """The last level of a topic: what kind of message it carries."""

    UP = "up"
    ACK = "ack"
    STATUS = "status"
    CONFIG = "config"


_REMEMBERED = 16_384
"""Topics whose reading is remembered: some 300 bytes each, 1 us saved a message."""

_LEAVES = {leaf.value: leaf for leaf in Leaf}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of ours, taken apart."""

    node: str
    leaf: Leaf


def is_node(name: str) -> bool:
    """Tell whether a node name follows the grammar `[a-z0-9][a-z0-9-]{0,62}`."""
    return _NODE.fullmatch(name) is not None


@lru_cache(_REMEMBERED)
def topic(node: str, leaf: Leaf) -> str:
    """Build the topic of a node (or of the wildcard `+`); raises ValueError for a bad node name."""
    if node != "+" and not is_node(node):
        raise ValueError(f"node name {node!r} must match {NODE_PATTERN}")
    return f"{ROOT}/{node}/{leaf}"


@lru_cache(_REMEMBERED)
def parse(text: str) -> Topic:
    """Take a topic apart.

    Raises PackError with reason `topic` or `node`, which says what is wrong with it.
    """
    levels = text.split("/")
    leaf = _LEAVES.get(levels[-1])
    if len(levels) != 4 or leaf is None or not text.startswith(ROOT + "/"):
        raise PackError(Reason.TOPIC, f"topic {text!r} is not {ROOT}/{{node}}/{{{'|'.join(_LEAVES)}}}")
    if not is_node(levels[2]):
        raise PackError(Reason.NODE, f"node name {levels[2]!r} must match {NODE_PATTERN}")
    return Topic(levels[2], leaf)

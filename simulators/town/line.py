"""A bad line: what happens to a node's packs on their way, which its readings must survive."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from simulators.town import chance

LINE_FAULTS: dict[str, str] = {
    "duplicate": "a pack is published twice",
    "reordering": "a pack is overtaken by the next one",
    "corrupt": "a damaged copy of a pack arrives before the pack itself",
}
LINE_RATE = 0.1
_ONE_IN = 0.1
"""A rate is that of a slot; of packs this part of it is taken."""

Tell = Callable[[str, str, int, bytes], None]
"""Takes fault, node, seq and payload of a pack, before it is sent."""


@dataclass
class Line:
    """The way of packs from nodes to the broker; what befalls one is told before it arrives."""

    rates: dict[str, float]
    seed: int
    tell: Tell
    _held: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, node: str, seq: int, payload: bytes) -> list[bytes]:
        """Return what arrives, in order, when a node publishes a pack."""
        arriving = [payload]
        if self._befalls("corrupt", node, seq, payload):
            arriving.insert(0, payload[: len(payload) * 2 // 3])
        if self._befalls("duplicate", node, seq, payload):
            arriving.append(payload)
        held = self._held.pop(node, None)
        if held is not None:
            return [*arriving, held]
        if self._befalls("reordering", node, seq, payload):
            self._held[node] = arriving.pop()
        return arriving

    def _befalls(self, fault: str, node: str, seq: int, payload: bytes) -> bool:
        rate = self.rates.get(fault)
        if rate is None:
            return False
        key = chance.keys(self.seed, [f"{fault}/{node}"])
        befalls = float(chance.uniform(key, np.array([seq]))[0]) < rate * _ONE_IN
        if befalls:
            self.tell(fault, node, seq, payload)
        return befalls

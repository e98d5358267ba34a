"""What a platform has heard of a node with the MicroPython agent, and the settings of such nodes."""

import json
import time
from collections.abc import Callable
from typing import Any

from bypuls import senml
from testbed.acknowledger import Acknowledger
from testbed.device import Device
from testbed.micropython import MicroNode

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


def settings(node: str, **changes: Any) -> dict[str, Any]:
    """Return the settings of a node whose one sensor counts, and writes a journal."""
    return SETTINGS | {"node": node} | changes


def windows() -> dict[str, Any]:
    """Return channels of both kinds: windows with their count, and every sample."""
    window = {"sensor": "sim", "output": "no2", "window": 0.2, "statistics": ["mean", "n"]}
    return {"no2": window, "pm10": {"sensor": "sim", "output": "no2", "window": 0}}


def answer(log: str, *numbers: int, ahead: float = 0.0) -> bytes:
    """Acknowledge packs, by a platform whose clock is `ahead` seconds."""
    ranges = [[seq, seq] for seq in numbers]
    return json.dumps({"log": log, "seq": ranges, "now": time.time() + ahead}).encode()


def now_honest(_node: str, log: str, seq: int, _times: int) -> list[bytes]:
    """Acknowledge each pack when it comes, with the time."""
    return [answer(log, seq)]


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


def seqs(platform: Acknowledger) -> set[int]:
    """Return the seqs that have come or were declared lost."""
    return {seq for _, _, seq in platform.packs} | gaps(platform)


def all_of_journal(node: MicroNode, platform: Acknowledger) -> Callable[[], bool]:
    """Tell whether every number of the journal has come."""
    numbers = {value for _, _, value, _ in node.journal()}
    return lambda: numbers <= set(readings(platform).values())


def times_are_right(node: MicroNode, platform: Acknowledger, within: float) -> None:
    """Fail unless each number came with the time of its measurement, by the test's clock."""
    measured = {value: at for _, _, value, at in node.journal()}
    off = [abs(at - measured[value]) / 1e6 for at, value in readings(platform).items()]
    assert max(off) < within


class Statuses(Device):
    """Hears what a node says of itself."""

    def status(self, node: str) -> dict[str, Any]:
        """Return the newest status; the list has the acknowledgements too."""
        return next((each for each in reversed(self.acks.get(node, [])) if "state" in each), {})

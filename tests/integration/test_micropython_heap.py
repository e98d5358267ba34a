"""The MicroPython agent with little memory.

It runs in a folder with a short path, as a board's is: MicroPython keeps the path of each module in its heap.
"""

import json
import time
from pathlib import Path

from testbed import Link, Mosquitto
from testbed.acknowledger import Acknowledger
from testbed.heard import SETTINGS, SMALL, Statuses, all_of_journal, settings
from testbed.micropython import MicroNode, compile_device


def test_a_heap_of_64_kb_is_enough(
    name: str, fast_path: Path, mosquitto: Mosquitto, platform: Acknowledger, statuses: Statuses
) -> None:
    device = fast_path / "device"
    store = SMALL
    sensors = {"sim": SETTINGS["sensors"]["sim"] | {"every": 0.02}}
    link = Link("127.0.0.1", mosquitto.port)
    with (
        link,
        MicroNode(
            settings(name, store=store, sensors=sensors), link.port, fast_path, heap="64k",
            device=compile_device(device, "-O3"),
        ) as node,
    ):  # fmt: skip
        link.cut()
        node.start()
        time.sleep(3)
        link.heal()
        platform.wait_for(lambda: len(platform.packs) > 400)
        platform.wait_for(all_of_journal(node, platform))
        platform.wait_for(lambda: "heap" in statuses.status(name))
        status = statuses.status(name)
        assert status["heap"]["size"] < 65_536
        assert status["problems"] == []
        node.kill()
        assert "MemoryError" not in node.process.log.read_text()


def test_a_heap_of_64_kb_is_enough_to_start_with_a_full_store(
    name: str, fast_path: Path, mosquitto: Mosquitto, platform: Acknowledger
) -> None:
    store = SMALL
    sensors = {"sim": SETTINGS["sensors"]["sim"] | {"every": 0.001}}
    link = Link("127.0.0.1", mosquitto.port)
    asked = settings(name, store=store | {"packs": 8}, sensors=sensors)
    device = compile_device(fast_path / "device", "-O3")
    with link, MicroNode(asked, link.port, fast_path, heap="64k", device=device) as node:
        link.cut()
        node.start()
        deadline = time.monotonic() + 60
        while len(list((fast_path / "packs").glob("*.seg"))) < 80 and time.monotonic() < deadline:
            time.sleep(0.1)
        node.kill()
        sensors["sim"]["every"] = 0.1
        (fast_path / "config.json").write_text(json.dumps(node.settings | {"sensors": sensors}))
        link.heal()
        node.start()
        platform.wait_for(lambda: len(platform.packs) > 300)
        assert "MemoryError" not in node.process.log.read_text()
        node.kill()

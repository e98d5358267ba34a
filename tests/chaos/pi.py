"""A node with the Raspberry Pi agent."""

import json
import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from chaos.node import WINDOW, Node
from testbed.edge import Edge

SENSORS = """
[[sensor]]
kind = "simulated"
every = {every}
outputs = ["no2", "rainfall"]
shape = "ramp"
low = {first}
journal = "{folder}/journal"
[[sensor.channel]]
channel = "no2"
window = 0
[[sensor.channel]]
channel = "rainfall"
window = {window}
statistics = ["mean", "n"]
"""
_WAL_HEADER, _FRAME_HEADER = 32, 24


class PiNode(Node):
    """Runs `bypuls-edge` with clocks that can be moved; `small`: a store that is soon full."""

    kind = "pi"
    keeps_windows = True

    def __init__(self, name: str, port: int, first: int = 0, *, small: bool = False) -> None:
        super().__init__(name, port, first)
        sensors = SENSORS
        for key, value in {"every": 0.01 if small else 0.05, "first": first, "window": WINDOW}.items():
            sensors = sensors.replace(f"{{{key}}}", str(value))
        self._agent = Edge(
            self.link.port,
            name,
            sensors,
            megabytes=0.02 if small else 10.0,
            clock="synchronised",
            program="chaos.shifted_pi",
        )
        self._stack.callback(self._agent.__exit__)
        self._moved = {"offset": 0, "synchronised": True, "boot": "boot-1", "booted": 0}
        self._clock = self._agent.folder / "clock"
        self.store = self._agent.folder / "store"
        """The agent's folder of that name."""
        self._move()

    @property
    def log(self) -> Path:
        return self._agent.log

    def start(self) -> None:
        self._agent.start(CHAOS_CLOCK=str(self._clock))

    def stop(self) -> None:
        self._agent.stop()

    def end(self) -> None:
        self._agent.kill()

    def send(self, number: signal.Signals) -> None:
        self._agent.send(number)

    def samples(self) -> Mapping[int, int]:
        return {int(line["values"]["no2"]): line["realtime"] for line in self._agent.journal()}

    def wipe_store(self) -> None:
        shutil.rmtree(self.store, ignore_errors=True)

    def shift(self, seconds: float) -> None:
        self._moved |= {"offset": round(seconds * 1e6), "synchronised": seconds == 0}
        self.unset_clock = True
        self._move()

    def reboot_clocks(self) -> None:
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000
        self._moved |= {"boot": f"boot-{now}", "booted": now - 3_000_000}
        self._move()

    def tear(self, size: int) -> None:
        """Tear at the last frame of SQLite's log that counts; behind it lie those of an earlier round."""
        path = self.store / "edge.db-wal"
        if not path.exists():
            return
        data = path.read_bytes()
        frame = _FRAME_HEADER + int.from_bytes(data[8:12], "big")
        end = _WAL_HEADER
        while data[end + 8 : end + 16] == data[16:24] and len(data) >= end + frame:
            end += frame
        if end > _WAL_HEADER:
            os.truncate(path, end - 1 - size % (frame - 1))

    def _move(self) -> None:
        new = self._clock.with_suffix(".new")
        new.write_text(json.dumps(self._moved))
        new.rename(self._clock)

"""A node with the Raspberry Pi agent."""

import os
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from chaos.node import WINDOW, Node
from chaos.tap import Pack
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
_SMALL = 0.02
"""Megabytes of a store that is soon full."""
_NEARLY = 0.7
"""Part of a full store that its packs take at least; the rest may be samples."""


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
            megabytes=_SMALL if small else 10.0,
            clock="synchronised",
            moved=True,
        )
        self._stack.callback(self._agent.__exit__)
        self._small = small
        self._agent.move_clock(synchronised=True)
        self.store = self._agent.folder / "store"
        """The agent's folder of that name."""

    @property
    def log(self) -> Path:
        return self._agent.log

    def start(self) -> None:
        self._agent.start()

    def stop(self) -> None:
        self._agent.stop()

    def end(self) -> None:
        self._agent.kill()

    def send(self, number: signal.Signals) -> None:
        self._agent.send(number)

    @property
    def running(self) -> bool:
        return self._agent.running

    def samples(self) -> Mapping[int, int]:
        return {int(line["values"]["no2"]): line["realtime"] for line in self._agent.journal()}

    def wipe_store(self) -> None:
        shutil.rmtree(self.store, ignore_errors=True)

    def shift(self, seconds: float) -> None:
        self._agent.move_clock(offset=round(seconds * 1e6), synchronised=seconds == 0)
        self.unset_clock = True

    def reboot_clocks(self) -> None:
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000
        self._agent.move_clock(boot=f"boot-{now}", booted=now - 3_000_000)

    def fills(self, sizes: Sequence[int]) -> bool:
        return self._small and sum(size + 32 for size in sizes) >= _NEARLY * _SMALL * 1e6

    def tear(self, size: int) -> set[Pack]:
        """Tear at the last frame of SQLite's log that counts; behind it lie those of an earlier round."""
        path = self.store / "edge.db-wal"
        if not path.exists():
            return set()
        log, last = self._newest()
        data = path.read_bytes()
        frame = _FRAME_HEADER + int.from_bytes(data[8:12], "big")
        end = _WAL_HEADER
        while data[end + 8 : end + 16] == data[16:24] and len(data) >= end + frame:
            end += frame
        if end > _WAL_HEADER:
            os.truncate(path, end - 1 - size % (frame - 1))
        left = self._newest()
        return {(log, seq) for seq in range(left[1] + 1, last + 1)} if left[0] == log else set()

    def _newest(self) -> Pack:
        """Return the newest pack that was made, according to a copy of the database."""
        with tempfile.TemporaryDirectory(prefix="bypuls-chaos-") as folder:
            for name in ("edge.db", "edge.db-wal"):
                if (self.store / name).exists():
                    shutil.copy(self.store / name, folder)
            with closing(sqlite3.connect(Path(folder) / "edge.db")) as database:
                try:
                    kept = dict(database.execute("SELECT key, value FROM meta").fetchall())
                except sqlite3.DatabaseError:
                    return "", 0
        return kept["log"], int(kept["seq"])

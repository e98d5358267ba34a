"""A node with the MicroPython agent."""

import os
import shutil
import signal
import struct
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from chaos.node import WINDOW, Node
from chaos.tap import Pack
from testbed.micropython import MicroNode

_FILE_HEADER, _PACK_HEADER = 36, 26
"""Bytes of the headers in a segment."""
_SEGMENTS, _PACKS = 8, 8
"""A store that is soon full: so many segments of so many packs."""


class MicroPythonNode(Node):
    """Runs the agent under MicroPython's unix port; `small`: a store that is soon full."""

    kind = "micropython"
    keeps_windows = False

    def __init__(self, name: str, port: int, first: int = 0, *, small: bool = False) -> None:
        super().__init__(name, port, first)
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bypuls-chaos-")))
        self._offset = folder / "offset"
        self._offset.write_text("0")
        if first:
            (folder / "journal").write_text(f"{first - 1},no2,{first - 1},0\n")
        sensor = {"driver": "simulated", "shape": "count", "every": 0.05, "outputs": ["no2", "rainfall"]}
        settings: dict[str, Any] = {
            "node": name,
            "broker": {"host": "127.0.0.1", "port": self.link.port, "keepalive": 20},
            "sensors": {"sim": sensor | {"journal": "journal"}},
            "channels": {
                "no2": {"sensor": "sim", "window": 0},
                "rainfall": {"sensor": "sim", "window": WINDOW, "statistics": ["mean", "n"]},
            },
            "board": {"clock_offset": str(self._offset)},
        }
        if small:
            settings["store"] = {"segments": _SEGMENTS, "packs": _PACKS}
        self._small = small
        self._agent = self._stack.enter_context(MicroNode(settings, port, folder))

    @property
    def log(self) -> Path:
        return self._agent.process.log

    def start(self) -> None:
        self.unset_clock = True  # it never knows the time when it starts
        self._agent.start()

    def stop(self) -> None:
        self._agent.process.send(signal.SIGINT)
        self._agent.process.wait(10)
        self.in_hand.add(max(self.samples(), default=-1))  # the interrupt may fall while the sensor is read

    def end(self) -> None:
        self._agent.kill()

    def send(self, number: signal.Signals) -> None:
        self._agent.process.send(number)

    @property
    def running(self) -> bool:
        return self._agent.process.running

    def samples(self) -> Mapping[int, int]:
        path = self._agent.folder / "journal"
        if not path.exists():
            return {}
        lines = [line.split(",") for line in path.read_text().splitlines(keepends=True) if line[-1] == "\n"]
        return {int(n): int(at) for n, output, _, at in lines if output == "no2" and int(at)}

    def wipe_store(self) -> None:
        shutil.rmtree(self._agent.folder / "packs", ignore_errors=True)
        for name in ("packs.eras", "packs.config"):
            (self._agent.folder / name).unlink(missing_ok=True)

    def shift(self, seconds: float) -> None:
        self._offset.write_text(str(seconds))

    def fills(self, sizes: Sequence[int]) -> bool:
        # When the oldest segment goes the others are full, but for what was being written at a restart.
        return self._small and len(sizes) >= (_SEGMENTS - 1 - len(self.ended)) * _PACKS

    def unfinished(self) -> set[Pack]:
        newest = self._newest()
        return {newest.following} if newest is not None and newest.cut else set()

    def tear(self, size: int) -> set[Pack]:
        newest = self._newest()
        if newest is None or newest.end == newest.begin:
            return set()
        os.truncate(newest.path, newest.size - 1 - size % (newest.size - newest.begin - 1))
        log, seq = newest.following
        return {(log, seq - 1)}

    def _newest(self) -> "_Segment | None":
        """Look at the newest segment; None where there is none with a head."""
        path = max((self._agent.folder / "packs").glob("*.seg"), default=None)
        data = b"" if path is None else path.read_bytes()
        if path is None or len(data) < _FILE_HEADER:
            return None
        first, count, begin, end, ours = int(path.stem), 0, _FILE_HEADER, _FILE_HEADER, True
        while len(data) >= end + _PACK_HEADER:
            length, seq = struct.unpack_from("<HI", data, end)
            after, ours = end + _PACK_HEADER + length, seq == first + count
            if after > len(data) or not ours:
                break
            begin, end, count = end, after, count + 1
        cut = ours and end < len(data)
        return _Segment(path, len(data), begin, end, (data[4:16].decode(), first + count), cut)


class _Segment(NamedTuple):
    """A segment of `size` bytes, whose last whole pack lies from `begin` to `end`; `following` comes then.

    `cut`: whether its beginning follows, as a SIGKILL in mid-write leaves it; anything else that may be there
    is the agent's own fault.
    """

    path: Path
    size: int
    begin: int
    end: int
    following: Pack
    cut: bool

"""The Raspberry Pi agent as a process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

HEAD = """\
node = "{node}"
report = {report}
resend = {resend}
clock = "{clock}"
[broker]
host = "127.0.0.1"
port = {port}
[store]
folder = "{folder}/store"
megabytes = {megabytes}
"""

RAMP = """
[[sensor]]
kind = "simulated"
every = 0.05
outputs = ["no2", "rainfall"]
shape = "ramp"
journal = "{folder}/journal"
[[sensor.channel]]
channel = "no2"
window = 0
[[sensor.channel]]
channel = "rainfall"
window = 0.2
statistics = ["mean", "n"]
"""
"""Two channels, each sample and windows of 0.2 s, and a journal of what was made up."""


class Edge:
    """`bypuls-edge run` from `with` to its end; `sensors` is the rest of its configuration.

    `clock` is what the configuration says of it: "system" believes the wall clock from the start, with
    "synchronised" the time comes from NTP or the platform. `jumping`: its wall clock can be set (`jump`).
    `{folder}` in `sensors` stands for the agent's own folder, `folder`, which outlives its processes.
    `program`: the module that is run as the command `bypuls-edge`.
    """

    def __init__(
        self,
        port: int,
        node: str,
        sensors: str,
        *,
        report: float = 0.2,
        resend: float = 0.5,
        megabytes: float = 10.0,
        clock: str = "system",
        jumping: bool = False,
        program: str = "edge.pi",
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bypuls-edge-")
        self.folder = Path(self._folder.name)
        self.config = self.folder / "edge.toml"
        self.log = self.folder / "log"
        values = {
            "node": node,
            "report": report,
            "resend": resend,
            "port": port,
            "megabytes": megabytes,
            "clock": clock,
        }
        text = HEAD + sensors
        for key, value in (values | {"folder": self.folder}).items():
            text = text.replace(f"{{{key}}}", str(value))
        self.config.write_text(text)
        self._ahead = self.folder / "ahead"
        self._jumping, self._program = jumping, program
        self.jump(0)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """Process number."""
        assert self._process is not None
        return self._process.pid

    def start(self, **environment: str) -> None:
        """Start it; it is ready a little later."""
        module = ["testbed.jumping_clock", str(self._ahead)] if self._jumping else [self._program]
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", *module]
        command += ["run", "--config", str(self.config)]
        path = {"PYTHONPATH": str(Path(__file__).parents[1])}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=os.environ | path | environment, stdout=log, stderr=log
            )

    def jump(self, seconds: float) -> None:
        """Set its wall clock to so many seconds ahead of the true time, if it was made `jumping`."""
        new = self._ahead.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._ahead)

    def stop(self) -> int:
        """End it in order and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(20)

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(number)

    def journal(self, name: str = "journal") -> list[dict[str, Any]]:
        """Return what the simulated sensor has noted, the line that is being written left out."""
        path = self.folder / name
        if not path.exists():
            return []
        return [
            json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")
        ]

    def wait_for(self, condition: Callable[[], bool], what: str, timeout: float = 30.0) -> None:
        """Wait until `condition()` holds; fails with the agent's log if it never does."""
        deadline = time.monotonic() + timeout
        while not condition():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise AssertionError(f"not so: {what}; the agent's log:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.02)

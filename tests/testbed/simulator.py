"""The simulated town as a process."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

from bypuls.store.registration import register
from simulators.town import town


class Simulator:
    """`bypuls simulate` from `with` to its end, in a database that knows its nodes.

    `nodes`: how many, all of the town's where it is None. `options` go to the command besides.
    """

    def __init__(self, database_url: str, mqtt_port: int, *options: str, nodes: int | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bypuls-simulator-")
        self.log = Path(self._folder.name) / "log"
        self._database_url = database_url
        self._nodes = nodes
        self._options = [*options, *([] if nodes is None else ["--nodes", str(nodes)])]
        self._environment = os.environ | {"BYPULS_MQTT_PORT": str(mqtt_port)}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        register(self._database_url, [node.registered() for node in town.read("lillestrom", self._nodes)])
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it; its past is sent a little later."""
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "bypuls", "simulate"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._options], env=self._environment, stdout=log, stderr=log
            )

    def wait_for_history(self, timeout: float = 60) -> None:
        """Wait until the platform has the whole past; fails with the log if that takes longer."""
        deadline = time.monotonic() + timeout
        while not re.search("^history: .* are safe", self.log.read_text(), re.MULTILINE):
            assert time.monotonic() < deadline, f"the past is not stored; the log is:\n{self.log.read_text()}"
            time.sleep(0.1)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(number)

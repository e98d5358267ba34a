"""One of our own programs as a process: started, ended, killed, and what it says."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self


class Program:
    """A Python module of ours as a process, from `with` to its end; `folder` outlives its processes.

    A subclass says in `start` what is run; it dies with the thread that started it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix=f"bypuls-{name}-")
        self.folder = Path(self._folder.name)
        self.log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.stop()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """Process number."""
        return self._started.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, and wait as long as the subclass does."""
        raise NotImplementedError

    def stop(self) -> int:
        """End it in order and return its exit code; kill it and fail where that takes more than 20 s."""
        self.terminate()
        try:
            return self._started.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def terminate(self) -> None:
        """Ask it to end in order, and do not wait for that."""
        self.send(signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL; processes that it has started are left."""
        self._started.kill()
        self._started.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP."""
        self._started.send_signal(number)

    def wait_for(self, condition: Callable[[], bool], what: str, timeout: float = 30.0) -> None:
        """Wait until `condition()` holds; fails with the program's log if it never does."""
        deadline = time.monotonic() + timeout
        while not condition():
            ended = self._process is not None and not self.running
            if ended or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-3000:]
                raise AssertionError(
                    f"{self.name} did not: {what}{', but ended' if ended else ''}; its log ends:\n{tail}"
                )
            time.sleep(0.02)

    def _run(self, words: Sequence[str], environment: dict[str, str]) -> None:
        """Run `python -m` with these words, and these variables besides our own."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", *words],
                env=os.environ | environment,
                stdout=log,
                stderr=log,
            )

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was never started"
        return self._process

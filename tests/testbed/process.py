"""A server process that lives no longer than the tests."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil

# The kernel sends a child its parent-death signal when the *thread* that started it ends, so one thread that
# lasts as long as the interpreter starts them all.
_starter = ThreadPoolExecutor(1, thread_name_prefix="testbed-starter")


class Process:
    """A program run on this machine, its output in a log file.

    `command` must become the server by exec, so that signals reach it and not a shell around it.
    """

    def __init__(self, command: list[str], log: Path) -> None:
        self.command = command
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the program runs, a paused one included."""
        return self._child is not None and self._child.poll() is None

    def start(self, ready: Callable[[], bool], timeout: float = 60) -> None:
        """Start the program and wait until `ready()` is true, at most `timeout` seconds.

        Raises RuntimeError with the end of the log when the program ends instead or takes longer.
        """
        if self.running:
            raise RuntimeError(f"{self.command[0]} runs already")
        with self.log.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal is for the test run, which then stops its servers.
            child = _starter.submit(
                subprocess.Popen,
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ).result()
        self._child = child
        deadline = time.monotonic() + timeout
        while child.poll() is None and time.monotonic() < deadline:
            if ready():
                return
            time.sleep(0.02)
        fate = "ended at once" if child.poll() is not None else f"took more than {timeout:g} s to start"
        self.kill()
        tail = self.log.read_text(errors="replace")[-3000:]
        raise RuntimeError(f"{' '.join(self.command)} {fate}; the end of its log:\n{tail}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        if self._child is None:
            raise RuntimeError(f"{self.command[0]} was never started")
        self._child.send_signal(number)

    def pause(self) -> None:
        """Freeze the program and all its children: connections stay, and nothing is answered."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):  # a child may end at any time
                process.suspend()

    def resume(self) -> None:
        """Let a paused program and its children go on; do nothing if it has ended."""
        if self.running:
            for process in self._family():
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def _family(self) -> list[psutil.Process]:
        if self._child is None:
            raise RuntimeError(f"{self.command[0]} was never started")
        first = psutil.Process(self._child.pid)
        return [first, *first.children(recursive=True)]

    def wait(self, timeout: float = 60) -> None:
        """Wait until the program has ended; kill it and raise RuntimeError after `timeout` seconds."""
        if self._child is None:
            return
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(
                f"{self.command[0]} did not end within {timeout:g} s, and was killed"
            ) from None

    def kill(self) -> None:
        """End the program and all its children with SIGKILL; do nothing if it has ended."""
        if not self.running or self._child is None:
            return
        try:
            os.kill(self._child.pid, signal.SIGSTOP)  # or it could start another child meanwhile
            family = psutil.Process(self._child.pid).children(recursive=True)
        except (ProcessLookupError, psutil.NoSuchProcess):
            family = []
        self._child.kill()
        for child in family:
            child.kill()
        self._child.wait()
        deadline = time.monotonic() + 10
        while any(map(_lives, family)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def close(self) -> None:
        """End the program and forget what it leaves behind."""
        self.kill()


def _lives(process: psutil.Process) -> bool:
    """Return whether it still holds anything; orphans may stay zombies until init looks after them."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

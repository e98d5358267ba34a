"""A program that runs beside ours and ends with it."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from bypuls.embedded.account import Account, bound_to_us

MAX_LOG = 5 << 20
"""Size in bytes from which a log starts anew; the one before is kept as NAME.log.1."""


class Child:
    """A program in a session of its own, so that Ctrl-C in the terminal reaches us only, with a log file."""

    def __init__(
        self,
        name: str,
        command: list[str],
        log: Path,
        *,
        environment: dict[str, str] | None = None,
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        orphan_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """`stop_signal` asks for an orderly end; the kernel sends `orphan_signal` when we are killed."""
        self.name = name
        self.log = log
        self.started = 0.0
        self._command = [*bound_to_us(orphan_signal.name.removeprefix("SIG"), account), *command]
        self._environment = environment
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self) -> None:
        """Start the program; call it on a thread that lasts, since the child ends with that thread."""
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        self.started = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The process's number, once it was started."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether the program runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def fate(self) -> str:
        """How the program ended, such as `exit status 1` or `SIGKILL`."""
        code = self._process.poll() if self._process else None
        if code is None:
            return "running" if self._process else "not started"
        return f"exit status {code}" if code >= 0 else signal.Signals(-code).name

    def ask_to_stop(self) -> None:
        """Send the signal for an orderly end."""
        if self._process is not None and self.running:
            self._process.send_signal(self._stop_signal)

    def wait(self, seconds: float) -> None:
        """Wait for the end, and kill the program when it takes longer."""
        if self._process is None:
            return
        try:
            self._process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the program, and what it started in its session, with SIGKILL."""
        if self._process is not None and self.running:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def last_words(self, lines: int = 5) -> list[str]:
        """Return the last lines that it wrote to its log since it was started."""
        try:
            with self.log.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start, size - 16_384))
                text = log.read().decode(errors="replace")
        except OSError:
            return []
        return [line for line in text.splitlines() if line.strip()][-lines:]

    def bound_log(self) -> None:
        """Start the log anew when it has grown too large."""
        try:
            if self.log.stat().st_size > MAX_LOG:
                # Copied and cut, not renamed: the program goes on writing to the file that it has open.
                shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
                os.truncate(self.log, 0)
                self._log_start = 0
        except OSError:
            pass  # a full disk, say, which the database reports better than we could

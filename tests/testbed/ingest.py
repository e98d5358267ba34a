"""The real ingest service as a process, and what its metrics say."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil
from prometheus_client.parser import text_string_to_metric_families

from testbed.port import free_port


def as_role(url: str, role: str) -> str:
    """Return the URL with another user than the superuser, who has no password on the test servers."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}@{rest.rpartition('@')[2]}"


class Ingest:
    """`bypuls ingest` from `with` to its end; `settings` are BYPULS_ variables without that prefix.

    `module` is what is run in place of `bypuls`.
    """

    def __init__(
        self,
        database_url: str,
        mqtt_port: int,
        *,
        workers: int = 1,
        module: str = "bypuls",
        **settings: str,
    ) -> None:
        self._workers = workers
        self._module = module
        self._metrics_port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="bypuls-ingest-")
        self.log = Path(self._folder.name) / "log"
        self._environment = os.environ | {
            "BYPULS_DATABASE_URL": as_role(database_url, "bypuls_ingest"),
            "BYPULS_MQTT_PORT": str(mqtt_port),
            "BYPULS_INGEST_CLIENT_ID": f"test-{self._metrics_port}",
            "BYPULS_INGEST_GROUP": f"test-{self._metrics_port}",
            "BYPULS_INGEST_METRICS_PORT": str(self._metrics_port),
            **{f"BYPULS_{name}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """Process number of the service."""
        assert self._process is not None
        return self._process.pid

    @property
    def worker_pids(self) -> list[int]:
        """Process numbers of those that do the work, where there are several."""
        found = []
        for child in psutil.Process(self.pid).children():
            with suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child.pid)
        return sorted(found)

    def start(self) -> None:
        """Start it and wait until it listens to the broker."""
        self.launch()
        self.wait_for(
            lambda: self.metric("connected", neighbour="broker") == self._workers,
            "connect to the broker",
            timeout=60,
        )

    def launch(self) -> None:
        """Start it; it is ready a little later."""
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", self._module, "ingest"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--workers", str(self._workers)], env=self._environment, stdout=log, stderr=log
            )

    def stop(self) -> int:
        """End it in order and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def terminate(self) -> None:
        """Ask it to end in order, and do not wait for that."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def metric(self, name: str, **labels: str) -> float:
        """Return one of its metrics, added up over the workers; 0 while it does not answer."""
        total = 0.0
        for worker in range(self._workers):
            try:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{self._metrics_port + worker}/metrics", timeout=2
                ) as answer:
                    text = answer.read().decode()
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                continue
            total += sum(
                sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if sample.name in (f"bypuls_ingest_{name}", f"bypuls_ingest_{name}_total")
                and labels.items() <= sample.labels.items()
            )
        return total

    def wait_for(self, condition: Callable[[], bool], what: str, timeout: float = 20.0) -> None:
        """Wait until `condition()` holds; fails with the service's log if it never does."""
        deadline = time.monotonic() + timeout
        while not condition():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-3000:]
                raise AssertionError(
                    f"ingest did not {what}{' but ended' if ended else ''}; its log ends:\n{tail}"
                )
            time.sleep(0.02)

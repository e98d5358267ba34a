"""The real HTTP API as a process."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from testbed.ingest import as_role
from testbed.port import free_port


class Api:
    """`bypuls api` from `with` to its end; `url` is its root, without a slash at the end."""

    def __init__(self, database_url: str, **settings: str) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._folder = tempfile.TemporaryDirectory(prefix="bypuls-api-")
        self.log = Path(self._folder.name) / "log"
        self._environment = os.environ | {
            "BYPULS_DATABASE_URL": as_role(database_url, "bypuls_api"),
            "BYPULS_API_PORT": str(self._port),
            **{f"BYPULS_{name}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it, again on the same port, and return when it has the database."""
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "bypuls", "api"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the API did not start; its log is:\n{self.log.read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Let it end in order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    @property
    def pid(self) -> int:
        """Process number of the service."""
        assert self._process is not None
        return self._process.pid

    def get(self, path: str) -> bytes:
        """Fetch a path of the API; raises urllib's HTTPError for 4xx and 5xx."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=60) as answer:
            body: bytes = answer.read()
            return body

    def _ready(self) -> bool:
        try:
            self.get("/readyz")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

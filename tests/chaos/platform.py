"""The platform under chaos: real servers, and lines between them that can be harmed."""

import os
import signal
from contextlib import ExitStack, suppress
from typing import Self
from urllib.parse import urlsplit

from bypuls.store.migrate import migrate
from testbed import Databases, Ingest, Link, Mosquitto, timescale_server


class Platform:
    """Mosquitto without persistence, TimescaleDB and ingest with two workers, from `with` to its end.

    It serves one schedule after the other, each with nodes of other names. `url` is the superuser's, past
    the lines.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.lines: dict[str, Link] = {}

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        try:
            self.database = enter(timescale_server())
            self.url = enter(enter(Databases(self.database.url, migrate)).migrated())
            self.broker = enter(Mosquitto())
            parts = urlsplit(self.url)
            self.lines["ingest-database"] = enter(Link(parts.hostname or "", parts.port or 5432))
            self.lines["ingest-broker"] = enter(Link("127.0.0.1", self.broker.port))
            account, _, _ = parts.netloc.rpartition("@")
            port = self.lines["ingest-database"].port
            through = parts._replace(netloc=f"{account}@127.0.0.1:{port}").geturl()
            self.ingest = enter(Ingest(through, self.lines["ingest-broker"].port, workers=2))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def kill_ingest(self) -> None:
        """End ingest with all its processes by SIGKILL."""
        workers = self.ingest.worker_pids
        self.ingest.kill()
        for pid in workers:
            with suppress(ProcessLookupError):  # it ends by itself when it is left alone
                os.kill(pid, signal.SIGKILL)

    def start_ingest(self) -> None:
        """Start ingest again; if it still has not ended, it is killed first, as service managers do."""
        if self.ingest.running:
            self.kill_ingest()
        self.ingest.launch()

    def signal_worker(self, chance: float, number: signal.Signals) -> int | None:
        """Send a signal to one of the workers; return its process number, None if there is none just now."""
        workers = self.ingest.worker_pids
        if not workers:
            return None
        pid = workers[int(chance * len(workers))]
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        return pid

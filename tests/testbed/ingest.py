"""The real ingest service as a process, and what its metrics say."""

import urllib.error
import urllib.request
from contextlib import suppress

import psutil
from prometheus_client.parser import text_string_to_metric_families

from testbed.port import free_port
from testbed.program import Program


def as_role(url: str, role: str) -> str:
    """Return the URL with another user than the superuser, who has no password on the test servers."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}@{rest.rpartition('@')[2]}"


class Ingest(Program):
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
        super().__init__("ingest")
        self._workers = workers
        self._module = module
        self._metrics_port = free_port()
        self._environment = {
            "BYPULS_DATABASE_URL": as_role(database_url, "bypuls_ingest"),
            "BYPULS_MQTT_PORT": str(mqtt_port),
            "BYPULS_INGEST_CLIENT_ID": f"test-{self._metrics_port}",
            "BYPULS_INGEST_GROUP": f"test-{self._metrics_port}",
            "BYPULS_INGEST_METRICS_PORT": str(self._metrics_port),
            **{f"BYPULS_{name}": value for name, value in settings.items()},
        }

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
        self._run([self._module, "ingest", "--workers", str(self._workers)], self._environment)

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

"""The real HTTP API as a process."""

import urllib.error
import urllib.request

from testbed.ingest import as_role
from testbed.port import free_port
from testbed.program import Program


class Api(Program):
    """`bypuls api` from `with` to its end; `url` is its root, without a slash at the end."""

    def __init__(self, database_url: str, **settings: str) -> None:
        super().__init__("api")
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._environment = {
            "BYPULS_DATABASE_URL": as_role(database_url, "bypuls_api"),
            "BYPULS_API_PORT": str(self._port),
            **{f"BYPULS_{name}": value for name, value in settings.items()},
        }

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._run(["bypuls", "api"], self._environment)
        self.wait_for(self._ready, "answer")

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

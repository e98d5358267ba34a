"""A client of the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from testbed.api import Api


class Client(httpx.Client):
    """An HTTP client that knows where the data is."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, timeout=60)

    def ask(self, path: str, **parameters: Any) -> httpx.Response:
        """Get a path below /api/v1."""
        return self.get(f"/api/v1/{path}", params=parameters or None)

    def json(self, path: str, **parameters: Any) -> Any:
        """Return what a path below /api/v1 gives, which must be a success."""
        answer = self.ask(path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def served(database_url: str, **settings: str) -> Iterator[Client]:
    """Give a client of an API of its own over the database; `settings` as for `Api`."""
    with Api(database_url, **settings) as api, Client(api.url) as client:
        yield client

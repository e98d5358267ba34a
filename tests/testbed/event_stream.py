"""A client of server-sent events, as a browser has one."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

import httpx

from testbed.client import Client


@dataclass(frozen=True)
class Event:
    """One event; `id` is the last one given, as a browser would send it back."""

    name: str
    id: str | None
    data: Any


class EventStream:
    """The events of /api/v1/live from `with` to its end; waits at most `patience` seconds for each."""

    def __init__(
        self, client: Client, *, last: str | None = None, patience: float = 20, **query: str
    ) -> None:
        self._client, self._query, self._patience = client, query, patience
        self._headers = {} if last is None else {"Last-Event-ID": last}
        self._stack = ExitStack()
        self._id: str | None = last
        self.retry: int | None = None

    def __enter__(self) -> Self:
        timeout = httpx.Timeout(self._patience)
        url = "/api/v1/live"
        self.answer = self._stack.enter_context(
            self._client.stream("GET", url, params=self._query, headers=self._headers, timeout=timeout)
        )
        self._events = self._read()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def next(self, name: str | None = None) -> Event:
        """Return the next event, or the next one of a name."""
        return next(event for event in self._events if name in (None, event.name))

    def readings(self) -> list[dict[str, Any]]:
        """Return the readings of the next event that has some."""
        found: list[dict[str, Any]] = self.next("readings").data["readings"]
        return found

    def _read(self) -> Iterator[Event]:
        name = data = ""
        for line in self.answer.iter_lines():
            field, _, value = line.partition(": ")
            match field:
                case "event":
                    name = value
                case "data":
                    data = value
                case "id":
                    self._id = value
                case "retry":
                    self.retry = int(value)
                case "":
                    yield Event(name, self._id, json.loads(data))

"""Server-sent events (WHATWG HTML, 9.2) of the live readings, as bytes."""

from collections.abc import Sequence
from datetime import datetime

from api import times
from api.json import dump
from bypuls.store.live import Newest

MEDIA_TYPE = "text/event-stream"
RETRY = 3_000
"""Milliseconds after which a browser connects again by itself."""


def hello(number: str | None, heartbeat: float) -> bytes:
    """Return the first event, with the place where the listener is unless it said so itself."""
    return b"retry: %d\n" % RETRY + _event("hello", number, {"heartbeat": heartbeat})


def readings(number: str, found: Sequence[Newest]) -> bytes:
    """Return newest readings as an event."""
    written = [
        {
            "stream": each.stream,
            "quantity": each.quantity,
            "unit": each.unit,
            "time": each.time,
            "value": each.value,
            "flags": each.flags,
        }
        for each in found
    ]
    return _event("readings", number, {"readings": written})


def heartbeat(number: str, now: int, committed: datetime | None, *, database: bool) -> bytes:
    """Return the sign of life: when something was committed last, and whether the database can be reached."""
    content = {"time": times.write(now), "committed": committed, "database": database}
    return _event("heartbeat", number, content)


def reset(number: str) -> bytes:
    """Return what a listener gets of which it isn't known what it missed."""
    why = "it is not known what came in between: load the newest readings anew"
    return _event("reset", number, {"why": why})


def dropped() -> bytes:
    """Return the last event of a listener that took too little."""
    return _event("dropped", None, {"why": "too slow: what waited was dropped; connect again"})


def _event(name: str, number: str | None, content: object) -> bytes:
    place = b"" if number is None else b"id: %b\n" % number.encode()
    return b"%bevent: %b\ndata: %b\n\n" % (place, name.encode(), dump(content))

"""Answers that are streams of rows, only so many at once: each holds rows while its reader stands still."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.problems import RETRY_AFTER, TooManyExports

LIMIT = 16
"""Streams at once, some 2 MB each; those that run keep both cores busy long before."""


class Places:
    """The places for streams of one app."""

    def __init__(self) -> None:
        self._free = BoundedSemaphore(LIMIT)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a place. Raises TooManyExports where none is free."""
        if not self._free.acquire(blocking=False):
            raise TooManyExports(
                f"All {LIMIT} exports that can run at once are running. "
                f"Try again in {RETRY_AFTER} s, or give a limit to get the rows in pages."
            )
        try:
            yield
        finally:
            self._free.release()


class RowStream(StreamingResponse):
    """A stream that calls `ended` once: at its end, when it fails and when the client goes away."""

    def __init__(
        self, rows: Iterator[bytes], ended: Callable[[], None], media_type: str, headers: dict[str, str]
    ) -> None:
        super().__init__(rows, media_type=media_type, headers=headers)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the rows."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()

"""Turns: how many series are made at once; the others wait for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from api.problems import RETRY_AFTER, TooBusy

AT_ONCE = 4
"""Each holds up to some 100 MB while it sums up, and the two cores of a small server are busy with two."""

PATIENCE = 10.0
"""Seconds that a request waits for its turn: a page of plots asks for many series at once."""


class Turns:
    """The turns of one app."""

    def __init__(self, at_once: int = AT_ONCE, patience: float = PATIENCE) -> None:
        self._at_once, self._patience = at_once, patience
        self._free = BoundedSemaphore(at_once)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take a turn. Raises TooBusy where none comes in time."""
        if not self._free.acquire(timeout=self._patience):
            raise TooBusy(
                f"{self._at_once} series are being made, and none became ready within {self._patience:g} s. "
                f"Try again in {RETRY_AFTER} s."
            )
        try:
            yield
        finally:
            self._free.release()

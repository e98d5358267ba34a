"""Answers that are made once for all who ask."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from math import inf
from threading import Lock, Thread
from time import monotonic
from typing import Generic, TypeVar

import structlog

from bypuls.errors import StoreError, StoreUnavailable

FRESH = 5.0
"""Seconds for which an answer is given out as it is."""

USABLE = 60.0
"""Seconds for which it is given out still, while the next one is being made."""

PATIENCE = 10.0
"""Seconds that is waited for an answer that another has begun to make."""

T = TypeVar("T")

log = structlog.get_logger()


class Kept(Generic[T]):
    """One answer for each key; whoever comes first for a long time waits for his, nobody else does.

    Where none can be made, the failure is given out too, for as long as an answer is fresh.
    """

    def __init__(self, usable: float = USABLE) -> None:
        """`usable`: seconds for which an answer is given out; beyond FRESH while the next one is made."""
        self._usable = usable
        self._made: dict[Hashable, tuple[float, T]] = {}
        self._failed: dict[Hashable, tuple[float, StoreError]] = {}
        self._making: dict[Hashable, Lock] = defaultdict(Lock)

    def get(self, key: Hashable, make: Callable[[], T], *, anew: bool = False) -> T:
        """Return the answer, by `make` where there is none to be used; raises what `make` raises.

        With `anew`, one whose making begins after this call.
        """
        asked = monotonic()
        if not anew:
            found = self._find(key, asked - FRESH)
            if found is not None:
                return found
            found = self._find(key, asked - self._usable)
            if found is not None:
                if self._failure(key) is None and self._making[key].acquire(blocking=False):
                    Thread(target=self._renew, args=(key, make), name="page", daemon=True).start()
                return found
        if not self._making[key].acquire(timeout=PATIENCE):
            raise StoreUnavailable(f"the database has not answered for {PATIENCE:g} s")
        try:
            # It may have been made meanwhile, for another who waited too; or have failed.
            found = self._find(key, asked if anew else asked - FRESH)
            return self._make(key, make) if found is None else found
        finally:
            self._making[key].release()

    def _find(self, key: Hashable, since: float) -> T | None:
        begun, answer = self._made.get(key, (-inf, None))
        return answer if begun > since else None

    def _failure(self, key: Hashable) -> StoreError | None:
        failed, error = self._failed.get(key, (-inf, None))
        return error if failed > monotonic() - FRESH else None

    def _make(self, key: Hashable, make: Callable[[], T]) -> T:
        failure = self._failure(key)
        if failure is not None:
            raise failure
        begun = monotonic()
        try:
            answer = make()
        except StoreError as why:
            self._failed[key] = (monotonic(), why)
            raise
        self._made[key] = (begun, answer)
        return answer

    def _renew(self, key: Hashable, make: Callable[[], T]) -> None:
        try:
            self._make(key, make)
        except StoreError as error:
            # The older answer does until it is too old; then who asks is told.
            log.warning("page not renewed", error=str(error))
        finally:
            self._making[key].release()

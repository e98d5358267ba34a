"""Answers that are made once for all who ask."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from math import inf
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from bypuls.errors import StoreError, StoreUnavailable

FRESH = 5.0
"""Seconds for which an answer is given out."""

PATIENCE = 10.0
"""Seconds that is waited for an answer that another has begun to make."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Made(Generic[T]):
    begun: float
    of: int
    answer: T


class Kept(Generic[T]):
    """One answer for each key: who comes first makes it, all who come meanwhile wait for that one.

    None is given out that is older, however long its making takes: it would tell of a state that is gone.
    Where none can be made, the failure is given out too, for as long as an answer is fresh.
    """

    def __init__(self, lasts: Callable[[T], bool] = lambda _: True) -> None:
        """`lasts` tells whether an answer may be kept; else it is for those who asked before it was begun."""
        self._lasts = lasts
        self._made: dict[Hashable, _Made[T]] = {}
        self._failed: dict[Hashable, tuple[float, StoreError]] = {}
        self._making: dict[Hashable, Lock] = defaultdict(Lock)

    def get(self, key: Hashable, make: Callable[[], T], *, of: int = 0, anew: bool = False) -> T:
        """Return the answer, by `make` where there is none to be used; raises what `make` raises.

        `of` is the time of what it is made of: one that was made of anything older isn't used. With `anew`,
        it is one whose making begins after this call.
        """
        asked = monotonic()
        found = self._find(key, of, asked, anew=anew)
        if found is not None:
            return found
        if not self._making[key].acquire(timeout=PATIENCE):
            raise StoreUnavailable(f"the database has not answered for {PATIENCE:g} s")
        try:
            # It may have been made meanwhile, for another who waited too; or have failed.
            found = self._find(key, of, asked, anew=anew)
            return self._make(key, of, make) if found is None else found
        finally:
            self._making[key].release()

    def _find(self, key: Hashable, of: int, asked: float, *, anew: bool) -> T | None:
        made = self._made.get(key)
        if made is None or made.of < of:
            return None
        kept = not anew and made.begun > asked - FRESH and self._lasts(made.answer)
        return made.answer if kept or made.begun > asked else None

    def _make(self, key: Hashable, of: int, make: Callable[[], T]) -> T:
        failed, failure = self._failed.get(key, (-inf, None))
        if failure is not None and failed > monotonic() - FRESH:
            raise failure
        begun = monotonic()
        try:
            answer = make()
        except StoreError as why:
            self._failed[key] = (monotonic(), why)
            raise
        self._made[key] = _Made(begun, of, answer)
        return answer

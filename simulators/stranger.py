"""Another sender under our nodes' names, as acknowledgements that are not ours give it away."""

import time
from collections.abc import Callable

_SURE_AFTER = 5.0
"""Acknowledgements of an earlier run's packs still come at the start; they are over by then."""
_GONE_AFTER = 60.0


class Stranger:
    """Tells once that somebody else sends; each notice is that of one acknowledgement of another log."""

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._first: float | None = None
        self._last = 0.0
        self._is_told = False

    def notice(self, node: str) -> None:
        """Take in that a pack of the node was acknowledged that is not ours."""
        self._last = self._clock()
        if self._first is None:
            self._first = self._last
        if not self._is_told and self._last - self._first >= _SURE_AFTER:
            self._is_told = True
            self._tell(
                f"something else publishes as {node} too: packs that are not ours are acknowledged. "
                "`bypuls up` runs a simulator of its own, unless given --no-simulate"
            )

    @property
    def is_here(self) -> bool:
        """Whether somebody else has been sending for a while, and within the last minute."""
        return self._is_told and self._clock() - self._last < _GONE_AFTER

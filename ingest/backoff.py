"""Pauses between attempts: doubling, with jitter and a ceiling."""

import random


class Backoff:
    """The pauses of one outage, in seconds; `reset` when it is over."""

    def __init__(self, first: float = 0.2, ceiling: float = 10.0) -> None:
        self._first = first
        self._ceiling = ceiling
        self._pause = first

    def next(self) -> float:
        """Return the next pause: between half and the whole of a span that doubles each time."""
        pause = self._pause * random.uniform(0.5, 1.0)
        self._pause = min(self._pause * 2, self._ceiling)
        return pause

    def reset(self) -> None:
        """Begin anew with the first pause."""
        self._pause = self._first

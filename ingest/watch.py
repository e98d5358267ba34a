"""Notices that the database was asked and does not answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from ingest.metrics import Metrics

_log = structlog.get_logger()

PATIENCE = 10.0
"""Seconds after which a question to the database is worth a warning."""


class Watch:
    """Tells of questions without an answer: TCP notices a host that is gone, not a server that stands still.

    Nothing is given up: the answer may take as long as it needs.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._asked: dict[object, float] = {}
        self._told = False
        self.available = True

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Hold this while the database is asked; for any thread."""
        question = object()
        self._asked[question] = time.monotonic()
        try:
            yield
        finally:
            del self._asked[question]

    def look(self) -> None:
        """Tell once when an answer is overdue and once when it came, and keep the gauge; for one thread.

        The gauge is 0 too while `available` is False: set it when a question failed, and when one did not.
        """
        since = min(list(self._asked.values()), default=None)
        overdue = since is not None and time.monotonic() - since > PATIENCE
        self._metrics.connected.labels("database").set(self.available and not overdue)
        if overdue and not self._told:
            _log.warning("database does not answer", waited=PATIENCE)
        elif self._told and not overdue:
            _log.info("database answered")
        self._told = overdue

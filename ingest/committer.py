"""Committing: checked batches into the database, then the acknowledgements."""

import gc
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np
import structlog

from bypuls.errors import QueryTooSlow, StoreError, StoreUnavailable
from bypuls.quarantine import Fault, Reason
from bypuls.readings import SECOND
from bypuls.sequences import Range, closed_ranges
from bypuls.store.commit import Commit, Message, Outcome
from bypuls.store.writer import Writer
from bypuls.topics import Leaf, topic
from ingest.arrival import Arrival
from ingest.backoff import Backoff
from ingest.metrics import Metrics
from ingest.watch import Watch

_log = structlog.get_logger()

T = TypeVar("T")
Reply = tuple[str, bytes]
"""A topic and a payload to publish."""


MOST_RANGES = 1_000
"""Ranges in one acknowledgement: some 40 kB, which every broker takes."""

STALE = -1
"""As `outages` of a batch: it is to be checked (again) before it is committed."""


class _Acknowledgement(msgspec.Struct):
    log: str
    seq: list[Range]
    now: float


@dataclass(slots=True)
class Batch:
    """Messages and what their check made of them.

    `outages` is how many there had been before the check, `position` how far checks had got after it.
    """

    arrivals: Sequence[Arrival]
    commit: Commit
    outages: int
    position: int = 0

    def forget(self) -> None:
        """Drop what the check made, some 30 MB, since it is to be checked again anyway."""
        self.commit, self.outages = Commit([]), STALE


class Stopped(Exception):
    """The service was told to stop while the database was away: nothing of the batch is acknowledged."""


class Committer:
    """Writes batches one after the other, however long that takes, and says what may be acknowledged.

    A database that was away may have come back as another one (restored, failed over), in which numbers of
    nodes and streams mean others. So after an outage the registry is learnt anew, and what was checked
    before is checked again; so it is where a batch must be split.
    """

    def __init__(
        self,
        writer: Writer,
        check: Callable[[Sequence[Arrival]], Iterable[Batch]],
        keep: Callable[[int], None],
        start_over: Callable[[], None],
        metrics: Metrics,
        watch: Watch,
        pause: Callable[[float], bool],
    ) -> None:
        """`check` checks messages, `keep` hears how far they are committed, and `start_over` that what was
        checked beyond is to be checked again; `pause` tells to give up.
        """
        self._writer = writer
        self._check = check
        self._keep = keep
        self._start_over = start_over
        self._metrics = metrics
        self._watch = watch
        self._pause = pause
        self._available = True
        self.outages = 0

    def commit(self, batch: Batch) -> list[Reply]:
        """Commit a batch and return the acknowledgements to its nodes.

        A batch that the database refuses is split until the culprit is alone, which goes to quarantine.
        Raises Stopped.
        """
        backoff, again = Backoff(), False
        while True:
            if self._pause(0):
                raise Stopped
            try:
                if batch.outages != self.outages:
                    parts = list(self._check(batch.arrivals))
                    if len(parts) > 1:
                        return [reply for part in parts for reply in self.commit(part)]
                    batch = parts[0]
                with self._watch.asking():
                    outcome = self._writer.write(batch.commit)
            except StoreUnavailable as error:
                if isinstance(error, QueryTooSlow) and len(batch.arrivals) > 1:
                    return self._halve(batch)
                batch.forget()
                self._wait_out(error, backoff)
            except StoreError as error:
                if len(batch.arrivals) > 1:
                    return self._halve(batch)
                if again:
                    return self._set_apart(batch, error)
                again = True  # perhaps only because the registry changed underneath
                self._recheck()
            else:
                self._note_available()
                self._keep(batch.position)
                self._settle(batch, outcome)
                return _replies(batch)

    def replay_requested(self, check: Callable[[Message], Commit]) -> bool:
        """Take one entry out of quarantine through the checks again, if an operator asked for one."""
        outcome = self._insist(lambda: self._writer.replay(check))
        if outcome is not None:
            self._count(outcome)
        return outcome is not None

    def _recheck(self) -> None:
        """Let all that is checked and not committed be checked again."""
        self.outages += 1
        self._start_over()

    def _halve(self, batch: Batch) -> list[Reply]:
        self._recheck()
        half = len(batch.arrivals) // 2
        parts = (batch.arrivals[:half], batch.arrivals[half:])
        return [reply for part in parts for reply in self.commit(Batch(part, Commit([]), STALE))]

    def _set_apart(self, batch: Batch, error: StoreError) -> list[Reply]:
        _log.error("message refused by the database", topic=batch.arrivals[0].topic, error=str(error))
        faults = [(0, Fault(Reason.REFUSED, str(error)))]
        commit = Commit(batch.commit.messages, packs=batch.commit.packs, faults=faults)
        try:
            outcome = self._insist(lambda: self._writer.write(commit))
        except StoreError:
            commit.packs = {}  # perhaps it was these that were refused
            outcome = self._insist(lambda: self._writer.write(commit))
        culprit = Batch(batch.arrivals, commit, self.outages)
        self._settle(culprit, outcome)
        return _replies(culprit)

    def _insist(self, work: Callable[[], T]) -> T:
        """Do it, and again after each failure of the database, with growing pauses."""
        backoff = Backoff()
        while True:
            try:
                with self._watch.asking():
                    result = work()
            except StoreUnavailable as error:
                self._wait_out(error, backoff)
            else:
                self._note_available()
                return result

    def _wait_out(self, error: StoreUnavailable, backoff: Backoff) -> None:
        if self._available:
            _log.warning("database unavailable", error=str(error))
        self._available = self._watch.available = False
        self._recheck()
        gc.collect()  # a failed connection leaves cycles that hold the batch
        if self._pause(backoff.next()):
            raise Stopped from error

    def _note_available(self) -> None:
        if not self._available:
            _log.info("database available again")
            self._metrics.reconnects.labels("database").inc()
        self._available = self._watch.available = True

    def _settle(self, batch: Batch, outcome: Outcome) -> None:
        self._count(outcome)
        readings = batch.commit.readings
        self._metrics.batch_readings.observe(len(readings))
        if len(readings):
            lag = time.time() - readings.time / SECOND
            for quantile in (0.5, 1.0):
                self._metrics.lag_seconds.labels(str(quantile)).set(float(np.quantile(lag, quantile)))

    def _count(self, outcome: Outcome) -> None:
        metrics = self._metrics
        metrics.readings.inc(outcome.stored)
        metrics.repeats.inc(outcome.repeats)
        for _, fault in outcome.faults:
            metrics.quarantined.labels(fault.reason.value).inc()
            if fault.reason is Reason.CONFLICT:
                metrics.conflicts.inc(len(fault.records or ()))


def _replies(batch: Batch) -> list[Reply]:
    """Tell each node which of its packs are safe now, and the time."""
    now = round(time.time(), 3)
    packs = [(log, pack) for (_, log), pack in batch.commit.packs.items()]
    packs += [(log, pack) for (_, log), pack in batch.commit.strangers.items()]
    return [
        (
            topic(pack.node, Leaf.ACK),
            msgspec.json.encode(_Acknowledgement(log, ranges[at : at + MOST_RANGES], now)),
        )
        for log, pack in packs
        if (ranges := closed_ranges(pack.seqs))
        for at in range(0, len(ranges), MOST_RANGES)
    ]

"""The ingest service: network, checks and commits, each on a thread of its own.

broker thread -> ArrivalQueue -> checking thread -> one batch ahead -> committing thread
      ^                                                                     |
      +---------------------- acknowledgements, after the commit <----------+
"""

import gc
import os
import queue as handover
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import structlog
from prometheus_client import start_http_server

from bypuls.errors import BypulsError, StoreUnavailable
from bypuls.interruption import Interruption
from bypuls.logs import configure
from bypuls.quarantine import Fault, Reason
from bypuls.settings import BrokerSettings, DatabaseSettings, Enrolment, IngestSettings
from bypuls.store.commit import Commit, Message
from bypuls.store.writer import Writer
from ingest.arrival import Arrival
from ingest.backoff import Backoff
from ingest.broker import BrokerLink
from ingest.checking import Checker, TooManyReadings
from ingest.committer import Batch, Committer, Stopped
from ingest.directory import Directory
from ingest.metrics import Metrics
from ingest.queue import ArrivalQueue
from ingest.watch import Watch
from ingest.workers import keep_running

_log = structlog.get_logger()

FORGET_EVERY = 300.0
"""Seconds after which what is known of the registry is learnt again, so that its changes are seen."""

COLLECT_EVERY = 16 << 20
"""Bytes of messages after which cycles are collected; see `_prepare`."""

REPLAY_EVERY = 1.0
"""Seconds between two looks for requested replays."""

STOP_WITHIN = 8.0
"""Seconds that a stop may take; the last ones are for what the database has not answered until then."""

COMMIT_WITHIN = 5.5
"""Seconds of these in which what is held is committed and acknowledged."""

CANCEL_WITHIN = 0.5
"""Seconds that the database has to cancel a statement, for each of two connections."""


class Worker:
    """One ingest process."""

    def __init__(
        self,
        database: DatabaseSettings,
        broker: BrokerSettings,
        ingest: IngestSettings,
        number: int,
        workers: int,
    ) -> None:
        """Worker `number` of `workers`, from 0."""
        name = f"bypuls-ingest-{ingest.client_id}-{number}"
        url = database.url.get_secret_value()
        self._ingest = ingest
        self._number = number
        self._metrics = Metrics()
        self._queue = ArrivalQueue(ingest.queue_bytes)
        self._link = BrokerLink(
            broker, ingest, self._queue, self._metrics, client_id=name, alone=workers == 1
        )
        enrol = ingest.enrolment is Enrolment.OPEN
        self._directory = Directory(url, f"{name} registry", enrol=enrol, max_channels=ingest.max_channels)
        self._checker = Checker(self._directory, alone=workers == 1)
        self._checking = threading.Lock()  # the committing thread checks too, when it splits or replays
        self._writer = Writer(url, name)
        self._abandon = threading.Event()
        self._watch = Watch(self._metrics)
        self._committer = Committer(
            self._writer,
            self._check,
            self._keep,
            self._start_over,
            self._metrics,
            self._watch,
            self._abandon.wait,
        )
        self._checked: handover.Queue[Batch | None] = handover.Queue(maxsize=1)
        self._checked_in = 0
        self._failure: BaseException | None = None

    def run(self, stop: Callable[[], bool]) -> None:
        """Work until `stop` says so, then commit and acknowledge what is held.

        Raises BypulsError if the database or the broker can't be reached at the start, or a thread died.
        """
        self._directory.greet()
        self._metrics.connected.labels("database").set(1)
        self._serve_metrics()
        self._link.start()
        threads = [
            threading.Thread(target=self._guard, args=(work,), name=name, daemon=True)
            for name, work in (("checking", self._check_all), ("committing", self._commit_all))
        ]
        for thread in threads:
            thread.start()
        _log.info("ingest ready", worker=self._number)
        while not stop() and self._failed() is None:
            time.sleep(0.2)
            self._metrics.queue_bytes.set(self._queue.held_bytes)
            self._watch.look()
        self._finish(threads)
        failure = self._failed()
        if failure is not None:
            raise BypulsError(f"ingest stopped by a defect: {failure!r}") from failure
        _log.info("ingest stopped", worker=self._number)

    def _serve_metrics(self) -> None:
        if self._ingest.metrics_port is None:
            return
        port = self._ingest.metrics_port + self._number
        try:
            start_http_server(port, self._ingest.metrics_host, self._metrics.registry)
        except OSError as error:
            where = f"{self._ingest.metrics_host}:{port}"
            raise BypulsError(
                f"can't serve metrics at {where}: {error.strerror}; choose another BYPULS_INGEST_METRICS_PORT"
            ) from error

    def _failed(self) -> BaseException | None:
        return self._failure or self._link.failure

    def _finish(self, threads: Sequence[threading.Thread]) -> None:
        self._link.stop_reading()
        self._queue.close()
        begin = time.monotonic()
        _join(threads, begin + COMMIT_WITHIN)
        self._abandon.set()  # a database that is still away: the broker and the nodes send it all again
        if any(thread.is_alive() for thread in threads):
            self._writer.interrupt(CANCEL_WITHIN)
            self._directory.interrupt(CANCEL_WITHIN)
            _join(threads, begin + STOP_WITHIN - 1.0)
        self._link.stop(1.0)
        self._writer.close()
        self._directory.close()

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Stopped:
            _log.warning("stopped while the database was away; unacknowledged messages will be sent again")
        except BaseException as error:  # noqa: BLE001 - a dead thread must not look like silence
            self._failure = error
            _log.exception("thread died", thread=threading.current_thread().name)

    # The checking thread.

    def _check_all(self) -> None:
        learnt = time.monotonic()
        checked = 0
        while arrivals := self._gather():
            self._await_rechecks()
            for batch in self._check_patiently(arrivals):
                self._checked.put(batch)
                del batch  # some 30 MB, which would be held until the next one is ready
            checked += sum(arrival.size for arrival in arrivals)
            if checked > COLLECT_EVERY:
                checked = 0
                gc.collect()
            if time.monotonic() - learnt > FORGET_EVERY:
                learnt = time.monotonic()
                self._forget()
        self._checked.put(None)

    def _await_rechecks(self) -> None:
        """Let what was checked before an outage be checked again first: a state of checks goes by order."""
        if self._committer.outages != self._checked_in:
            while self._checked.unfinished_tasks and not self._abandon.wait(0.02):
                pass
            self._checked_in = self._committer.outages

    def _gather(self) -> list[Arrival]:
        """Collect a batch: until it is old enough and the committer is free, or large; [] at the end."""
        arrivals: list[Arrival] = []
        room, deadline = self._ingest.batch_bytes, float("inf")
        while room > 0 and not (self._queue.is_closed and arrivals):
            now = time.monotonic()
            if now >= deadline and self._checked.empty():
                break
            news = self._queue.take(room, max(0.01, min(deadline - now, 0.2)))
            if not news and self._queue.is_closed:
                break
            if news and not arrivals:
                deadline = time.monotonic() + self._ingest.batch_age
            arrivals += news
            room -= sum(arrival.size for arrival in news)
        return arrivals

    def _check_patiently(self, arrivals: Sequence[Arrival]) -> Iterator[Batch]:
        """Check messages however long the registry is away; batch by batch, for the sake of memory."""
        batch = self._insist(lambda: self._check_together(arrivals))
        if batch is not None:
            yield batch
            return
        half = len(arrivals) // 2
        yield from self._check_patiently(arrivals[:half])
        yield from self._check_patiently(arrivals[half:])

    def _insist(self, check: Callable[[], Batch | None]) -> Batch | None:
        backoff = Backoff()
        while True:
            try:
                return check()
            except StoreUnavailable as error:
                gc.collect()  # a failed connection leaves cycles that hold what was in work
                pause = backoff.next()
                _log.warning("registry unavailable", error=str(error), retry_in=round(pause, 1))
                if self._abandon.wait(pause):
                    raise Stopped from error

    def _check(self, arrivals: Sequence[Arrival]) -> list[Batch]:
        """Check messages, apart where they can't be checked together; raises StoreUnavailable."""
        batch = self._check_together(arrivals)
        if batch is not None:
            return [batch]
        half = len(arrivals) // 2
        return [*self._check(arrivals[:half]), *self._check(arrivals[half:])]

    def _check_together(self, arrivals: Sequence[Arrival]) -> Batch | None:
        """Check messages as one batch; None where there are too many readings or one message is a culprit."""
        messages = [Message(arrival.topic, arrival.payload, arrival.received) for arrival in arrivals]
        outages = self._committer.outages
        try:
            with self._checking, self._watch.asking():
                commit = self._checker.check(messages)
                return Batch(arrivals, commit, outages, self._checker.position)
        except StoreUnavailable:
            raise
        except TooManyReadings:
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, only the culprit may suffer from it
            if len(arrivals) > 1:
                return None
            _log.exception("message can't be checked", topic=arrivals[0].topic)
            return Batch(
                arrivals, Commit(messages, faults=[(0, Fault(Reason.REFUSED, repr(error)))]), outages
            )

    # The committing thread.

    def _commit_all(self) -> None:
        looked = time.monotonic()
        while True:
            try:
                batch = self._checked.get(timeout=REPLAY_EVERY)
            except handover.Empty:
                pass
            else:
                if batch is None:
                    return
                with self._metrics.commit_seconds.time():
                    replies = self._committer.commit(batch)
                self._link.acknowledge(batch.arrivals, replies)
                self._queue.release(batch.arrivals)
                del batch
                self._checked.task_done()
            if time.monotonic() - looked > REPLAY_EVERY:
                while self._committer.replay_requested(self._check_again):
                    pass
                looked = time.monotonic()

    def _forget(self) -> None:
        with self._checking:
            self._directory.forget()

    def _keep(self, position: int) -> None:
        with self._checking:
            self._checker.keep(position)

    def _start_over(self) -> None:
        with self._checking:
            self._checker.start_over()

    def _check_again(self, message: Message) -> Commit:
        with self._checking:
            return self._checker.check([message])


def _join(threads: Sequence[threading.Thread], deadline: float) -> None:
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def run(database: DatabaseSettings, broker: BrokerSettings, ingest: IngestSettings, workers: int) -> None:
    """Run ingest until SIGTERM or SIGINT, in this process or, for several workers, in one process each."""
    _prepare()
    with Interruption() as interruption:
        if workers == 1:
            Worker(database, broker, ingest, 0, 1).run(lambda: interruption.wanted)
        else:
            jobs = [(_run_one, (database, broker, ingest, number, workers)) for number in range(workers)]
            keep_running(jobs, interruption.wait)


def _prepare() -> None:
    """Set up what belongs to the process: logs, and a cyclic collector that runs seldom.

    The thousands of packs in work made the collector walk over them again and again: a fifth of this
    process's time. It counts objects, though a few may hold megabytes; so what can leave cycles, a failure of
    the database and hostile CBOR, is collected by hand.
    """
    configure()
    gc.set_threshold(100_000, 20, 20)


def _run_one(
    database: DatabaseSettings, broker: BrokerSettings, ingest: IngestSettings, number: int, workers: int
) -> None:
    _prepare()
    parent = os.getppid()
    with Interruption() as interruption:
        worker = Worker(database, broker, ingest, number, workers)
        worker.run(lambda: interruption.wanted or os.getppid() != parent)

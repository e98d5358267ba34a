"""`bypuls up`: database, broker, ingest, API, maintenance and simulator as one program."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bypuls.embedded.broker import broker_child
from bypuls.embedded.child import Child
from bypuls.embedded.folder import ELSEWHERE, DataFolder
from bypuls.embedded.port import HOST, answers, free_port, require_free
from bypuls.embedded.postgres import EmbeddedPostgres
from bypuls.embedded.supervisor import Supervisor
from bypuls.embedded.tally import Tally, api_is_ready, read_tally
from bypuls.errors import BypulsError, StoreUnavailable
from bypuls.interruption import Interrupted, Interruption
from bypuls.registry import RegisteredNode
from bypuls.store.migrate import migrate
from bypuls.store.registration import register

READY_WITHIN = 60.0
STOP_WITHIN = 14.0
STATUS_EVERY = 30.0
TOWN_WITHIN = 30.0
"""Seconds after which the platform is called ready though nothing of the simulated town has arrived."""
HISTORY = "7d"
"""How much of its past the simulated town sends at the first start."""

_LOOK_EVERY = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and where; `registry` are nodes that are registered at each start.

    `check_journal` raises BypulsError for the path of a journal with which the simulator can't go on.
    """

    data_dir: Path
    http_port: int
    mqtt_port: int
    simulate: bool
    registry: Sequence[RegisteredNode]
    check_journal: Callable[[Path], None]


def up(plan: Plan, tell: Callable[[str], None]) -> None:
    """Run the platform until SIGINT, SIGTERM or SIGHUP, and tell how it goes.

    Raises BypulsError when it can't be started; nothing is left running then.
    """
    with Interruption() as interruption, DataFolder(plan.data_dir) as folder:
        if plan.http_port == plan.mqtt_port:
            raise BypulsError(f"--http-port and --mqtt-port are both {plan.http_port}: they must differ")
        require_free(plan.http_port, "--http-port")
        require_free(plan.mqtt_port, "--mqtt-port")
        try:
            running = _Platform(plan, folder, interruption.pause, tell)
            try:
                running.start()
                running.watch()
            except Interrupted:
                pass
            finally:
                running.stop()
        except OSError as error:  # a file system that is full or read-only, no more processes
            raise BypulsError(f"can't run on {folder.path}: {error}; {ELSEWHERE}") from error


class _Platform:
    def __init__(
        self, plan: Plan, folder: DataFolder, pause: Callable[[float], None], tell: Callable[[str], None]
    ) -> None:
        self._plan = plan
        self._pause = pause
        self._tell = tell
        self._metrics_port = free_port()
        self._broker = broker_child(folder.path, plan.mqtt_port)
        self._postgres = EmbeddedPostgres(folder.path)
        self._ingest = self._service(folder, "ingest", "bypuls_ingest")
        self._api = self._service(folder, "api", "bypuls_api")
        self._maintenance = self._service(folder, "maintain", "postgres")
        # The journal tells where a town goes on that was stopped, so that only what is missing is sent.
        self._journal = folder.path.absolute() / "town.jsonl"
        options = "--history", HISTORY, "--journal", str(self._journal)
        self._simulator = self._service(folder, "simulate", None, *options)
        self._started: list[Child] = []

    def start(self) -> None:
        """Start everything, each after what it needs, and return when all of it answers."""
        self._tell(f"data: {self._postgres.data.parent}")
        self._postgres.start(pause=self._pause)
        self._started.append(self._postgres.child)
        try:
            migrate(self._postgres.url())
            if self._plan.registry:
                register(self._postgres.url(), self._plan.registry)
        except StoreUnavailable as error:
            raise BypulsError(
                f"the database in {self._postgres.data} can't be used: {error} "
                f"(log: {self._postgres.child.log}). "
                f"If the folder can't be repaired, move it away and start again, or {ELSEWHERE}"
            ) from error
        self._tell(f"database: {self._postgres.url()}")
        self._launch(self._broker)
        self._await(lambda: answers(self._plan.mqtt_port), self._broker)
        self._tell(f"{self._broker.name}: mqtt://{HOST}:{self._plan.mqtt_port}")
        self._launch(self._ingest)
        self._launch(self._api)
        self._await(self._ingest_is_connected, self._ingest)
        self._await(lambda: api_is_ready(self._plan.http_port), self._api)
        if self._plan.simulate:
            self._start_simulator()
        self._launch(self._maintenance)
        self._tell(f"ready: http://{HOST}:{self._plan.http_port}")

    def watch(self) -> None:
        """Keep everything running and tell now and then how it goes, until interrupted."""
        supervisor = Supervisor(self._started, lambda line: self._tell(f"{_clock()} {line}"))
        before, next_status = read_tally(self._metrics_port), time.monotonic() + STATUS_EVERY
        while True:
            self._pause(_LOOK_EVERY)
            supervisor.look()
            if time.monotonic() >= next_status:
                next_status += STATUS_EVERY
                before = self._tell_status(before)
                for child in self._started:
                    child.bound_log()

    def stop(self) -> None:
        """End everything, each before what it needs; what takes too long is killed."""
        if any(child.running for child in self._started):
            self._tell("stopping")
        begin = time.monotonic()
        # The moments (in seconds) by which each group must have ended. Ingest gets the most: it commits
        # what it holds. The database comes last, and a kill does its data no harm.
        for group, moment in (
            ((self._simulator, self._api, self._maintenance), 2.0),
            ((self._ingest,), STOP_WITHIN - 2.5),
            ((self._broker,), STOP_WITHIN - 2.0),
            ((self._postgres.child,), STOP_WITHIN),
        ):
            for child in group:
                child.ask_to_stop()
            for child in group:
                child.wait(begin + moment - time.monotonic())
        self._postgres.close()

    def _service(self, folder: DataFolder, command: str, role: str | None, *options: str) -> Child:
        """Return the child that runs one of our own commands."""
        return Child(
            {"simulate": "simulator", "maintain": "maintenance"}.get(command, command),
            [sys.executable, "-P", "-m", "bypuls", command, *options],
            folder.log / f"{command}.log",
            environment=self._environment(role),
        )

    def _environment(self, role: str | None) -> dict[str, str]:
        # The user's own settings of ingest and the API hold; where database and broker are is for us to say.
        ours = ("BYPULS_DATABASE_URL", "BYPULS_MQTT_", "PG")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        environment.setdefault("BYPULS_INGEST_ENROLMENT", "open")
        # The catalogue of open data names addresses: this API's, unless the user says what the world sees.
        environment["BYPULS_OPEN_DATA_URL"] = (
            environment.get("BYPULS_OPEN_DATA_URL") or f"http://{HOST}:{self._plan.http_port}"
        )
        environment |= {
            "BYPULS_MQTT_HOST": HOST,
            "BYPULS_MQTT_PORT": str(self._plan.mqtt_port),
            "BYPULS_INGEST_METRICS_HOST": HOST,
            "BYPULS_INGEST_METRICS_PORT": str(self._metrics_port),
            "BYPULS_API_HOST": HOST,
            "BYPULS_API_PORT": str(self._plan.http_port),
            "PYTHONUNBUFFERED": "1",
        }
        if role is not None:
            environment["BYPULS_DATABASE_URL"] = self._postgres.url(role)
        return environment

    def _launch(self, child: Child) -> None:
        child.start()
        self._started.append(child)

    def _start_simulator(self) -> None:
        """Start the town, and wait for its first readings; when it fails, the platform goes on without."""
        try:
            self._plan.check_journal(self._journal)
        except BypulsError as error:
            aside = next(
                path
                for number in count(1)
                if not (path := self._journal.with_suffix(f".{number}.jsonl")).exists()
            )
            self._journal.rename(aside)
            self._tell(f"simulator: its journal is set aside as {aside}, and a new one begun: {error}")
        simulator, patience = self._simulator, time.monotonic() + TOWN_WITHIN
        simulator.start()
        self._await(
            lambda: self._readings_arrive() or not simulator.running or time.monotonic() > patience, simulator
        )
        self._started.append(simulator)  # only now: _await takes the end of one of these for a failure
        if not simulator.running:
            ended = f"{simulator.name} ended ({simulator.fate}); the platform goes on, and starts it again"
            self._tell(_with_last_words(ended, simulator))
        elif time.monotonic() > patience:
            self._tell(
                f"no reading of the {simulator.name} has arrived in {TOWN_WITHIN:g} s; see {simulator.log}"
            )

    def _await(self, ready: Callable[[], bool], waited_for: Child) -> None:
        """Wait until a child is ready; raises BypulsError when one ends meanwhile, or it takes too long."""
        deadline = time.monotonic() + READY_WITHIN
        while not ready():
            for child in self._started:
                if not child.running:
                    raise BypulsError(_with_last_words(f"{child.name} ended ({child.fate})", child))
            if time.monotonic() > deadline:
                late = f"{waited_for.name} did not get ready within {READY_WITHIN:g} s"
                raise BypulsError(_with_last_words(late, waited_for))
            self._pause(0.05)

    def _ingest_is_connected(self) -> bool:
        tally = read_tally(self._metrics_port)
        return tally is not None and not tally.lacking

    def _readings_arrive(self) -> bool:
        tally = read_tally(self._metrics_port)
        return tally is not None and tally.stored > 0

    def _tell_status(self, before: Tally | None) -> Tally | None:
        now = read_tally(self._metrics_port)
        if now is None:
            self._tell(f"{_clock()} ingest does not answer; see {self._ingest.log}")
            return None
        # A smaller number means that ingest began to count anew.
        since = before.stored if before and before.stored <= now.stored else 0
        self._tell(
            f"{_clock()} {now.stored:,} readings stored ({(now.stored - since) / STATUS_EVERY:.1f}/s), "
            f"{now.quarantined:,} in quarantine"
            + (
                f"; ingest lacks the {' and the '.join(now.lacking)}, see {self._ingest.log}"
                if now.lacking
                else ""
            )
        )
        return now


def _with_last_words(sentence: str, child: Child) -> str:
    words = child.last_words()
    return sentence + (f"; the end of {child.log}:\n  " + "\n  ".join(words) if words else "")


def _clock() -> str:
    return time.strftime("%H:%M:%S")

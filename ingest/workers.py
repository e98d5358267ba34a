"""Several worker processes: started, watched, restarted and ended together."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from ingest.backoff import Backoff

_log = structlog.get_logger()

SETTLED = 60.0
"""A worker that lived this long (seconds) had started well."""

Job = tuple[Callable[..., None], tuple[Any, ...]]
"""A function, which a fresh process can import, and its arguments."""


def keep_running(jobs: Sequence[Job], wait: Callable[[float], bool]) -> None:
    """Run each job in a process of its own until `wait` (for so many seconds) says that it is time to end.

    A process that dies is started again, after a pause that grows while it keeps dying.
    """
    context = multiprocessing.get_context("spawn")

    def start(number: int) -> multiprocessing.process.BaseProcess:
        target, arguments = jobs[number]
        process = context.Process(target=target, args=arguments, name=f"ingest-{number}")
        process.start()
        return process

    processes = [start(number) for number in range(len(jobs))]
    backoffs = [Backoff() for _ in processes]
    started = [time.monotonic() for _ in processes]
    due: dict[int, float] = {}
    while not wait(0.2):
        for number, process in enumerate(processes):
            if process.is_alive():
                continue
            if number not in due:
                if time.monotonic() - started[number] > SETTLED:
                    backoffs[number].reset()
                pause = backoffs[number].next()
                _log.error(
                    "worker died", worker=number, exit_code=process.exitcode, restart_in=round(pause, 1)
                )
                due[number] = time.monotonic() + pause
            elif time.monotonic() >= due[number]:
                del due[number]
                processes[number] = start(number)
                started[number] = time.monotonic()
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()

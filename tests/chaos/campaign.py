"""A campaign: many schedules, some at a time, each time on a platform of its own."""

import queue
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Self

from chaos.platform import Platform
from chaos.run import Outcome, run
from chaos.schedule import schedule


class Campaign:
    """Runs the schedules of `seeds` on so many platforms side by side; `outcomes` holds each one's future."""

    def __init__(self, seeds: Iterable[int], platforms: int) -> None:
        self.outcomes: dict[int, Future[Outcome]] = {seed: Future() for seed in seeds}
        self._waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for seed in self.outcomes:
            self._waiting.put(seed)
        self._stop = threading.Event()
        # Each thread starts its servers and agents, which live no longer than it.
        self._threads = [threading.Thread(target=self._work, name=f"platform-{n}") for n in range(platforms)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        with ExitStack() as stack:
            platform: Platform | None = None
            while not self._stop.is_set():
                try:
                    seed = self._waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    platform = platform or stack.enter_context(Platform())
                    self.outcomes[seed].set_result(run(schedule(seed), platform))
                except BaseException as error:  # noqa: BLE001  # it is the future's
                    self.outcomes[seed].set_exception(error)
                    # Whatever it was: the next schedule gets a new platform.
                    stack.close()
                    platform = None

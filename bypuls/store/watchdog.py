"""A limit on this side to how long the database may take: a frozen server keeps none of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from time import monotonic, sleep

_LOOK_EVERY = 0.5


class Watchdog:
    """Looks, on one thread for all that is under way, whether something takes too long, and cuts it then."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._looks = False

    @contextmanager
    def limit(self, seconds: float, cut: Callable[[], None]) -> Iterator[None]:
        """Call `cut`, on another thread, where the block isn't done within `seconds`.

        It may be half a second late.
        """
        key = object()
        with self._lock:
            self._due[key] = (monotonic() + seconds, cut)
            if not self._looks:
                self._looks = True
                Thread(target=self._look, name="watchdog", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._due.pop(key, None)

    def _look(self) -> None:
        while True:
            sleep(_LOOK_EVERY)
            with self._lock:
                now = monotonic()
                late = [key for key, (moment, _) in self._due.items() if moment <= now]
                cuts = [self._due.pop(key)[1] for key in late]
            # By threads of their own: to cut takes a while, and the next one must not wait for that.
            for cut in cuts:
                Thread(target=cut, name="cut", daemon=True).start()

"""A clock that a test moves by hand."""

import threading


class HandClock:
    """An `edge.pi.clock.Clock`: `advance` moves both clocks, `step` the wall clock, `reboot` begins anew."""

    def __init__(self, wall: int = 1_795_450_000_000_000, *, synchronised: bool = True) -> None:
        self.boot = "boot-0"
        self.in_step = synchronised
        self._elapsed = 5_000_000
        self._wall = wall

    def elapsed(self) -> int:
        """Return microseconds since boot."""
        return self._elapsed

    def wall(self) -> int:
        """Return microseconds since 1970."""
        return self._wall

    def synchronised(self) -> bool:
        """Return what the test has set."""
        return self.in_step

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Return at once, with that much time gone."""
        self.advance(seconds)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self._elapsed += round(seconds * 1e6)
        self._wall += round(seconds * 1e6)

    def step(self, seconds: float) -> None:
        """Set the wall clock to another time."""
        self._wall += round(seconds * 1e6)

    def reboot(self, seconds: float = 20) -> None:
        """Begin another boot, after some time."""
        self.advance(seconds)
        self.boot = f"boot-{int(self.boot.rpartition('-')[2]) + 1}"
        self._elapsed = 3_000_000

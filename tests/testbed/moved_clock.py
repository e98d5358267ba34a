"""`python -m testbed.moved_clock FILE run --config …`: `bypuls-edge` with clocks that a test moves.

FILE holds, as JSON, `offset` (us, by which the wall clock is ahead of the true time), `synchronised` (what
the system says of it), `boot` (its name) and `booted` (us on CLOCK_BOOTTIME when it began).
"""

import json
import sys
from pathlib import Path
from typing import Any

from edge.pi import clock
from edge.pi.command import main


class MovedClock(clock.SystemClock):
    """The system's clocks, moved."""

    file = Path()

    def __init__(self) -> None:
        super().__init__()
        self.boot = self._moved["boot"]
        self._booted: int = self._moved["booted"]

    @property
    def _moved(self) -> dict[str, Any]:
        moved: dict[str, Any] = json.loads(self.file.read_text(encoding="ascii"))
        return moved

    def elapsed(self) -> int:
        """Return the time since the boot that the test made up."""
        return super().elapsed() - self._booted

    def wall(self) -> int:
        """Return the time since 1970, wrong by what the test says."""
        return super().wall() + int(self._moved["offset"])

    def synchronised(self) -> bool:
        """Return what the test says."""
        return bool(self._moved["synchronised"])


if __name__ == "__main__":
    MovedClock.file = Path(sys.argv[1])
    clock.SystemClock = MovedClock  # type: ignore[misc]  # the command line hands it to the agent
    main(sys.argv[2:])

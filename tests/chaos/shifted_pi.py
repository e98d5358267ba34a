"""`bypuls-edge` with clocks that a test can move; all else is as it is.

The file named by CHAOS_CLOCK holds, as JSON, `offset` (us, by which the wall clock is wrong), `synchronised`
(what the system says of it), `boot` (its name) and `booted` (us on CLOCK_BOOTTIME when it began).
"""

import json
import os
from pathlib import Path
from typing import Any

from edge.pi import clock
from edge.pi.command import main


class ShiftedClock(clock.SystemClock):
    """The system's clocks, moved."""

    def __init__(self) -> None:
        super().__init__()
        self.boot = self._moved["boot"]
        self._booted: int = self._moved["booted"]

    @property
    def _moved(self) -> dict[str, Any]:
        moved: dict[str, Any] = json.loads(Path(os.environ["CHAOS_CLOCK"]).read_text(encoding="ascii"))
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
    clock.SystemClock = ShiftedClock  # type: ignore[misc]
    main()

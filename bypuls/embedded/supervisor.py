"""Keeps children alive: one that ends is started again, ever later if it keeps ending, and that is told."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bypuls.embedded.child import Child

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
STEADY = 30.0
"""Seconds of running after which earlier ends are forgotten."""


@dataclass(slots=True)
class _Ward:
    child: Child
    ends: int = 0
    restart_at: float | None = None


class Supervisor:
    """Watches children that were started; look() is to be called several times a second."""

    def __init__(self, children: Sequence[Child], tell: Callable[[str], None]) -> None:
        """`tell` gets each sentence about an end or a restart."""
        self._wards = [_Ward(child) for child in children]
        self._tell = tell

    def look(self) -> None:
        """Tell of children that ended, and start those again whose pause is over."""
        for ward in self._wards:
            now = time.monotonic()
            if ward.child.running:
                if ward.ends and now - ward.child.started > STEADY:
                    ward.ends = 0
            elif ward.restart_at is None:
                self._note_end(ward, now)
            elif now >= ward.restart_at:
                self._restart(ward, now)

    def _restart(self, ward: _Ward, now: float) -> None:
        try:
            ward.child.start()
        except OSError as error:  # no memory, no more processes, no room for the log
            ward.restart_at = now + LONGEST_PAUSE
            self._tell(
                f"{ward.child.name} can't be started: {error.strerror}; trying again in {LONGEST_PAUSE:g} s"
            )
        else:
            ward.restart_at = None
            self._tell(f"{ward.child.name} started again")

    def _note_end(self, ward: _Ward, now: float) -> None:
        child, lived = ward.child, now - ward.child.started
        if lived > STEADY:
            ward.ends = 0
        pause = min(FIRST_PAUSE * 2**ward.ends, LONGEST_PAUSE)
        ward.ends += 1
        ward.restart_at = now + pause
        self._tell(f"{child.name} ended ({child.fate}) after {lived:.0f} s; starting it again in {pause:g} s")
        if ward.ends > 1:
            self._tell(f"  it ended {ward.ends} times; the end of {child.log}:")
            for line in child.last_words():
                self._tell(f"    {line}")

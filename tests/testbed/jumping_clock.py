"""`python -m testbed.jumping_clock FILE run --config …`: the agent, with a wall clock that a test sets.

FILE holds by how many seconds the wall clock is ahead of the true time. The clock is never synchronised: the
agent takes the time from the platform, unless its configuration says `clock = "system"`.
"""

import sys
from pathlib import Path

from edge.pi import clock
from edge.pi.command import main


class JumpingClock(clock.SystemClock):
    """The machine's clocks, but for the wall clock."""

    file = Path()

    def wall(self) -> int:
        """Return the time, that much ahead."""
        return super().wall() + round(float(self.file.read_text(encoding="ascii")) * 1e6)

    def synchronised(self) -> bool:
        """Return that nothing keeps it right."""
        return False


if __name__ == "__main__":
    JumpingClock.file = Path(sys.argv[1])
    clock.SystemClock = JumpingClock  # type: ignore[misc]  # the command line hands it to the agent
    main(sys.argv[2:])

"""The unix port of MicroPython, for tests and for trying things out."""

import sys
import time


class Board:
    """What an agent asks of a board. `clock_offset`: a file with the seconds by which its clock is wrong."""

    def __init__(self, settings):
        self._offset = settings.get("board", {}).get("clock_offset")

    def online(self):
        """Return whether there is a network, and see to it that there will be; never wait."""
        return True

    def clock(self):
        """Return the board's own clock in ms since 1970, None where it was not set."""
        offset = 0.0
        if self._offset:
            try:
                with open(self._offset) as file:
                    offset = float(file.read() or 0)
            except OSError:
                pass
        return time.time_ns() // 1_000_000 + round(offset * 1000)

    def feed(self):
        """Tell the watchdog that all is well."""

    def tls(self, plain, settings):
        """Return an encrypted socket over a connected one; `settings` are those of the broker."""
        from boards.encryption import wrap

        return wrap(plain, settings)


def reset():
    """Start again after a fault."""
    sys.exit(1)

"""A sensor that isn't there, with a journal of what it measured: for tests, and without hardware."""

import math
import time


class Simulated:
    """Measures everything in `outputs`: a slow wave, or with `"shape": "count"` the number of the sample.

    `journal`: a file that gets a line for each value before the agent sees it: number, output, value, and the
    microseconds since 1970. The numbers go on after a restart.
    """

    def __init__(self, settings, board):
        self._outputs = settings["outputs"]
        self._count = settings.get("shape") == "count"
        self._journal = settings.get("journal")
        self._number = _last_number(self._journal) + 1 if self._journal else 1

    def read(self):
        """Return the value of each output."""
        number = self._number
        self._number += 1
        values, lines = {}, ""
        for place, output in enumerate(self._outputs):
            value = number if self._count else round(20 + 10 * math.sin(number / 30 + place), 2)
            values[output] = value
            lines += "%d,%s,%s,%d\n" % (number, output, value, time.time_ns() // 1000)
        if self._journal:
            with open(self._journal, "a") as file:
                file.write(lines)
        return values


def _last_number(path):
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 200))
            lines = file.read().strip().split(b"\n")
    except OSError:
        return 0
    return int(lines[-1].split(b",")[0]) if lines[-1] else 0

"""A channel: samples in, readings out."""

import math

from node.senml import name_and_unit
from node.windows import make


class Channel:
    """Sums up windows of `interval` ms counted from 1970, or passes every sample on where that is 0.

    `statistics`: of `mean`, `min`, `max` and `n`. `emit(fixed, time, value)` gets what is to be sent, with
    the part of its record that never changes. No instant is used twice: a window whose start was used
    already (the clock was put back, or the node restarted in mid-window) is stamped with its first sample.
    `own`: interval and statistics by the node's own settings; `extremes`: whether there are `min` and `max`.
    """

    def __init__(self, name, unit, kind, interval, statistics, emit):
        self.name = name
        self._unit = unit
        self._window = make(kind, self._plain)
        self.extremes = self._window.extremes
        self._fixed = name_and_unit(name, unit)
        self._emit = emit
        self._end = None
        self._used = -1
        self.own = (interval, statistics)
        self.set(interval, statistics)

    def set(self, interval, statistics):
        """Change interval and statistics, after `cut`."""
        self.interval = interval
        self.statistics = statistics
        self._mean = "mean" in statistics or not interval
        self._more = []
        for statistic in ("min", "max", "n"):
            if statistic in statistics and (statistic == "n" or self.extremes):
                unit = "1" if statistic == "n" else self._unit
                self._more.append((statistic, name_and_unit(self.name + "." + statistic, unit)))

    def add(self, time, value, used):
        """Take in a sample at `time` (ms), after `close` was called; instants up to `used` are taken.

        Samples that are not finite are left out.
        """
        if isinstance(value, float) and not math.isfinite(value):
            return
        if not self.interval:
            self._plain(time, value)
            self._used = time
            return
        if self._end is None:
            start = time - time % self.interval
            self._end = start + self.interval
            self._start = start if start > max(used, self._used) else time
        self._window.add(time, value)

    def close(self, time):
        """Send the window if it ends by `time` (ms)."""
        if self._end is not None and self._end <= time:
            self.cut()

    def cut(self):
        """Send the window as it is, as before its end, when the clock or the intervals change."""
        if self._end is None:
            return
        window = self._window
        window.close(self._start)
        for statistic, fixed in self._more:
            value = window.n if statistic == "n" else window.low if statistic == "min" else window.high
            self._emit(fixed, self._start, value)
        self._used = self._start
        self._end = None
        window.clear()

    def forget(self):
        """Forget which instants were used: another era begins, and `used` tells from then on."""
        self._used = -1

    def due(self):
        """Return when the window ends; None where none is open."""
        return self._end

    def _plain(self, time, value):
        # A sum of finite samples may not be finite, and no pack can hold that.
        if self._mean and not (isinstance(value, float) and not math.isfinite(value)):
            self._emit(self._fixed, time, value)

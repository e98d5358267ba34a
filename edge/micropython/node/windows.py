"""Windows: what the samples of a channel come to, in running sums of a fixed size.

Sums are of distances from the window's first sample, so that 32-bit floats keep their digits.
"""

import math


class Linear:
    """The arithmetic mean. `send(time, value)` gets what stands for the window (docs/wire.md, "Windows")."""

    extremes = True

    def __init__(self, send):
        self._send = send
        self.clear()

    def clear(self):
        """Forget the samples."""
        self.n = 0
        self._sum = 0.0

    def add(self, time, value):
        """Take in a sample; `time` in ms."""
        if not self.n:
            self._base = self.low = self.high = value
        elif value < self.low:
            self.low = value
        elif value > self.high:
            self.high = value
        self.n += 1
        self._sum += self._part(value)

    def close(self, start):
        """Send what stands for the window that began at `start`; it has samples."""
        self._send(start, self._mean())

    def _part(self, value):
        return value - self._base

    def _mean(self):
        return self._base + self._sum / self.n


class Energetic(Linear):
    """The level of the mean energy: 10 log10 of the mean of 10^(L/10)."""

    def _part(self, value):
        return 10 ** ((value - self._base) / 10)

    def _mean(self):
        return self._base + 10 * math.log10(self._sum / self.n)


class Total(Linear):
    """The sum; of integers an integer."""

    def clear(self):
        self.n = self._sum = 0

    def _part(self, value):
        return value

    def _mean(self):
        return self._sum


class Circular(Linear):
    """The direction of the mean unit vector, in [0, 360); none if that is shorter than 1e-12."""

    extremes = False
    _shortest = 1e-12 if 1.0 + 1e-9 != 1.0 else 1e-6  # what rounding leaves of vectors that cancel

    def clear(self):
        super().clear()
        self._cosine = 0.0

    def close(self, start):
        if math.sqrt(self._sum**2 + self._cosine**2) >= self._shortest * self.n:
            degrees = math.degrees(math.atan2(self._sum, self._cosine)) % 360.0
            self._send(start, 0.0 if degrees == 360.0 else degrees)

    def _part(self, value):
        self._cosine += math.cos(math.radians(value))
        return math.sin(math.radians(value))


class Counter(Linear):
    """Readings of a meter: the first and the last of the window, and both sides of every fall."""

    extremes = False

    def add(self, time, value):
        if not self.n:
            self._send(time, value)
            self._sent = True
        elif value < self._last:
            if not self._sent:
                self._send(self._time, self._last)
            self._send(time, value)
            self._sent = True
        else:
            self._sent = False
        self.n += 1
        self._time, self._last = time, value

    def close(self, start):
        if not self._sent:
            self._send(self._time, self._last)


class State(Linear):
    """Samples of a state: the first of the window, and each that differs from the one before it."""

    extremes = False

    def add(self, time, value):
        if not self.n or value != self._last:
            self._send(time, value)
        self.n += 1
        self._last = value

    def close(self, start):
        pass


KINDS = {
    "linear": Linear,
    "circular": Circular,
    "energetic": Energetic,
    "total": Total,
    "counter": Counter,
    "state": State,
}

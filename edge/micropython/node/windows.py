"""Windows: what the samples of a channel come to, in running sums of a fixed size.

Sums are of distances from the window's first sample, so that 32-bit floats keep their digits.
"""


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


def make(kind, send):
    """Return a window of an averaging kind; the rarer ones are imported only where they are used."""
    if kind == "circular":
        from node.directions import Circular as Window
    elif kind == "energetic":
        from node.levels import Energetic as Window
    elif kind == "counter":
        from node.meters import Counter as Window
    elif kind == "state":
        from node.meters import State as Window
    elif kind == "total":
        from node.totals import Total as Window
    else:
        Window = Linear  # noqa: N806 - a class
    return Window(send)

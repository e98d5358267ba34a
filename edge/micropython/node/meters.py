"""Windows of which samples are sent as they are, because no number can stand for them."""

from node.windows import Linear


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

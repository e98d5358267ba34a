"""Pulses on a pin: a tipping bucket, a water meter, a passing counter."""


class Pulses:
    """Counts falling edges at `pin`; each stands for `scale` (1) of `output`.

    Edges within `bounce` ms (5) of another one are not counted.

    With `"total": true` the count since the last reading is returned, for quantities that are summed up,
    such as rainfall; without it the count since start, for meters. Whole numbers stay whole, and so are
    exact on boards whose floats have 32 bits: let a meter count litres rather than 0.001 m3.
    """

    def __init__(self, settings, board):
        self._output = settings["output"]
        self._scale = settings.get("scale", 1)
        self._since_last = settings.get("total", False)
        self._counter = board.pulses(settings["pin"], settings.get("bounce", 5))
        self._seen = 0

    def read(self):
        """Return the output."""
        count = self._counter.count
        new, self._seen = count - self._seen, count
        return {self._output: (new if self._since_last else count) * self._scale}

"""The window of a direction."""

import math

from node.windows import Linear


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

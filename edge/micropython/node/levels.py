"""The window of a level."""

import math

from node.windows import Linear


class Energetic(Linear):
    """The level of the mean energy: 10 log10 of the mean of 10^(L/10)."""

    def _part(self, value):
        return 10 ** ((value - self._base) / 10)

    def _mean(self):
        return self._base + 10 * math.log10(self._sum / self.n)

"""The window of a total."""

from node.windows import Linear


class Total(Linear):
    """The sum; of integers an integer."""

    def clear(self):
        self.n = self._sum = 0

    def _part(self, value):
        return value

    def _mean(self):
        return self._sum

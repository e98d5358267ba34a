"""How long packs take to be acknowledged: a histogram of bounded size, however many there are."""

from math import log


class Latencies:
    """Counts latencies in classes 2 % wide; `late` readings took more than `limit` seconds."""

    def __init__(self, limit: float = 60.0) -> None:
        self.limit = limit
        self.late = 0
        self.longest = 0.0
        self._counts: dict[int, int] = {}
        self._total = 0

    def add(self, seconds: float, readings: int) -> None:
        """Count one pack."""
        place = round(log(max(seconds, _LEAST) / _LEAST) / _WIDTH)
        self._counts[place] = self._counts.get(place, 0) + 1
        self._total += 1
        self.longest = max(self.longest, seconds)
        if seconds > self.limit:
            self.late += readings

    def percentile(self, percent: float) -> float:
        """Return the seconds that so many percent of the packs did not exceed; 0 without packs."""
        wanted, seen = self._total * percent / 100, 0
        for place, count in sorted(self._counts.items()):
            seen += count
            if seen >= wanted:
                return min(_LEAST * (1 + _STEP) ** place, self.longest)
        return 0.0


_LEAST, _STEP = 1e-4, 0.02
_WIDTH = log(1 + _STEP)

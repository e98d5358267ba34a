"""Steps: the windows that a series can be made of, of a fixed width or of the calendar."""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bypuls.numeric.edges import DAY, SECOND, CivilUnit, civil_edges, fixed_edges

Times = NDArray[np.int64]

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
_SYMBOLS = {"s": SECOND, "m": MINUTE, "h": HOUR}
_FIXED = re.compile(r"([1-9][0-9]{0,5})(s|m|h)", re.ASCII)
_DAY_SECONDS = DAY // SECOND
_SUGGESTED = [
    width
    for width in range(1, _DAY_SECONDS + 1)
    if _DAY_SECONDS % width == 0 and width % (1 if width < 60 else 60 if width < 3_600 else 3_600) == 0
]


@dataclass(frozen=True, slots=True)
class Step:
    """Windows `width` microseconds wide, counted from 1970 (UTC); or civil ones, some `width` wide."""

    width: int
    unit: CivilUnit | None = None

    def edges(self, start: int, end: int, zone: ZoneInfo) -> Times:
        """Return the edges of the windows that cover [start, end), microseconds since 1970."""
        if self.unit is None:
            return fixed_edges(start, end, self.width)
        return civil_edges(start, end, self.unit, zone)

    def count(self, start: int, end: int, zone: ZoneInfo) -> int:
        """Return how many windows cover [start, end)."""
        if self.unit is None:
            return -(-end // self.width) - start // self.width
        return len(civil_edges(start, end, self.unit, zone)) - 1

    def __str__(self) -> str:
        """Return the step as it is asked for, such as 15m or month."""
        if self.unit is not None:
            return self.unit.value
        symbol = next(symbol for symbol in "hms" if self.width % _SYMBOLS[symbol] == 0)
        return f"{self.width // _SYMBOLS[symbol]}{symbol}"


_CIVIL = {unit: Step(days * DAY, unit) for unit, days in zip(CivilUnit, (1, 7, 30, 365), strict=True)}
STANDARD = (
    *(Step(n * SECOND) for n in (1, 2, 5, 10, 15, 30)),
    *(Step(n * MINUTE) for n in (1, 2, 5, 10, 15, 30)),
    *(Step(n * HOUR) for n in (1, 2, 3, 6, 12)),
    *_CIVIL.values(),
)
"""The steps that are chosen and recommended, ascending."""


def read_step(text: str) -> Step:
    """Read a step such as 15m, 1h or month. Raises ValueError that names the nearest one that does."""
    if text in _CIVIL:
        return _CIVIL[CivilUnit(text)]
    match = _FIXED.fullmatch(text)
    if match is None:
        raise ValueError(
            "a step is a number of seconds, minutes or hours, such as 10s, 15m or 1h, "
            f"or one of {', '.join(_CIVIL)}"
        )
    seconds = int(match[1]) * _SYMBOLS[match[2]] // SECOND
    if _DAY_SECONDS % seconds:
        nearest = min(_SUGGESTED, key=lambda width: (abs(width - seconds), width))
        longer = "; longer ones are day, week, month and year" if seconds > _DAY_SECONDS else ""
        raise ValueError(f"it must divide a day evenly; one that does is {Step(nearest * SECOND)}{longer}")
    return Step(seconds * SECOND)


def choose(start: int, end: int, zone: ZoneInfo, most: int, least_width: int) -> Step | None:
    """Return the smallest standard step at least `least_width` wide that gives at most `most` windows."""
    wide = (step for step in STANDARD if step.width >= least_width)
    return next((step for step in wide if step.count(start, end, zone) <= most), None)

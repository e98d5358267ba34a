"""Gap filling, one gap at a time."""

from itertools import groupby
from math import isnan


def fill_row(row: list[float], filling: str, most: int, circular: bool) -> list[float]:
    """Return the row with its gaps filled; `filling` is none, previous or linear."""
    filled = list(row)
    for missing, places in groupby(range(len(row)), key=lambda place: isnan(row[place])):
        gap = list(places)
        if not missing or len(gap) > most or gap[0] == 0 or filling == "none":
            continue
        start = row[gap[0] - 1]
        if filling == "previous":
            for place in gap:
                filled[place] = start
        elif gap[-1] + 1 < len(row):
            way = row[gap[-1] + 1] - start
            if circular:
                while way >= 180:
                    way -= 360
                while way < -180:
                    way += 360
            for step, place in enumerate(gap, 1):
                value = start + way * step / (len(gap) + 1)
                filled[place] = value % 360 if circular else value
    return filled

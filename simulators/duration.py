"""Durations as people write them: `30d`, `12h`, `10min`, `90s`."""

import re

from bypuls.errors import BypulsError
from bypuls.readings import SECOND

_UNITS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1, "": 1}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|s|)")


def microseconds(option: str, text: str) -> int:
    """Read a duration given for an option; raises BypulsError that says how to write one."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise BypulsError(f"{option} {text}: give a duration such as 30d, 12h, 10min or 90s")
    return round(float(match[1]) * _UNITS[match[2]] * SECOND)

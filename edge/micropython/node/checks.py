"""Checks of settings, those of the node and those that come from the platform.

Each raises ValueError with a line for a mistake: its key (`where` before it), the value, what is allowed.
"""

import json

from micropython import const

_SHOWN = const(60)  # characters of a value that are told


def known(table, names, where=""):
    """Check that this is a table with no other fields than these."""
    if not isinstance(table, dict):
        raise ValueError("%s: must be an object, {…}" % (where[:-1] or "the whole"))
    for name in table:
        if name not in names:
            raise ValueError("%s%s: there is no such field, but %s" % (where, name, ", ".join(names)))


def seconds(value, where, zero):
    """Return seconds as ms; `zero`: whether they may be 0."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not (0.001 <= value <= 86_400 or (zero and value == 0)):
        also = ", or 0" if zero else ""
        raise ValueError("%s: %s must be seconds, 0.001 to 86400%s" % (where, shown(value), also))
    return round(value * 1000)


def statistics(names, where):
    """Check that these are names of statistics."""
    good = isinstance(names, list) and names
    if not good or not all(name in ("mean", "min", "max", "n") for name in names):
        raise ValueError("%s: %s must be a list of some of mean, min, max, n" % (where, shown(names)))


def suits(statistics, window, extremes, where):
    """Raise ValueError unless such windows give these statistics; `extremes`: min and max among them."""
    if not window and statistics != ["mean"]:
        why = 'must be ["mean"]: with window 0 every sample is sent, and no statistic'
    elif not extremes and ("min" in statistics or "max" in statistics):
        why = "must be some of mean, n: the quantity has no extremes"
    else:
        return
    raise ValueError("%sstatistics: %s %s" % (where, shown(statistics), why))


def shown(value):
    """Return a value as in JSON, cut short where it is long."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def closed(lines):
    """Tell whether lines of JSON close all that they open: `json` takes half an object for a whole one."""
    depth, quoted = 0, False
    for line in lines:
        escaped = False
        for byte in line:
            if escaped:
                escaped = False
            elif byte == 0x22:  # "
                quoted = not quoted
            elif quoted:
                escaped = byte == 0x5C  # backslash
            elif byte in b"{[":
                depth += 1
            elif byte in b"}]":
                depth -= 1
    return not depth and not quoted

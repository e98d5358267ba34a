"""Checks of settings, those of the node and those that come from the platform."""

_STATISTICS = ("mean", "min", "max", "n")


def seconds(value, where, least=0):
    """Return seconds as ms; raises ValueError naming the field."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("%s: %r is no number of seconds" % (where, value))
    ms = round(value * 1000)
    if not least <= ms <= 86_400_000:
        raise ValueError("%s: %s s is outside %s to 86400 s" % (where, value, least / 1000))
    return ms


def statistics(names, where):
    """Raise ValueError unless these are names of statistics."""
    if not isinstance(names, list) or not names or not all(name in _STATISTICS for name in names):
        raise ValueError("%sstatistics: %s must be some of %s" % (where, names, ", ".join(_STATISTICS)))

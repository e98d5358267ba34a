"""The sensors that the agent knows: one line each, imported only when it is configured."""

SENSORS = {
    "simulated": ("sensors.simulated", "Simulated"),
}


def make(driver, settings, board):
    """Return a sensor; `settings` are those in config.json. Raises ValueError for a driver that is not here."""
    if driver not in SENSORS:
        raise ValueError("driver %r is none of %s" % (driver, ", ".join(sorted(SENSORS))))
    module, name = SENSORS[driver]
    return getattr(__import__(module, None, None, (name,)), name)(settings, board)

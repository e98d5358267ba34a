"""A driver by its name in the settings."""

import sys


def make(settings, board):
    """Return the sensor that `settings`, its part of config.json, speak of."""
    from sensors import make as make_sensor

    try:
        return make_sensor(settings["driver"], settings, board)
    finally:
        sys.modules.pop("sensors", None)  # the registry; the driver itself stays

"""The sensors that the agent knows: one line each, imported only when it is configured."""

SENSORS = {
    "battery": ("sensors.battery", "Battery"),
    "bme280": ("sensors.bme280", "BME280"),
    "pulses": ("sensors.pulses", "Pulses"),
    "sds011": ("sensors.sds011", "SDS011"),
    "simulated": ("sensors.simulated", "Simulated"),
    "sps30": ("sensors.sps30", "SPS30"),
}


def make(driver, settings, board):
    """Return a sensor; `settings`: its part of config.json. Raises ValueError for an unknown driver."""
    if driver not in SENSORS:
        raise ValueError("driver %r is none of %s" % (driver, ", ".join(sorted(SENSORS))))
    module, name = SENSORS[driver]
    return getattr(__import__(module, None, None, (name,)), name)(settings, board)

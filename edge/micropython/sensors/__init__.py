"""The sensors that the agent knows: one line each, imported only when it is configured."""

# Module, class, outputs ("" where the settings name them), and the fields of its settings, as `node.checks`
# reads them.
SENSORS = {
    "battery": ("sensors.battery", "Battery", "battery_voltage", "pin whole 0 48 !;divider number 1 1000"),
    "bme280": (
        "sensors.bme280",
        "BME280",
        "air_temperature relative_humidity air_pressure",
        "i2c table;address whole 118 119",
    ),
    "pulses": (
        "sensors.pulses",
        "Pulses",
        "",
        "output text 1 64 !;pin whole 0 48 !;scale number 0.000001 1000000;bounce whole 0 10000;total flag",
    ),
    "sds011": ("sensors.sds011", "SDS011", "pm2_5 pm10", "uart table"),
    "simulated": (
        "sensors.simulated",
        "Simulated",
        "",
        "outputs names !;shape one wave count;journal text 1 255",
    ),
    "sps30": ("sensors.sps30", "SPS30", "pm2_5 pm10", "i2c table"),
}


def make(driver, settings, board):
    """Return a sensor; `settings`: its part of config.json. Raises ValueError for an unknown driver."""
    if driver not in SENSORS:
        raise ValueError("driver %r is none of %s" % (driver, ", ".join(sorted(SENSORS))))
    module, name = SENSORS[driver][:2]
    return getattr(__import__(module, None, None, (name,)), name)(settings, board)

"""The registry of sensors: from the kind in a configuration to the module that drives it."""

from importlib import import_module
from typing import Any

from edge.pi.sensors.sensor import Driver

KINDS: dict[str, str] = {
    "battery": "edge.pi.sensors.battery",
    "bme280": "edge.pi.sensors.bme280",
    "command": "edge.pi.sensors.command",
    "pulses": "edge.pi.sensors.pulses",
    "sds011": "edge.pi.sensors.sds011",
    "simulated": "edge.pi.sensors.simulated",
    "sps30": "edge.pi.sensors.sps30",
    "thermal": "edge.pi.sensors.thermal",
}
"""Each module has a `DRIVER`; it is imported only where its kind is configured."""


def driver(kind: str) -> Driver[Any]:
    """Return the driver of a kind; raises KeyError for one that is not registered."""
    found: Driver[Any] = import_module(KINDS[kind]).DRIVER
    return found

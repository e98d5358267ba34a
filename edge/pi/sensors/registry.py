"""The registry of sensors: from the kind in a configuration to the module that drives it."""

from importlib import import_module
from typing import Any

from edge.pi.sensors.sensor import Driver

KINDS: dict[str, str] = {
    "simulated": "edge.pi.sensors.simulated",
}
"""Each module has a `DRIVER`; it is imported only where its kind is configured."""


def driver(kind: str) -> Driver[Any]:
    """Return the driver of a kind; raises KeyError for one that is not registered."""
    found: Driver[Any] = import_module(KINDS[kind]).DRIVER
    return found

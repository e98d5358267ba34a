"""Real servers for tests and benchmarks: TimescaleDB, Mosquitto, and a link that can be cut."""

from testbed.api import Api
from testbed.database import Databases
from testbed.device import Device
from testbed.ingest import Ingest, as_role
from testbed.link import Link
from testbed.missing import MissingServer
from testbed.mosquitto import Mosquitto
from testbed.timescale import DatabaseServer, timescale_server

__all__ = [
    "Api",
    "DatabaseServer",
    "Databases",
    "Device",
    "Ingest",
    "Link",
    "MissingServer",
    "Mosquitto",
    "as_role",
    "timescale_server",
]

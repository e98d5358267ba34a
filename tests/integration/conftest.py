"""Fixtures of the tests of the MicroPython agent."""

from collections.abc import Iterator
from zlib import crc32

import pytest

from testbed import Mosquitto
from testbed.acknowledger import Acknowledger
from testbed.heard import Statuses, now_honest


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A node's name for this test alone."""
    return f"mp-{crc32(request.node.name.encode()):08x}"


@pytest.fixture
def platform(mosquitto: Mosquitto, name: str) -> Iterator[Acknowledger]:
    """A platform that acknowledges every pack at once."""
    with Acknowledger("127.0.0.1", mosquitto.port, now_honest, name) as made:
        yield made


@pytest.fixture
def statuses(mosquitto: Mosquitto, name: str) -> Iterator[Statuses]:
    """Hears the statuses of this test's node."""
    with Statuses(mosquitto.port) as device:
        device.hear(f"bypuls/v1/{name}/status")
        yield device

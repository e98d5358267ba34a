"""The connection of the agent of a Raspberry Pi."""

import threading
import time

from edge.pi.configuration import Broker
from edge.pi.connection import STEADY, Connection, Down, Event, Up
from testbed import Link, Mosquitto


def test_a_short_cut_soon_after_a_long_outage_costs_no_long_pause(mosquitto: Mosquitto, name: str) -> None:
    with Link("127.0.0.1", mosquitto.port) as link:
        broker = Broker(host="127.0.0.1", port=link.port)
        connection = Connection(broker, name, [f"bypuls/v1/{name}/ack"], None, threading.Event())

        def next_event() -> Event:
            return connection.events.get(timeout=60)

        connection.start()
        try:
            assert isinstance(next_event(), Up)
            link.cut()
            for _ in range(4):  # pauses of 1, 2, 4 and 8 s, half of that at least
                assert isinstance(next_event(), Down)
            link.heal()
            assert isinstance(next_event(), Up)
            time.sleep(STEADY + 1)
            link.cut()
            assert isinstance(next_event(), Down)
            cut = time.monotonic()
            link.heal()
            assert isinstance(next_event(), Up)
            assert time.monotonic() - cut < 6  # 8 s at least, if the pauses went on growing
        finally:
            connection.stop()

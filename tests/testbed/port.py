"""Free ports on loopback."""

import os
import random
import socket

# Below the range from which Linux takes ports for outgoing connections. A client that retries a stopped
# server's port could otherwise be given that very port as its own, and be connected to itself.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = range(20_000 + 1_500 * (_WORKER % 8), 20_000 + 1_500 * (_WORKER % 8 + 1))
"""A part of them for each of the processes that run tests side by side."""

_given: set[int] = set()
"""Ports given out already: what asked for one may not listen there yet, or only now and then."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nothing listens now; never the same twice."""
    for port in random.sample(_PORTS, 100):
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise OSError(f"100 ports tried between {_PORTS.start} and {_PORTS.stop}, and none was free")

"""Free ports on loopback."""

import random
import socket

# Below the range from which Linux takes ports for outgoing connections. A client that retries a stopped
# server's port could otherwise be given that very port as its own, and be connected to itself.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nothing listens now."""
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"100 ports tried between {_PORTS.start} and {_PORTS.stop}, and none was free")

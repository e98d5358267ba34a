"""TCP ports on loopback."""

import errno
import random
import socket

from bypuls.errors import BypulsError

HOST = "127.0.0.1"


def require_free(port: int, option: str) -> None:
    """Raise BypulsError when a port can't be listened on; `option` is the one that chooses another."""
    try:
        _bind(port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fault = f"port {port} is taken by another program"
        else:
            fault = f"port {port} can't be used: {error.strerror}"
        raise BypulsError(f"{fault}; choose another one with {option}") from error


def free_port() -> int:
    """Return a port on which nothing listens now.

    It lies below the range from which Linux takes ports for outgoing connections, so that none of those
    gets it before a server does.
    """
    for port in random.sample(range(20_000, 32_000), 100):
        try:
            _bind(port)
        except OSError:
            continue
        return port
    raise BypulsError("100 ports between 20000 and 32000 were tried, and none was free")


def answers(port: int) -> bool:
    """Tell whether something accepts connections on a port."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _bind(port: int) -> None:
    with socket.socket() as probe:
        # As servers do, so that connections that were just closed on the port don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))

"""How a connection to the broker begins."""

import errno
import select
import socket
import struct

_AGAIN = (errno.EAGAIN, errno.EINPROGRESS, 119)


def reach(settings):
    """Return a socket that is being connected. This waits for the name service, as nothing else does."""
    address = socket.getaddrinfo(settings["host"], settings["port"], 0, socket.SOCK_STREAM)[0]
    plain = socket.socket(address[0])
    plain.setblocking(False)
    try:
        plain.setsockopt(6, 1, 1)  # TCP_NODELAY, by its numbers, as not every port has the names
    except OSError:
        pass
    try:
        plain.connect(address[-1])
    except OSError as error:
        if error.errno not in _AGAIN:
            plain.close()
            raise
    return plain


def made(poll, plain, settings, board):
    """Return the socket to be used once `plain` is connected, and poll it; None before.

    It is one that encrypts, where the settings name a certificate. Raises OSError where the broker refuses.
    """
    ready = 0
    for _, events in poll.ipoll(0):
        ready = events
    if ready & (select.POLLERR | select.POLLHUP):
        raise OSError(errno.ECONNREFUSED)
    if not ready & select.POLLOUT:
        return None
    poll.unregister(plain)
    used = board.tls(plain, settings) if settings.get("tls") else plain
    poll.register(used, select.POLLIN)
    return used


def greeting(settings, name, topic):
    """Return the body of CONNECT: a clean session, and `offline` as the last will, retained, with QoS 1."""
    flags = 0x2E
    body = text(name) + text(topic + "status") + text(b'{"state":"offline"}')
    if settings.get("username"):
        flags |= 0x80
        body += text(settings["username"])
        if settings.get("password"):
            flags |= 0x40
            body += text(settings["password"])
    return b"\x00\x04MQTT\x04" + struct.pack(">BH", flags, settings["keepalive"]) + body


def accepted(kind, body):
    """Raise ValueError unless the first packet that came is a CONNACK that lets the node in."""
    if kind != 2 or len(body) != 2:
        raise ValueError("what answers there speaks no MQTT: check broker.port and broker.tls")
    if body[1]:
        raise ValueError("it refuses the connection (code %d): check username and password" % body[1])


def wishes(mid, topic):
    """Return the body of SUBSCRIBE: acknowledgements and configuration, with QoS 0."""
    return struct.pack(">H", mid) + text(topic + "ack") + b"\x00" + text(topic + "config") + b"\x00"


def granted(body):
    """Raise ValueError unless SUBACK grants both."""
    if 128 in bytes(body[2:]):
        raise ValueError("it does not let this node hear its ack and config: check its access rules")


def text(value):
    """Return a string as MQTT writes it: its length before it."""
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data

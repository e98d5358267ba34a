"""How a connection to the broker begins."""

import errno
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


def encrypt(plain, settings, board):
    """Return the socket to be used: one that encrypts, where the settings name a certificate."""
    return board.tls(plain, settings) if settings.get("tls") else plain


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


def text(value):
    """Return a string as MQTT writes it: its length before it."""
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data

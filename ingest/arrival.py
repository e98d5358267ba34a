"""A message as the broker delivered it."""

from dataclasses import dataclass

OVERHEAD = 400
"""Bytes that a waiting message takes besides its payload, a rough estimate on the high side."""


@dataclass(slots=True)
class Arrival:
    """A message with what is needed to acknowledge it; `received` is in microseconds since 1970.

    `mid` counts within `connection`: an acknowledgement belongs to the connection that delivered it.
    """

    topic: str
    payload: bytes
    received: int
    mid: int
    qos: int
    connection: int

    @property
    def size(self) -> int:
        """Memory it takes while it waits, in bytes."""
        return len(self.payload) + OVERHEAD

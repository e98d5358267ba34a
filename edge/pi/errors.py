"""What the agent raises on purpose; the message says what to do next."""

from bypuls.errors import BypulsError


class EdgeError(BypulsError):
    """Base of the agent's own errors."""


class ConfigurationError(EdgeError):
    """The configuration can't be followed; the message names each key at fault."""


class SensorError(EdgeError):
    """A sensor gives no reading; trying again later may succeed."""


class StoreError(EdgeError):
    """The store can't be opened or written."""


class StoreFull(StoreError):
    """The store can't be written because the disk is full."""

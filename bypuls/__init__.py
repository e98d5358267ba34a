"""The shared kernel of Bypuls: quantities, readings, wire format, store. It knows no service."""

__version__ = "0.1.0"

"""Serial ports, for the sensors that speak over one."""

from typing import TYPE_CHECKING

from edge.pi.errors import SensorError

if TYPE_CHECKING:
    from serial import Serial


def open_port(path: str, baud: int, timeout: float) -> "Serial":
    """Open a port, 8N1; raises SensorError with what to do about it."""
    from serial import Serial, SerialException

    try:
        return Serial(path, baud, timeout=timeout, exclusive=True)
    except SerialException as error:
        raise SensorError(
            f"the port {path} can't be opened: {error}; is the adapter plugged in, and may this user use it "
            "(group dialout)? `ls -l /dev/serial/by-id` lists adapters"
        ) from error

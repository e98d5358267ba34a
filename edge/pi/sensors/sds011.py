"""Nova Fitness SDS011: particulate matter by laser, over a serial port.

Frames: "Laser Dust Sensor Control Protocol V1.3". The sensor sends by itself, once a second.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from edge.pi.errors import SensorError
from edge.pi.sensors.sensor import Driver, Options
from edge.pi.sensors.serial_port import open_port

if TYPE_CHECKING:
    from serial import Serial

_HEAD = b"\xaa\xc0"
_LENGTH = 10
_MOST = 100
"""So many bytes without a frame in them are too many."""


class Sds011Options(Options):
    """Where it is connected."""

    port: str = Field("/dev/ttyUSB0", description="the serial port; /dev/serial/by-id/… stays the same")


class Sds011:
    """Reads what the sensor sends by itself."""

    def __init__(self, port: "Serial") -> None:
        self._port = port

    def read(self) -> Mapping[str, float]:
        """Wait for the next frame, at most 3 s."""
        self._port.reset_input_buffer()  # what has waited there is old
        buffer = b""
        while len(buffer) < _MOST:
            more = self._port.read(_LENGTH)
            if not more:
                raise SensorError("sends nothing; is it powered, and set to report by itself?")
            buffer += more
            begin = buffer.find(_HEAD)
            if begin >= 0:
                frame = buffer[begin : begin + _LENGTH]
                frame += self._port.read(_LENGTH - len(frame))
                if _is_whole(frame):
                    return {
                        "pm2_5": int.from_bytes(frame[2:4], "little") / 10,
                        "pm10": int.from_bytes(frame[4:6], "little") / 10,
                    }
                buffer = buffer[begin + 1 :]
        raise SensorError(f"sends no frame: {buffer[:20].hex(' ')} …; is that an SDS011?")

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()


def _is_whole(frame: bytes) -> bool:
    return len(frame) == _LENGTH and frame[9] == 0xAB and frame[8] == sum(frame[2:8]) % 256


def _outputs(_options: Sds011Options) -> Mapping[str, str]:
    return {"pm2_5": "ug/m3", "pm10": "ug/m3"}


def _open(options: Sds011Options) -> Sds011:
    return Sds011(open_port(options.port, 9600, timeout=3))


DRIVER = Driver("Nova Fitness SDS011: PM2.5 and PM10, serial", Sds011Options, _outputs, _open)

"""Sensirion SPS30: particulate matter by laser, over a serial port.

SHDLC frames and commands: Sensirion, "Datasheet SPS30" (version 1.0, 2020), section 5.
"""

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from edge.pi.errors import SensorError
from edge.pi.sensors.sensor import Driver, Options
from edge.pi.sensors.serial_port import open_port

if TYPE_CHECKING:
    from serial import Serial

_START, _READ = 0x00, 0x03
_FLOATS = b"\x01\x03"
"""Start measuring, with results as big-endian IEEE 754 floats."""
_EDGE = 0x7E
_STUFFED = {0x7E: b"\x7d\x5e", 0x7D: b"\x7d\x5d", 0x11: b"\x7d\x31", 0x13: b"\x7d\x33"}
_ERRORS = {
    0x01: "wrong data length",
    0x02: "unknown command",
    0x03: "no access right",
    0x04: "illegal parameter",
    0x28: "internal error",
    0x43: "command not allowed in this state",
}
_WRONG_STATE = 0x43
_LONGEST = 600


class Sps30Options(Options):
    """Where it is connected."""

    port: str = Field("/dev/ttyUSB0", description="the serial port; /dev/serial/by-id/… stays the same")


class Sps30:
    """Measures all the time, once a second; a reading is the newest measurement."""

    def __init__(self, port: "Serial") -> None:
        self._port = port
        self._port.reset_input_buffer()
        self._ask(_START, _FLOATS, allowed=_WRONG_STATE)  # not allowed: it measures already

    def read(self) -> Mapping[str, float]:
        """Return the newest measurement; nothing if there is none since the last reading."""
        data = self._ask(_READ)
        if not data:
            return {}
        if len(data) != 40:
            raise SensorError(f"answers with {len(data)} bytes in place of 40")
        pm1, pm2_5, pm4, pm10 = struct.unpack_from(">4f", data)
        return {"pm1": pm1, "pm2_5": pm2_5, "pm4": pm4, "pm10": pm10}

    def close(self) -> None:
        """Let go of the port; the sensor goes on measuring."""
        self._port.close()

    def _ask(self, command: int, data: bytes = b"", *, allowed: int = 0) -> bytes:
        body = bytes([0x00, command, len(data)]) + data
        self._port.write(_frame(body))
        answer = self._answer()
        if len(answer) < 5 or answer[1] != command or answer[3] != len(answer) - 5:
            raise SensorError(f"answers {answer.hex(' ')}; is that an SPS30?")
        state = answer[2] & 0x7F
        if state not in (0, allowed):
            raise SensorError(f"refuses command 0x{command:02x}: {_ERRORS.get(state, hex(state))}")
        return answer[4:-1]

    def _answer(self) -> bytes:
        raw = b""
        while len(raw) < 2 or raw[-1] != _EDGE:
            more = self._port.read(1)
            if not more or len(raw) > _LONGEST:
                raise SensorError("does not answer; is it powered, and is its pin SEL open (UART)?")
            raw += more
        content = _unstuffed(raw[1:-1])
        if raw[0] != _EDGE or not content or sum(content) & 0xFF != 0xFF:
            raise SensorError(f"sends a damaged frame: {raw.hex(' ')}")
        return content


def _frame(body: bytes) -> bytes:
    whole = body + bytes([~sum(body) & 0xFF])
    return b"\x7e" + b"".join(_STUFFED.get(byte, bytes([byte])) for byte in whole) + b"\x7e"


def _unstuffed(raw: bytes) -> bytes:
    for byte, stuffed in _STUFFED.items():
        if byte != 0x7D:
            raw = raw.replace(stuffed, bytes([byte]))
    return raw.replace(_STUFFED[0x7D], b"\x7d")


def _outputs(_options: Sps30Options) -> Mapping[str, str]:
    return {"pm1": "ug/m3", "pm2_5": "ug/m3", "pm4": "ug/m3", "pm10": "ug/m3"}


def _open(options: Sps30Options) -> Sps30:
    port = open_port(options.port, 115_200, timeout=1)
    try:
        return Sps30(port)
    except BaseException:
        port.close()
        raise


DRIVER = Driver("Sensirion SPS30: PM1, PM2.5, PM4 and PM10, serial", Sps30Options, _outputs, _open)

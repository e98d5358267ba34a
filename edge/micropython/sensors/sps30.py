"""SPS30: particulate matter over I2C (Sensirion data sheet, version 1.0, section 6), as floats."""

import struct
import time

_ADDRESS = 0x69
_START = 0x0010
_READY = 0x0202
_READ = 0x0300
_LONGEST = 5_000  # ms without a measurement, of which it makes one a second


class SPS30:
    """An SPS30 whose SEL pin is tied to ground, which makes it speak I2C; `settings`: `i2c`."""

    def __init__(self, settings, board):
        self._bus = board.i2c(settings.get("i2c", {}))
        words = b"\x03\x00"  # big-endian floats
        self._bus.writeto(_ADDRESS, struct.pack(">H", _START) + words + bytes((checksum(words),)))
        time.sleep_ms(20)
        self._measured = time.ticks_ms()

    def read(self):
        """Return `pm2_5` and `pm10` (ug/m3) of a new measurement, nothing if there is none since the last.

        Raises OSError where there was none for 5 s, or it does not answer.
        """
        if not self._words(_READY, 3)[1]:
            if time.ticks_diff(time.ticks_ms(), self._measured) > _LONGEST:
                raise OSError("the SPS30 has not measured for 5 s; has its fan 5 V?")
            return {}
        self._measured = time.ticks_ms()
        mass = struct.unpack(">4f", self._words(_READ, 60)[:16])
        return {"pm2_5": mass[1], "pm10": mass[3]}

    def _words(self, command, count):
        """Read words, each followed by its checksum, and return them without."""
        self._bus.writeto(_ADDRESS, struct.pack(">H", command))
        time.sleep_ms(5)
        data = self._bus.readfrom(_ADDRESS, count)
        words = b""
        for at in range(0, count, 3):
            word = data[at : at + 2]
            if checksum(word) != data[at + 2]:
                raise OSError("the SPS30's answer has a wrong checksum: is the cable short, with pull-ups?")
            words += word
        return words


def checksum(word):
    """Return the CRC-8 of two bytes: polynomial 0x31, beginning with 0xFF (section 6.2)."""
    crc = 0xFF
    for byte in word:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31 if crc & 0x80 else crc << 1) & 0xFF
    return crc

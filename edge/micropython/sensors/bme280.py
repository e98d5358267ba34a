"""BME280: air temperature, humidity and pressure over I2C (Bosch data sheet BST-BME280-DS001, 4.2.3 and 5.4).

The compensation is the data sheet's integer one, because a 32-bit float has too few digits for its products.
"""

import struct
import time

_ID = 0xD0
_RESET = 0xE0
_CALIBRATION = 0x88
_CALIBRATION_HUMIDITY = 0xE1
_CONTROL_HUMIDITY = 0xF2
_CONTROL = 0xF4
_DATA = 0xF7


class BME280:
    """A BME280 on an I2C bus; `settings`: `i2c` (as the board wants it) and `address`, 118 (0x76) or 119."""

    def __init__(self, settings, board):
        self._bus = board.i2c(settings.get("i2c", {}))
        self._address = settings.get("address", 0x76)
        found = self._read(_ID, 1)[0]
        if found != 0x60:
            raise OSError("no BME280 at 0x%02x, but a chip 0x%02x" % (self._address, found))
        low = self._read(_CALIBRATION, 26)
        self._temperature = struct.unpack_from("<Hhh", low, 0)
        self._pressure = struct.unpack_from("<Hhhhhhhhh", low, 6)
        high = self._read(_CALIBRATION_HUMIDITY, 7)
        second, third = struct.unpack_from("<hB", high, 0)
        fourth = _signed(high[3], 8) * 16 | high[4] & 15
        fifth = _signed(high[5], 8) * 16 | high[4] >> 4
        self._humidity = low[25], second, third, fourth, fifth, _signed(high[6], 8)

    def read(self):
        """Measure once; return `air_temperature` (Cel), `relative_humidity` (%) and `air_pressure` (hPa)."""
        self._write(_CONTROL_HUMIDITY, 1)
        self._write(_CONTROL, 0x25)  # each once, then it sleeps, and doesn't warm itself
        time.sleep_ms(10)
        data = self._read(_DATA, 8)
        pressure = data[0] << 12 | data[1] << 4 | data[2] >> 4
        temperature = data[3] << 12 | data[4] << 4 | data[5] >> 4
        if temperature == 0x80000:
            raise OSError("the BME280 has not measured")
        fine = self._fine(temperature)
        return {
            "air_temperature": ((fine * 5 + 128) >> 8) / 100,
            "relative_humidity": self._percent(fine, data[6] << 8 | data[7]),
            "air_pressure": self._pascal(fine, pressure) / 100,
        }

    def _fine(self, raw):
        t1, t2, t3 = self._temperature
        first = ((raw >> 3) - (t1 << 1)) * t2 >> 11
        away = (raw >> 4) - t1
        return first + ((away * away >> 12) * t3 >> 14)

    def _pascal(self, fine, raw):
        p1, p2, p3, p4, p5, p6, p7, p8, p9 = self._pressure
        first = fine - 128_000
        second = first * first * p6 + (first * p5 << 17) + (p4 << 35)
        first = (first * first * p3 >> 8) + (first * p2 << 12)
        first = ((1 << 47) + first) * p1 >> 33
        if not first:
            raise OSError("the calibration of the BME280 can't be right")
        pressure = (((1_048_576 - raw) << 31) - second) * 3125 // first
        first = p9 * (pressure >> 13) * (pressure >> 13) >> 25
        second = p8 * pressure >> 19
        return ((pressure + first + second >> 8) + (p7 << 4)) / 256

    def _percent(self, fine, raw):
        h1, h2, h3, h4, h5, h6 = self._humidity
        value = fine - 76_800
        gain = ((value * h6 >> 10) * ((value * h3 >> 11) + 32_768) >> 10) + 2_097_152
        value = ((raw << 14) - (h4 << 20) - h5 * value + 16_384 >> 15) * (gain * h2 + 8192 >> 14)
        value -= ((value >> 15) * (value >> 15) >> 7) * h1 >> 4
        return (min(max(value, 0), 419_430_400) >> 12) / 1024

    def _read(self, register, count):
        return self._bus.readfrom_mem(self._address, register, count)

    def _write(self, register, value):
        self._bus.writeto_mem(self._address, register, bytes((value,)))


def _signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) else value

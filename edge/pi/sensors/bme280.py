"""Bosch BME280: air temperature, humidity and pressure over I2C.

Registers and compensation: Bosch BST-BME280-DS002, sections 4.2.3, 5.4 and 8.1 (the formulas in floating
point). The ready-made drivers were passed over: of the two in use, one gets negative humidity coefficients
wrong (pimoroni-bme280 1.0: `r - 1 << 12`), the other has had no release since 2021.
"""

import struct
import time
from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import Field

from edge.pi.errors import SensorError
from edge.pi.sensors.sensor import Driver, Options

_CHIP = 0x60
_CALIBRATION_1, _CALIBRATION_2 = 0x88, 0xE1
_ID, _CTRL_HUM, _STATUS, _CTRL_MEAS, _DATA = 0xD0, 0xF2, 0xF3, 0xF4, 0xF7
_MEASURING = 0x08
_FORCED_ONCE = 0b001_001_01
"""Temperature and pressure without oversampling, forced mode: "weather monitoring", section 3.5.1."""
_OUT_OF_RANGE = 0x80000
"""What a skipped temperature or pressure reads as."""


class Bus(Protocol):
    """What is used of smbus2.SMBus."""

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]: ...
    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None: ...
    def close(self) -> None: ...


class Bme280Options(Options):
    """Where it is connected."""

    bus: int = Field(
        1, ge=0, description="number of the I2C bus: 1 is /dev/i2c-1, pins 3 and 5 of a Raspberry Pi"
    )
    address: Literal[0x76, 0x77] = Field(0x76, description="0x76, or 0x77 where SDO is high")


class Bme280:
    """Measures once for each reading, and sleeps in between, which keeps it from warming itself."""

    def __init__(self, bus: Bus, address: int) -> None:
        self._bus = bus
        self._address = address
        [chip] = self._read(_ID, 1)
        if chip != _CHIP:
            raise SensorError(f"what answers at 0x{address:02x} is no BME280: chip id 0x{chip:02x}, not 0x60")
        self._calibrate(self._read(_CALIBRATION_1, 26), self._read(_CALIBRATION_2, 7))

    def read(self) -> Mapping[str, float]:
        """Measure once."""
        self._bus.write_byte_data(self._address, _CTRL_HUM, 0b001)
        self._bus.write_byte_data(self._address, _CTRL_MEAS, _FORCED_ONCE)
        for _ in range(20):
            time.sleep(0.01)  # 9.3 ms at the longest, section 9.1
            if not self._read(_STATUS, 1)[0] & _MEASURING:
                break
        else:
            raise SensorError("the measurement does not end")
        raw = self._read(_DATA, 8)
        pressure = raw[0] << 12 | raw[1] << 4 | raw[2] >> 4
        temperature = raw[3] << 12 | raw[4] << 4 | raw[5] >> 4
        if _OUT_OF_RANGE in (pressure, temperature):
            raise SensorError("the measurement was skipped; is the supply voltage steady?")
        fine = self._fine(temperature)
        return {
            "air_temperature": fine / 5120.0,
            "air_pressure": self._pressure(pressure, fine) / 100.0,
            "relative_humidity": self._humidity(raw[6] << 8 | raw[7], fine),
        }

    def close(self) -> None:
        """Let go of the bus."""
        self._bus.close()

    def _read(self, register: int, length: int) -> list[int]:
        return self._bus.read_i2c_block_data(self._address, register, length)

    def _calibrate(self, first: list[int], second: list[int]) -> None:
        self._t = struct.unpack_from("<Hhh", bytes(first))
        self._p = struct.unpack_from("<Hhhhhhhhh", bytes(first), 6)
        h2, h3 = struct.unpack_from("<hB", bytes(second))
        e4, e5, e6, h6 = struct.unpack_from("<bBbb", bytes(second), 3)
        # Two signed numbers of 12 bits share the byte 0xE5.
        self._h = (first[25], h2, h3, e4 << 4 | e5 & 0x0F, e6 << 4 | e5 >> 4, h6)

    def _fine(self, raw: int) -> float:
        t1, t2, t3 = self._t
        first = (raw / 16384.0 - t1 / 1024.0) * t2
        second = (raw / 131072.0 - t1 / 8192.0) ** 2 * t3
        return float(first + second)

    def _pressure(self, raw: int, fine: float) -> float:
        p1, p2, p3, p4, p5, p6, p7, p8, p9 = self._p
        first = fine / 2.0 - 64000.0
        second = first * first * p6 / 32768.0 + first * p5 * 2.0
        second = second / 4.0 + p4 * 65536.0
        first = (p3 * first * first / 524288.0 + p2 * first) / 524288.0
        first = (1.0 + first / 32768.0) * p1
        if first == 0:
            raise SensorError("the calibration of the pressure is empty")
        pressure = (1048576.0 - raw - second / 4096.0) * 6250.0 / first
        return float(
            pressure + (p9 * pressure * pressure / 2147483648.0 + pressure * p8 / 32768.0 + p7) / 16.0
        )

    def _humidity(self, raw: int, fine: float) -> float:
        h1, h2, h3, h4, h5, h6 = self._h
        rest = fine - 76800.0
        humidity = raw - (h4 * 64.0 + h5 / 16384.0 * rest)
        humidity *= h2 / 65536.0 * (1.0 + h6 / 67108864.0 * rest * (1.0 + h3 / 67108864.0 * rest))
        humidity *= 1.0 - h1 * humidity / 524288.0
        return float(min(100.0, max(0.0, humidity)))


def _outputs(_options: Bme280Options) -> Mapping[str, str]:
    return {"air_temperature": "Cel", "air_pressure": "hPa", "relative_humidity": "%"}


def _open(options: Bme280Options) -> Bme280:
    from smbus2 import SMBus

    bus = SMBus()
    try:
        bus.open(options.bus)
        return Bme280(bus, options.address)
    except BaseException as error:
        bus.close()
        if isinstance(error, OSError):
            raise SensorError(
                f"nothing answers at 0x{options.address:02x} on I2C bus {options.bus} ({error}); is it "
                f"wired, and I2C enabled (raspi-config)? `i2cdetect -y {options.bus}` lists what answers"
            ) from error
        raise


DRIVER = Driver(
    "Bosch BME280: temperature, humidity and pressure of the air, I2C", Bme280Options, _outputs, _open
)

"""Runs under MicroPython: the drivers on fake buses, which answer with the bytes of the data sheets."""

import struct
import time

from sensors import SENSORS, make


class FakeBus:
    """An I2C bus with one chip on it: registers, and for chips without any the answer to the last command."""

    def __init__(self, registers=None, answers=None):
        self.registers, self.answers = registers or {}, answers or {}
        self.written = []

    def readfrom_mem(self, address, register, count):
        return self.registers[register][:count]

    def writeto_mem(self, address, register, data):
        self.written.append((register, bytes(data)))

    def writeto(self, address, data):
        self.command = struct.unpack_from(">H", data)[0]
        self.written.append(bytes(data))

    def readfrom(self, address, count):
        assert address == 0x69
        return self.answers[self.command][:count]


class FakeLine:
    """A serial line on which some bytes have come."""

    def __init__(self, data):
        self.data = data

    def any(self):
        return len(self.data)

    def read(self, count):
        came, self.data = self.data[:count], self.data[count:]
        return came


class Counter:
    count = 0


class FakeBoard:
    def i2c(self, settings):
        return self.bus

    def uart(self, settings, baud):
        assert baud == 9600
        return self.line

    def pulses(self, pin, bounce):
        self.counter = Counter()
        return self.counter

    def adc(self, pin):
        return lambda: 1_956_000


board = FakeBoard()


def refused(sensor):
    try:
        sensor.read()
    except OSError as error:
        return str(error)
    raise AssertionError("it should have been refused")


# BME280: temperature and pressure are the worked example of Bosch's data sheets (BST-BMP280-DS001, 3.12), the
# humidity is compared with the floating-point formula (BST-BME280-DS001, 8.1).
h1, h2, h3, h4, h5, h6 = 75, 361, 0, 327, 50, 30
raw_humidity = 28_437
low = struct.pack(
    "<HhhHhhhhhhhh", 27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000
)
high = struct.pack("<hBBBBb", h2, h3, h4 >> 4, (h4 & 15) | (h5 & 15) << 4, h5 >> 4, h6)
raw = bytes(
    (415148 >> 12, 415148 >> 4 & 255, 415148 << 4 & 255, 519888 >> 12, 519888 >> 4 & 255, 519888 << 4 & 255)
)
board.bus = FakeBus(
    {0xD0: b"\x60", 0x88: low + b"\0" + bytes((h1,)), 0xE1: high, 0xF7: raw + struct.pack(">H", raw_humidity)}
)
values = make("bme280", {}, board).read()
fine = 128422 - 76800.0
wet = (raw_humidity - (h4 * 64 + h5 / 16384 * fine)) * (
    h2 / 65536 * (1 + h6 / 67108864 * fine * (1 + h3 / 67108864 * fine))
)
wet *= 1 - h1 * wet / 524288
assert values["air_temperature"] == 25.08, values
assert abs(values["air_pressure"] - 1006.5327) < 0.001, values
assert abs(values["relative_humidity"] - wet) < 0.01 and 0 < wet < 100, (values, wet)
assert board.bus.written == [(0xF2, b"\x01"), (0xF4, b"\x25")]
board.bus.registers[0xF7] = b"\x80\0\0\x80\0\0\x80\0"
assert "not measured" in refused(make("bme280", {}, board))
board.bus.registers[0xD0] = b"\x58"
try:
    make("bme280", {}, board)
    raise AssertionError("a BMP280 has no humidity")
except OSError as error:
    assert "0x58" in str(error)

# Negative numbers in the calibration of the humidity: H4 and H5 have 12 bits.
board.bus.registers[0xD0] = b"\x60"
board.bus.registers[0xE1] = struct.pack("<hBBBBb", h2, h3, 0xFE, 0x0F | 0x30, 0xFF, -3)
assert make("bme280", {}, board)._humidity == (75, 361, 0, -17, -13, -3)

# SDS011: the frame of the data sheet, behind half of another one, and one with a wrong checksum after it.
frame = b"\xaa\xc0\xd4\x04\x3a\x0a\xa1\x60\x1d\xab"
board.line = FakeLine(frame[4:] + frame + b"\xaa\xc0\xd4\x05" + frame[4:])
assert make("sds011", {}, board).read() == {"pm2_5": 123.6, "pm10": 261.8}
board.line = FakeLine(b"\xaa" * 500 + frame)
sensor = make("sds011", {}, board)
assert sensor.read()["pm10"] == 261.8
assert sensor.read() == {}  # the same frame does not count twice: there is no new value yet
board.line.data = frame[:7]
assert sensor.read() == {}
board.line.data = frame[7:]
assert sensor.read()["pm10"] == 261.8
board.line = FakeLine(b"")
sensor = make("sds011", {}, board)
assert sensor.read() == {}  # it was just made: a frame may be on its way
sensor._heard = time.ticks_add(time.ticks_ms(), -5_001)
assert "no frame" in refused(sensor)

# SPS30: the checksum is the data sheet's example.
from sensors.sps30 import checksum

assert checksum(b"\xbe\xef") == 0x92


def words(data):
    return b"".join(
        data[at : at + 2] + bytes((checksum(data[at : at + 2]),)) for at in range(0, len(data), 2)
    )


measured = words(struct.pack(">10f", 3.5, 4.25, 4.5, 4.75, 0, 0, 0, 0, 0, 0.5))
board.bus = FakeBus(answers={0x0202: words(b"\0\x01"), 0x0300: measured})
sensor = make("sps30", {}, board)
assert board.bus.written == [b"\x00\x10\x03\x00\xac"]
assert sensor.read() == {"pm2_5": 4.25, "pm10": 4.75}
board.bus.answers[0x0300] = measured[:7] + b"\x99" + measured[8:]
assert "checksum" in refused(sensor)
board.bus.answers[0x0202] = words(b"\0\0")
board.bus.answers[0x0300] = measured
assert sensor.read() == {}  # it measures once a second: there is no new value yet
sensor._measured = time.ticks_add(time.ticks_ms(), -5_001)
assert "not measured for 5 s" in refused(sensor)
board.bus.answers[0x0202] = words(b"\0\x01")
assert sensor.read()["pm10"] == 4.75
board.bus.answers[0x0202] = words(b"\0\0")
assert sensor.read() == {}

# Pulses: rain since the last reading, and a meter that goes on.
rain = make("pulses", {"pin": 4, "output": "rainfall", "scale": 0.2794, "total": True}, board)
counter = board.counter
meter = make("pulses", {"pin": 5, "output": "water_volume", "scale": 10}, board)
counter.count = 3
assert abs(rain.read()["rainfall"] - 0.8382) < 1e-6
assert rain.read() == {"rainfall": 0.0}
board.counter.count = 7
assert meter.read() == {"water_volume": 70} and isinstance(meter.read()["water_volume"], int)

assert abs(make("battery", {"pin": 34}, board).read()["battery_voltage"] - 3.912) < 1e-6

try:
    make("thermometer", {}, board)
    raise AssertionError("there is none")
except ValueError as error:
    assert "thermometer" in str(error) and "bme280" in str(error)

for module, name, _, fields in SENSORS.values():
    assert hasattr(__import__(module, None, None, (name,)), name)
    assert all(len(line.split()) > 1 for line in fields.split(";"))

# What both agents are held to: the bytes of a chip, and what is measured.
import json
import sys

for path in sys.argv[1:]:
    with open(path) as file:
        vector = json.load(file)
    if "i2c" in vector:
        board.bus = FakeBus(
            {int(register, 0): bytes.fromhex(data) for register, data in vector["i2c"].items()}
        )
    else:
        board.line = FakeLine(bytes.fromhex(vector["serial"]["repeats"]))
    sensor = make(vector["kind"], {"address": vector["options"].get("address", 0x76)}, board)
    for expected in vector["readings"]:
        values = sensor.read()
        for output, value in expected.items():
            assert abs(values[output] - value) <= vector.get("tolerance", 1e-6), (path, output, values)

"""Every sensor against what its hardware was recorded to say, or its data sheet says that it says."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import gpiod
import pytest
import smbus2

from bypuls.channels import UNIT_PATTERN
from edge.pi.errors import SensorError
from edge.pi.sensors.pulses import Pulses
from edge.pi.sensors.registry import KINDS, driver
from testbed.sensor_wires import FakeI2c, FakeLine, serial_device

GUIDE = (Path(__file__).parents[2] / "docs" / "edge.md").read_text(encoding="utf-8")
FOLDER = Path(__file__).parents[1] / "vectors" / "sensors"
VECTORS = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))]


@contextmanager
def wired(vector: dict[str, Any], folder: Path, patch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Connect what the vector describes, and give the options that lead to it."""
    for name, content in vector.get("files", {}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    options = {
        key: value.replace("{folder}", str(folder)) if isinstance(value, str) else value
        for key, value in vector["options"].items()
    }
    if "i2c" in vector:
        registers = {int(key, 16): bytes.fromhex(content) for key, content in vector["i2c"].items()}
        patch.setattr(FakeI2c, "registers", registers, raising=False)
        patch.setattr(smbus2, "SMBus", FakeI2c)
    if "gpio" in vector:
        patch.setattr(gpiod, "request_lines", lambda *_, **__: FakeLine(vector["gpio"]))
    if "serial" not in vector:
        yield options
        return
    wire = vector["serial"]
    exchange = [(bytes.fromhex(asked), bytes.fromhex(reply)) for asked, reply in wire.get("exchange", [])]
    with serial_device(bytes.fromhex(wire.get("repeats", "")), exchange) as port:
        yield options | {"port": port}


def check_vector(vector: dict[str, Any], folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Fail unless the sensor reads what its vector says."""
    kind = driver(vector["kind"])
    with wired(vector, folder, patch) as given:
        options = kind.options.model_validate(given)
        units = kind.outputs(options)
        sensor = kind.open(options)
        try:
            for expected in vector["readings"]:
                found = dict(sensor.read())
                assert found == pytest.approx(expected, abs=vector.get("tolerance", 1e-9))
                assert found.keys() <= units.keys()
        finally:
            sensor.close()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['kind']}: {vector['name']}")
def test_a_sensor_reads_what_its_vector_says(
    vector: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_vector(vector, tmp_path, monkeypatch)


def test_the_sensor_that_the_guide_adds_works_as_it_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = GUIDE.partition("### Adding a sensor\n")[2]
    module, vector = (
        section.partition(f"```{language}\n")[2].partition("```")[0] for language in ("python", "json")
    )
    (tmp_path / "ds18b20.py").write_text(module)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(KINDS, "ds18b20", "ds18b20")  # the one line
    assert '`"ds18b20": "edge.pi.sensors.ds18b20",`' in section
    check_vector(json.loads(vector), tmp_path, monkeypatch)


def test_every_kind_has_a_vector_and_a_row_in_the_guide() -> None:
    rows = re.findall(
        r"^\| (`[^|]*`) \|", GUIDE.partition("## Sensors\n")[2].partition("###")[0], re.MULTILINE
    )
    assert {kind for row in rows for kind in re.findall(r"`(\w+)`", row)} == KINDS.keys()

    assert {vector["kind"] for vector in VECTORS} == KINDS.keys()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_option_of_every_kind_is_described(kind: str) -> None:
    found = driver(kind)
    assert found.summary
    for name, field in found.options.model_fields.items():
        assert field.description, name


def test_the_units_of_outputs_are_written_as_units_are() -> None:
    for vector in VECTORS:
        found = driver(vector["kind"])
        for unit in found.outputs(found.options.model_validate(vector["options"])).values():
            assert re.fullmatch(UNIT_PATTERN, unit)


# BME280


def bme280(monkeypatch: pytest.MonkeyPatch, **registers: str) -> Any:
    [vector] = [each for each in VECTORS if each["kind"] == "bme280"]
    content = {int(key, 16): bytes.fromhex(text) for key, text in vector["i2c"].items()}
    content |= {int(key, 16): bytes.fromhex(text) for key, text in registers.items()}
    monkeypatch.setattr(FakeI2c, "registers", content, raising=False)
    monkeypatch.setattr(smbus2, "SMBus", FakeI2c)
    found = driver("bme280")
    return found.open(found.options.model_validate({}))


def humidity_in_integers(temperature: int, humidity: int, h: tuple[int, ...]) -> float:
    """The formula of the data sheet in 32-bit integers, section 4.2.3; % of relative humidity."""
    t1, t2, t3 = 27504, 26435, -1000
    fine = (((temperature >> 3) - (t1 << 1)) * t2) >> 11
    fine += (((((temperature >> 4) - t1) ** 2) >> 12) * t3) >> 14
    h1, h2, h3, h4, h5, h6 = h
    x = fine - 76800
    y = (((x * h6) >> 10) * (((x * h3) >> 11) + 32768)) >> 10
    x = ((((humidity << 14) - (h4 << 20) - (h5 * x)) + 16384) >> 15) * (((y + 2097152) * h2 + 8192) >> 14)
    x -= ((((x >> 15) ** 2) >> 7) * h1) >> 4
    return (max(0, min(x, 419430400)) >> 12) / 1024


@pytest.mark.parametrize("h4", [-200, -1, 0, 319])
@pytest.mark.parametrize("h5", [-30, 0, 50, 1000])
@pytest.mark.parametrize("raw", [20_000, 28_437, 40_000])
def test_the_humidity_is_that_of_the_integer_formula_whatever_the_signs(
    monkeypatch: pytest.MonkeyPatch, h4: int, h5: int, raw: int
) -> None:
    shared = (h4 & 0x0F) | (h5 & 0x0F) << 4
    calibration = bytes([370 & 0xFF, 370 >> 8, 0, h4 >> 4 & 0xFF, shared, h5 >> 4 & 0xFF, 30])
    data = bytes.fromhex("655ac07eed00") + raw.to_bytes(2, "big")
    sensor = bme280(monkeypatch, **{"0xe1": calibration.hex(), "0xf7": data.hex()})
    expected = humidity_in_integers(519_888, raw, (75, 370, 0, h4, h5, 30))
    assert sensor.read()["relative_humidity"] == pytest.approx(expected, abs=0.02)


def test_another_chip_at_the_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SensorError, match=r"at 0x76 is no BME280: chip id 0x58, not 0x60"):
        bme280(monkeypatch, **{"0xd0": "58"})


def test_a_measurement_that_was_skipped_is_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SensorError, match="skipped"):
        bme280(monkeypatch, **{"0xf7": "80 00 00 80 00 00 80 00"}).read()


def test_a_bus_that_is_not_there_is_told_with_what_to_do() -> None:
    found = driver("bme280")
    with pytest.raises(
        SensorError, match=r"nothing answers at 0x77 on I2C bus 99 .* is it wired.*i2cdetect -y 99"
    ):
        found.open(found.options.model_validate({"bus": 99, "address": 0x77}))


# Serial sensors


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("ff ff aa aa c0 d4 04 3a 0a a1 60 1d ab", 123.6),
        ("aa c0 d4 04 3a 0a a1 60 1e ab aa c0 0a 00 14 00 a1 60 1f ab", 1.0),
        ("aa c0 aa c0 0a 00 14 00 a1 60 1f ab", 1.0),
    ],
    ids=["rubbish before it", "a wrong checksum", "a frame cut short"],
)
def test_an_sds011_is_read_through_disturbances(stream: str, expected: float) -> None:
    found = driver("sds011")
    with serial_device(bytes.fromhex(stream)) as port:
        sensor = found.open(found.options.model_validate({"port": port}))
        assert sensor.read()["pm2_5"] == expected
        sensor.close()


def test_something_else_than_an_sds011_is_told() -> None:
    found = driver("sds011")
    with serial_device(b"$GPGGA,172814.0") as port:
        sensor = found.open(found.options.model_validate({"port": port}))
        with pytest.raises(SensorError, match=r"sends no frame: .* is that an SDS011"):
            sensor.read()
        sensor.close()


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("7e 00 00 43 00 bc 7e", None),
        ("7e 00 00 04 00 fb 7e", "refuses command 0x00: illegal parameter"),
        ("7e 00 00 00 00 fe 7e", "damaged frame"),
        ("7e 00 03 00 00 fc 7e", "is that an SPS30"),
    ],
)
def test_an_sps30_that_answers_otherwise_is_understood(reply: str, message: str | None) -> None:
    found = driver("sps30")
    exchange = [(bytes.fromhex("7e 00 00 02 01 03 f9 7e"), bytes.fromhex(reply))]
    with serial_device(exchange=exchange) as port:
        options = found.options.model_validate({"port": port})
        if message is None:
            found.open(options).close()  # it measures already
        else:
            with pytest.raises(SensorError, match=message):
                found.open(options)


@pytest.mark.parametrize("kind", ["sds011", "sps30"])
def test_a_port_that_is_not_there_is_told_with_what_to_do(kind: str) -> None:
    found = driver(kind)
    with pytest.raises(SensorError, match=r"/dev/nowhere can't be opened: .*group dialout"):
        found.open(found.options.model_validate({"port": "/dev/nowhere"}))


# The others


def test_a_meter_counts_on_and_a_total_tells_what_is_new() -> None:
    meter = Pulses(FakeLine([2, 3, 0]), "water_volume", 0.5)  # type: ignore[arg-type]  # a fake
    assert [meter.read()["water_volume"] for _ in range(3)] == [1.0, 2.5, 2.5]
    rain = Pulses(FakeLine([2, 3, 0]), "rainfall", 0.5)  # type: ignore[arg-type]  # a fake
    assert [rain.read()["rainfall"] for _ in range(3)] == [1.0, 1.5, 0.0]


def test_a_gpio_chip_that_is_not_there_is_told_with_what_to_do() -> None:
    found = driver("pulses")
    options = found.options.model_validate({"line": 4, "chip": "/dev/gpiochip99", "per_pulse": 1})
    with pytest.raises(SensorError, match=r"line 4 of /dev/gpiochip99 can't be had: .*group gpio"):
        found.open(options)


@pytest.mark.parametrize(
    ("command", "outputs", "message"),
    [
        (["false"], ["no2"], r"false ended with status 1"),
        (["/nowhere/tool"], ["no2"], r"there is no program /nowhere/tool"),
        (["echo", "warm"], ["no2"], r"printed 'warm' in place of a number"),
        (["echo", "1"], ["no2", "pm10"], None),
        (["echo", '{"no2": "x"}'], ["no2", "pm10"], r"in place of a JSON object of numbers"),
        (["sleep", "5"], ["no2"], r"sleep took more than 0\.1 s"),
    ],
)
def test_a_program_that_does_not_do_is_told(
    command: list[str], outputs: list[str], message: str | None
) -> None:
    found = driver("command")
    options = found.options.model_validate({"command": command, "outputs": outputs, "timeout": 0.1})
    sensor = found.open(options)
    if message is None:
        assert dict(sensor.read()) == {"no2": 1.0}
    else:
        with pytest.raises(SensorError, match=message):
            sensor.read()


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_program_that_prints_without_end_is_ended_with_all_that_it_started(
    stream: str, tmp_path: Path
) -> None:
    script = f"sleep 60 & echo $! > {tmp_path}/started; yes >&{stream}"
    found = driver("command")
    sensor = found.open(
        found.options.model_validate({"command": ["sh", "-c", script], "outputs": ["no2"], "timeout": 30})
    )
    with pytest.raises(SensorError, match="sh printed more than 65536 bytes"):
        sensor.read()
    started = Path("/proc") / (tmp_path / "started").read_text().strip()
    deadline = time.monotonic() + 5
    with suppress(FileNotFoundError, ProcessLookupError):  # gone, or dead and not yet buried
        while "\nState:\tZ" not in (started / "status").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_battery_that_tells_nothing_is_none(tmp_path: Path) -> None:
    found = driver("battery")
    with pytest.raises(SensorError, match="holds neither voltage_now nor capacity"):
        found.open(found.options.model_validate({"folder": str(tmp_path)}))


def test_a_ramp_goes_on_where_its_journal_ends(tmp_path: Path) -> None:
    found = driver("simulated")
    options = found.options.model_validate({"shape": "ramp", "journal": str(tmp_path / "journal")})
    for first in (0, 3):
        sensor = found.open(options)
        assert [sensor.read()["air_temperature"] for _ in range(3)] == [first, first + 1, first + 2]
        sensor.close()
    lines = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]
    assert [line["n"] for line in lines] == list(range(6))
    assert all(line["values"] == {"air_temperature": float(line["n"])} for line in lines)

"""The settings of a node with the MicroPython agent: mistakes in them are told, each and all."""

import json
import os
from pathlib import Path
from typing import Any

from testbed.heard import settings
from testbed.micropython import MicroNode, run_micropython

RIGHT: dict[str, Any] = {
    "node": "air-01",
    "broker": {"host": "localhost"},
    "sensors": {
        "dust": {"driver": "sds011", "uart": {"id": 1}},
        "rain": {"driver": "pulses", "pin": 4, "output": "rainfall", "total": True},
        "vane": {"driver": "simulated", "outputs": ["wind_direction"]},
    },
    "channels": {
        "pm10": {"sensor": "dust"},
        "rainfall": {"sensor": "rain", "unit": "cm"},
        "wind_direction": {"sensor": "vane", "statistics": ["mean", "n"]},
    },
}

MISTAKES: list[tuple[str, Any, str]] = [
    ("node", "Air_01", 'node: "Air_01" must be 1 to 63 of a-z, 0-9 and -, not beginning with -'),
    ("node", 7, "node: 7 must be a text of 1 to 63 characters"),
    ("node", None, "node: null must be a text of 1 to 63 characters"),
    ("reprot", 5, "reprot: there is no such field, but node, broker, wifi, report,"),
    ("report", "5", 'report: "5" must be seconds, 0.001 to 86400, or 0'),
    ("watchdog", 5, "watchdog: 5 must be a whole number, 10 to 3600"),
    ("broker", ["localhost"], "broker: it must be an object, {…}"),
    ("broker>host", ..., "broker.host: is missing; it must be a text of 1 to 255 characters"),
    ("broker>port", "abc", 'broker.port: "abc" must be a whole number, 1 to 65535'),
    ("broker>port", 70_000, "broker.port: 70000 must be a whole number, 1 to 65535"),
    ("broker>keepalive", "30", 'broker.keepalive: "30" must be a whole number, 2 to 65535'),
    ("broker>keepalive", True, "broker.keepalive: true must be a whole number, 2 to 65535"),
    ("broker>tls", True, "broker.tls: true must be a text of 1 to 255 characters"),
    ("broker>password", 1234, "broker.password: it must be a text of 1 to 255 characters"),
    ("broker>hots", "x", "broker.hots: there is no such field, but host, port, username,"),
    ("wifi", {"password": "secret"}, "wifi.ssid: is missing; it must be a text of 1 to 32 characters"),
    ("store", {"packs": 65}, "store.packs: 65 must be a whole number, 1 to 64"),
    ("store", {"bytes": 1024}, "store.bytes: 1024 must be no less than store.pack_bytes, 2048"),
    ("store", {"folder": ""}, 'store.folder: "" must be a text of 1 to 64 characters'),
    ("sensors", {}, "sensors: is empty; without a sensor nothing is measured"),
    ("sensors>dust", 5, "sensors.dust: must be an object, {…}"),
    ("sensors>dust>driver", ..., 'sensors.dust.driver: "dust" must be one of battery, bme280,'),
    ("sensors>dust>every", 0, "sensors.dust.every: 0 must be seconds, 0.001 to 86400"),
    ("sensors>dust>every", 1e999, "sensors.dust.every: inf must be seconds, 0.001 to 86400"),
    ("sensors>dust>pin", 4, "sensors.dust.pin: there is no such field, but driver, every, uart"),
    ("sensors>dust>uart>baud", 9600, "sensors.dust.uart.baud: there is no such field, but id, tx, rx"),
    ("sensors>dust>uart>id", "1", 'sensors.dust.uart.id: "1" must be a whole number, 0 to 2'),
    ("sensors>rain>pin", ..., "sensors.rain.pin: is missing; it must be a whole number, 0 to 48"),
    ("sensors>rain>pin", "D4", 'sensors.rain.pin: "D4" must be a whole number, 0 to 48'),
    ("sensors>rain>total", "yes", 'sensors.rain.total: "yes" must be true or false'),
    ("sensors>vane>outputs", [], "sensors.vane.outputs: [] must be a list of texts that are not empty"),
    ("sensors>vane>shape", "saw", 'sensors.vane.shape: "saw" must be one of wave, count'),
    ("sensors>spare", {"driver": "bme280"}, "sensors.spare: no channel takes what it measures"),
    ("channels", {}, "channels: is empty; without a channel nothing is sent"),
    ("channels>pm10.n", {"sensor": "dust"}, "channels.pm10.n: a dot would name a statistic; list it in"),
    ("channels>pm 10", {"sensor": "dust"}, 'channels: "pm 10" must be a letter or digit, then also'),
    ("channels>pm10>sensor", "dast", 'channels.pm10.sensor: "dast" must be one of dust, rain, vane'),
    ("channels>pm10>output", "pm_10", 'channels.pm10.output: "pm_10" must be one of pm2_5, pm10'),
    ("channels>no2", {"sensor": "dust"}, 'channels.no2.output: "no2" must be one of pm2_5, pm10'),
    ("channels>pm10>quantity", "pm_10", 'channels.pm10.quantity: "pm_10" must be one of no2, pm10'),
    ("channels>pm10>window", 0.0001, "channels.pm10.window: 0.0001 must be seconds, 0.001 to 86400, or 0"),
    ("channels>pm10>window", -1, "channels.pm10.window: -1 must be seconds, 0.001 to 86400, or 0"),
    ("channels>pm10>statistics", ["median"], 'channels.pm10.statistics: ["median"] must be a list'),
    ("channels>pm10>statistics", "mean", 'channels.pm10.statistics: "mean" must be a list of'),
    ("channels>wind_direction>statistics", ["max"], 'channels.wind_direction.statistics: ["max"] must'),
    ("channels>pm10", {"sensor": "dust", "window": 0, "statistics": ["mean", "n"]},
     'channels.pm10.statistics: ["mean", "n"] must be ["mean"]: with window 0 every sample is sent'),
    ("channels>rainfall>unit", "Cel", 'channels.rainfall.unit: "Cel" must be one of mm, cm, m, km'),
    ("channels>rainfall>unti", "cm", "channels.rainfall.unti: there is no such field, but sensor, quantity,"),
]  # fmt: skip
"""A field of the settings (> between levels), what it is set to (...: it is left out), and what is told."""

LOAD = """
import sys
from node.settings import load
for number in range(int(sys.argv[1])):
    try:
        load("%d.json" % number)
        print("accepted")
    except ValueError as error:
        print(str(error).replace("\\n", " | "))
"""


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the right settings with one mistake."""
    whole: dict[str, Any] = json.loads(json.dumps(RIGHT))
    *above, last = path.split(">")
    table = whole
    for key in above:
        table = table[key]
    if value is ...:
        del table[last]
    else:
        table[last] = value
    return whole


def test_each_mistake_in_the_settings_is_told_with_its_key_its_value_and_what_is_allowed(
    tmp_path: Path,
) -> None:
    cases = [RIGHT, *(changed(path, value) for path, value, _ in MISTAKES)]
    for number, case in enumerate(cases):
        (tmp_path / f"{number}.json").write_text(json.dumps(case).replace("Infinity", "1e999"))
    accepted, *told = run_micropython(LOAD, str(len(cases)), folder=tmp_path).splitlines()
    assert accepted == "accepted"
    for number, ((path, value, sentence), line) in enumerate(zip(MISTAKES, told, strict=True), 1):
        assert line.startswith(f"{number}.json: | {sentence}"), (path, value, line)
        assert "secret" not in line


def test_half_a_file_of_settings_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    text = json.dumps(RIGHT | {"report": 30, "store": {"folder": 'a"b\\c}'}})
    for number in range(len(text)):
        (tmp_path / f"{number}.json").write_text(text[:number])
    told = run_micropython(LOAD, str(len(text)), folder=tmp_path).splitlines()
    assert [line for line in told if "is no JSON" not in line] == []
    for number, strange in enumerate(("[]", "5", '{"node" "a"}')):
        (tmp_path / f"{number}.json").write_text(strange)
    assert "accepted" not in run_micropython(LOAD, "3", folder=tmp_path)


def test_a_node_with_mistakes_in_its_settings_ends_and_tells_all_of_them(tmp_path: Path, name: str) -> None:
    wrong = settings(name, channels={"no2": {"sensor": "sims"}, "no3.n": {"sensor": "sim"}}, watchdog=1)
    sentences = (
        "watchdog: 1 must be a whole number, 10 to 3600",
        'channels.no2.sensor: "sims" must be one of sim',
        "channels.no3.n: a dot would name a statistic",
    )
    with MicroNode(wrong, 1, tmp_path) as node:
        node.start()
        node.process.wait(10)
        assert [each for each in sentences if each not in node.process.log.read_text()] == []
        fault = tmp_path / "fault.txt"
        assert [each for each in sentences if each not in fault.read_text()] == []
        os.utime(fault, (1, 1))
        node.start()
        node.process.wait(10)
        assert (
            fault.stat().st_mtime == 1
        )  # the same fault is not written again and again: that wears the flash
        fault.unlink()
        fault.mkdir()  # it can't be written at all, as on a full flash
        node.start()
        node.process.wait(10)
        assert node.process.log.read_text().count(sentences[0]) == 3

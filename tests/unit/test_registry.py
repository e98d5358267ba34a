"""Registry files: what is read from them, and what is said of mistakes in them."""

import re
from pathlib import Path

import pytest

from bypuls.errors import BypulsError
from bypuls.registry import RegisteredStream, read

GOOD = """
[[node]]
node = "air-01"
owner = "Lillestrøm kommune"
place = "Lillestrøm station"
latitude = 59.953
longitude = 11

[[node.stream]]
channel = "no2"
expected_interval = 60
open_data = true

[[node.stream]]
channel = "inlet/water_level.n"

[[node.stream]]
channel = "t1"
quantity = "air_temperature"

[[node.stream]]
channel = "glow"
unit = "lx"

[[node]]
node = "air-02"
"""

MISTAKES = {
    "latitude above 90": ("latitude = 91\nlongitude = 11", "node 1 (air-01), latitude = 91", "equal to 90"),
    "latitude alone": ("latitude = 59.9", "node 1 (air-01)", "longitude"),
    "not a number": (
        "latitude = nan\nlongitude = 11",
        "node 1 (air-01), latitude = nan",
        "finite",
    ),
    "a text for a number": ('latitude = "59"\nlongitude = 11', "latitude = '59'", "number"),
    "unknown key": ('colour = "red"', "node 1 (air-01), colour = 'red'", "not permitted"),
    "control character": ('owner = "a\\u0000b"', "node 1 (air-01), owner = 'a\\x00b'", "pattern"),
    "interval of zero": (
        '[[node.stream]]\nchannel = "no2"\nexpected_interval = 0',
        "node 1 (air-01), stream 1 (no2), expected_interval = 0",
        "greater than 0",
    ),
    "open_data as a text": (
        '[[node.stream]]\nchannel = "no2"\nopen_data = "yes"',
        "stream 1 (no2), open_data = 'yes'",
        "boolean",
    ),
    "unknown quantity": (
        '[[node.stream]]\nchannel = "t1"\nquantity = "warmth"',
        "stream 1 (t1)",
        "quantity 'warmth' is not in the catalogue: no2,",
    ),
    "no quantity and no unit": ('[[node.stream]]\nchannel = "glow"', "stream 1 (glow)", "or unit"),
    "another unit than the catalogue's": (
        '[[node.stream]]\nchannel = "no2"\nunit = "mg/m3"',
        "stream 1 (no2)",
        "kept in 'ug/m3'",
    ),
    "a channel twice": (
        '[[node.stream]]\nchannel = "no2"\n[[node.stream]]\nchannel = "no2"',
        "node 1 (air-01)",
        "no2 stands there again",
    ),
    "a channel with a wildcard": (
        '[[node.stream]]\nchannel = "no2/#"',
        "node 1 (air-01), stream 1 (no2/#), channel = 'no2/#'",
        "pattern",
    ),
    "no channel": ('[[node.stream]]\nquantity = "no2"', "node 1 (air-01), stream 1, channel", "required"),
    "a node twice": ('[[node]]\nnode = "air-01"', "air-01 stands there again", "node"),
    "a node name with capitals": ('[[node]]\nnode = "Air-02"', "node 2 (Air-02), node = 'Air-02'", "pattern"),
    "not TOML": ("latitude 59", "not valid TOML", "line 4"),
}


def test_a_file_is_read_with_quantities_and_units_from_channel_names_and_catalogue(tmp_path: Path) -> None:
    nodes = read(_file(tmp_path, GOOD))
    assert [(node.node, node.owner, node.latitude, node.longitude) for node in nodes] == [
        ("air-01", "Lillestrøm kommune", 59.953, 11.0),
        ("air-02", None, None, None),
    ]
    assert [(s.channel, s.meaning.key, s.meaning.statistic, s.stored_unit) for s in nodes[0].stream] == [
        ("no2", "no2", "", "ug/m3"),
        ("inlet/water_level.n", "water_level", "n", "1"),
        ("t1", "air_temperature", "", "Cel"),
        ("glow", None, "", "lx"),
    ]
    assert [(s.expected_interval, s.open_data) for s in nodes[0].stream[:2]] == [(60.0, True), (None, False)]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_place_its_value_and_the_limit(tmp_path: Path, mistake: str) -> None:
    text, place, limit = MISTAKES[mistake]
    path = _file(tmp_path, f'[[node]]\nnode = "air-01"\n\n{text}\n')
    with pytest.raises(BypulsError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert place in str(caught.value)
    assert limit in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = _file(tmp_path, '[[node]]\nnode = "A"\n[[node]]\nnode = "B"\nlatitude = 100\nlongitude = 200\n')
    with pytest.raises(BypulsError) as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "names no node"),
        (b"[node]\nnode = 'a'\n", "valid list"),
        (b"node = []", "at least 1"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
    ],
    ids=["empty", "a table for a list", "no entry", "not UTF-8"],
)
def test_a_file_that_is_no_registry_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "nodes.toml"
    path.write_bytes(content)
    with pytest.raises(BypulsError, match=complaint):
        read(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BypulsError, match="No such file"):
        read(tmp_path / "nodes.toml")


def _file(folder: Path, text: str) -> Path:
    path = folder / "nodes.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_only_a_meter_rolls_over() -> None:
    assert RegisteredStream(channel="energy", modulus=1e5).modulus == 1e5
    with pytest.raises(ValueError, match=r"modulus 100000: only meters roll over \(water_volume, energy\)"):
        RegisteredStream(channel="no2", modulus=1e5)
    with pytest.raises(ValueError, match="greater than 0"):
        RegisteredStream(channel="energy", modulus=0.0)


def test_thresholds_rise_from_yellow_to_red_and_some_may_be_missing() -> None:
    some = RegisteredStream.model_validate(
        {"channel": "water_level", "thresholds": {"yellow": 3, "red": 5.0}}
    )
    assert some.thresholds.given == {"yellow": 3.0, "red": 5.0}
    assert RegisteredStream(channel="water_level").thresholds.given == {}


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        ("yellow = 4.1, orange = 4.1", "orange = 4.1 m isn't above yellow = 4.1 m; they must rise"),
        ("yellow = 4.1, red = 4", "red = 4 m isn't above yellow = 4.1 m"),
        ("red = 410", "red = 410 m is outside what water_level can be, -5 to 30 m; is it in another unit?"),
        ("purple = 4.1", "thresholds, purple = 4.1"),
        ("yellow = nan", "thresholds, yellow = nan"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused_with_value_and_unit(
    tmp_path: Path, levels: str, told: str
) -> None:
    stream = f'[[node.stream]]\nchannel = "water_level"\nthresholds = {{ {levels} }}'
    text = f'[[node]]\nnode = "river-01"\n{stream}'
    with pytest.raises(BypulsError, match=re.escape(told)) as error:
        read(_file(tmp_path, text))
    assert "node 1 (river-01), stream 1 (water_level)" in str(error.value)

"""Recordings are read exactly, and a file that is none is refused with its line."""

import csv
import gzip
import struct
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bypuls.channels import of_channel
from simulators import recording
from simulators.recording import SHIPPED, RecordingError


def write(folder: Path, text: str, name: str = "node-1.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_values_are_read_to_the_last_bit_and_blanks_are_missing(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "time,pm2_5,inlet/water_level\n"
        "2021-01-01T00:00:00Z,21.39999999,-0.0\n"
        "2021-01-01T01:00:00.000001+01:00,,5e-324\n"
        "2021-01-01T00:00:01Z,0.1,\n",
    )
    read = recording.read(path)
    assert read.node == "node-1"
    assert (read.time - read.time[0]).tolist() == [0, 1, 1_000_000]
    assert read.time[0] == datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1_000_000
    assert struct.pack("<2d", *read.channels["pm2_5"][[0, 2]]) == struct.pack("<2d", 21.39999999, 0.1)
    assert struct.pack("<2d", *read.channels["inlet/water_level"][:2]) == struct.pack("<2d", -0.0, 5e-324)
    assert np.isnan(read.channels["pm2_5"]).tolist() == [False, True, False]
    assert np.isnan(read.channels["inlet/water_level"]).tolist() == [False, False, True]


def test_the_same_rows_gzipped_are_read_alike(tmp_path: Path) -> None:
    text = "time,pm2_5\n2021-01-01T00:00:00Z,1.5\n"
    plain = recording.read(write(tmp_path, text))
    (tmp_path / "node-1.csv.gz").write_bytes(gzip.compress(text.encode()))
    packed = recording.read(tmp_path / "node-1.csv.gz")
    assert (packed.node, packed.time.tolist()) == (plain.node, plain.time.tolist())
    assert packed.channels["pm2_5"].tolist() == plain.channels["pm2_5"].tolist()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: the header"),
        ("time\n", "line 1: the header"),
        ("date,pm2_5\n", "line 1: the header"),
        ("time,pm2_5,pm2_5\n", "line 1: the header"),
        ("time,wingspan\n", "line 1: the channel 'wingspan' names no quantity"),
        ("time,pm2_5\n", "no rows"),
        ("time,pm2_5\n2021-01-01T00:00:00Z\n", "line 2: 1 columns"),
        (
            "time,pm2_5\n2021-01-01T00:00:00Z,1\n2021-01-01T00:00:00Z,1\n",
            "line 3: the time 2021-01-01T00:00:00Z is not",
        ),
        ("time,pm2_5\n2021-01-01T00:00:00,1\n", "line 2: the time .* it has no offset from UTC"),
        ("time,pm2_5\nyesterday,1\n", "line 2: the time 'yesterday'"),
        ("time,pm2_5\n2021-01-01T00:00:00Z,nan\n", "line 2: the value 'nan'"),
        ("time,pm2_5\n2021-01-01T00:00:00Z,1e999\n", "line 2: the value '1e999'"),
        ("time,pm2_5\n2021-01-01T00:00:00Z,much\n", "line 2: the value 'much'"),
        (f"time,pm2_5\n2021-01-01T00:00:00Z,{'9' * 200_000}\n", "can't be read as CSV"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(RecordingError, match=told):
        recording.read(write(tmp_path, text))


def test_a_file_not_called_after_a_node_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="'Valand 2021' can't be one"):
        recording.read(write(tmp_path, "time,pm2_5\n2021-01-01T00:00:00Z,1\n", "Valand 2021.csv"))


def test_a_damaged_or_missing_file_is_refused(tmp_path: Path) -> None:
    whole = (SHIPPED / "valand.csv.gz").read_bytes()
    (tmp_path / "cut.csv.gz").write_bytes(whole[:-100])
    (tmp_path / "flipped.csv.gz").write_bytes(whole[:5000] + bytes([whole[5000] ^ 0xFF]) + whole[5001:])
    (tmp_path / "latin.csv").write_bytes("time,pm2_5 µ\n".encode("latin-1"))
    for name in ("cut.csv.gz", "flipped.csv.gz", "latin.csv", "missing.csv"):
        with pytest.raises(RecordingError, match=f"{name}: the recording can't be read"):
            recording.read(tmp_path / name)


def test_every_shipped_value_is_the_float_nearest_to_its_digits() -> None:
    for path in recording.shipped():
        read = recording.read(path)
        with gzip.open(path, "rt", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(read) == len(rows)
        assert read.time.tolist() == [
            int(datetime.fromisoformat(row["time"]).timestamp()) * 1_000_000 for row in rows
        ]
        for channel, column in read.channels.items():
            texts = [row[channel] for row in rows]
            assert np.isnan(column).tolist() == [text == "" for text in texts]
            kept = [(value, float(text)) for value, text in zip(column.tolist(), texts, strict=True) if text]
            assert all(struct.pack("d", value) == struct.pack("d", exact) for value, exact in kept)


def test_the_shipped_recordings_hold_what_their_readme_says() -> None:
    table = {}
    for line in (SHIPPED / "README.md").read_text().splitlines():
        if line.startswith("| `"):
            node, _, *numbers, first, last = [cell.strip(" `") for cell in line.strip("|").split("|")]
            table[node] = ([int(number.replace(",", "")) for number in numbers], first, last)
    found = {}
    for path in recording.shipped():
        read = recording.read(path)
        missing = sum(int(np.isnan(column).sum()) for column in read.channels.values())
        values = len(read) * len(read.channels) - missing
        first, last = (
            datetime.fromtimestamp(time / 1e6, UTC).strftime("%Y-%m-%dT%H:%MZ")
            for time in read.time[[0, -1]].tolist()
        )
        found[read.node] = ([len(read), values, missing], first, last)
    assert found == table


def test_the_air_stations_have_every_hour_of_the_norwegian_year_2021() -> None:
    for node in ("klosterhaugen", "knarrdalstranda", "nedre-langgate", "nygaardsgata", "valand"):
        time = recording.read(SHIPPED / f"{node}.csv.gz").time
        assert len(time) == 365 * 24
        assert set(np.diff(time).tolist()) == {3_600_000_000}


def test_the_floods_are_in_the_recordings() -> None:
    gausa = recording.read(SHIPPED / "gausa-aulestad.csv.gz")
    flood = int(np.nanargmax(gausa.channels["discharge"]))
    assert gausa.channels["discharge"][flood] == 934.095825
    assert datetime.fromtimestamp(gausa.time[flood] / 1e6, UTC) == datetime(2013, 5, 22, 20, tzinfo=UTC)
    glomma = recording.read(SHIPPED / "glomma-2-17.csv.gz")
    assert np.nanmax(glomma.channels["discharge"]) > 4 * np.nanmedian(glomma.channels["discharge"])


def test_the_shipped_files_are_small_and_can_be_made_again_byte_for_byte() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 1_000_000
    for path in recording.shipped():
        assert path.read_bytes()[4:8] == bytes(4)  # gzip's own time stamp


def test_the_registry_names_exactly_the_shipped_nodes_and_channels() -> None:
    registry = tomllib.loads((SHIPPED / "nodes.toml").read_text())["node"]
    registered = {node["node"]: {stream["channel"] for stream in node["stream"]} for node in registry}
    assert registered == {read.node: set(read.channels) for read in map(recording.read, recording.shipped())}
    assert all(of_channel(channel).quantity for channels in registered.values() for channel in channels)

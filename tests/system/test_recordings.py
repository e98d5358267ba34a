"""The shipped recordings through the whole chain: every value of the files, once, to the last bit."""

import csv
import gzip
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from bypuls.embedded.postgres import EmbeddedPostgres
from bypuls.store.migrate import migrate
from testbed import Api, Databases, Ingest, Mosquitto

RECORDINGS = Path(__file__).parents[2] / "simulators" / "recordings"


@pytest.fixture(params=["timescale", "embedded"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database on TimescaleDB, and one on the embedded PostgreSQL."""
    if request.param == "timescale":
        databases: Databases = request.getfixturevalue("databases")
        with databases.migrated() as url:
            yield url
    else:
        (tmp_path / "log").mkdir()
        server = EmbeddedPostgres(tmp_path)
        server.start()
        try:
            migrate(server.url())
            yield server.url()
        finally:
            server.stop()


def values_of(file: Path) -> dict[str, dict[str, float]]:
    """Read a recording the plain way: channel, then time, to the value; blanks left out."""
    rows = csv.DictReader(io.StringIO(gzip.decompress(file.read_bytes()).decode()))
    channels: dict[str, dict[str, float]] = {name: {} for name in rows.fieldnames or [] if name != "time"}
    for row in rows:
        for name, values in channels.items():
            if row[name]:
                values[row["time"]] = float(row[name])
    return channels


def values_from(api: Api, stream: str) -> list[tuple[str, float]]:
    """Fetch a whole stream as CSV; times in the form of the files."""
    span = "start=2000-01-01T00:00:00Z&end=2030-01-01T00:00:00Z"
    body = api.get(f"/api/v1/readings?stream={quote(stream)}&{span}&format=csv")
    rows = csv.DictReader(io.StringIO(body.decode()))
    return [(row["time"].replace(".000000Z", "Z"), float(row["value"])) for row in rows]


def replay(port: int, state: Path) -> str:
    command = [sys.executable, "-m", "bypuls", "replay", "--state", str(state)]
    environment = os.environ | {"BYPULS_MQTT_PORT": str(port)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def count(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608
        assert row is not None
        return int(row[0])


def test_replayed_recordings_come_out_as_they_went_in(
    store: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    files = {file.name.removesuffix(".csv.gz"): values_of(file) for file in RECORDINGS.glob("*.csv.gz")}
    total = sum(len(values) for channels in files.values() for values in channels.values())
    assert total > 150_000
    with Ingest(store, mosquitto.port) as ingest, Api(store) as api:
        replay(mosquitto.port, tmp_path / "first")
        assert ingest.metric("readings") == total
        for node, channels in files.items():
            for channel, values in channels.items():
                fetched = values_from(api, f"{node}/{channel}")
                assert len(fetched) == len(values)
                assert dict(fetched) == values
        assert count(store, "reading") == total
        assert count(store, "stream") == sum(len(channels) for channels in files.values())
        assert count(store, "quarantine") == 0

        replay(mosquitto.port, tmp_path / "second")
        assert count(store, "reading") == total
        assert ingest.metric("repeats") >= total, "more where a pack was sent again"
        assert ingest.metric("conflicts") == 0

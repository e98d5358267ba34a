"""Series over HTTP in every format: the same table."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from testbed import Databases
from testbed.client import Client, served
from testbed.spring import RANGE, fill


@pytest.fixture(scope="module")
def api(databases: Databases) -> Iterator[Client]:
    with databases.migrated() as url:
        fill(url)
        with served(url) as api:
            yield api


PARAMETERS = {
    "stream": ["air-01/no2", "air-02/no2"],
    "every": "day",
    "agg": "mean,n",
    "fill": "previous",
    "spatial": "mean",
}


def listed(api: Client) -> dict[str, list[Any]]:
    found = api.json("series", **PARAMETERS, **RANGE)
    columns: dict[str, list[Any]] = {"time": found["time"]}
    size = len(found["time"])
    columns["partial"] = [place in found["partial"] for place in range(size)]
    for each in found["streams"]:
        for name, values in each["values"].items():
            columns[f"{each['stream']}:{name}"] = values
            if name in each["filled"]:
                filled = each["filled"][name]
                columns[f"{each['stream']}:{name}:filled"] = [place in filled for place in range(size)]
    for name, values in found["spatial"]["values"].items():
        columns[f"spatial:{name}"] = values
    assert any(columns["air-01/no2:mean:filled"])
    assert None in columns["spatial:mean"]
    return columns


def read_field(name: str, text: str) -> str | bool | float | None:
    if name == "time":
        return text
    if name == "partial" or name.endswith(":filled"):
        return {"true": True, "false": False}[text]
    return float(text) if text else None


def test_csv_has_a_column_for_each_stream_and_statistic(api: Client) -> None:
    answer = api.ask("series", format="csv", **PARAMETERS, **RANGE)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.count(b"\r\n") == answer.content.count(b"\n")
    header, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    expected = listed(api)
    assert header == list(expected)
    for name, column in zip(header, zip(*rows, strict=True), strict=True):
        assert [read_field(name, text) for text in column] == expected[name]


@pytest.mark.parametrize("written", ["arrow", "parquet"])
def test_arrow_and_parquet_carry_units_and_kinds(api: Client, written: str) -> None:
    answer = api.ask("series", format=written, **PARAMETERS, **RANGE)
    table = (
        pa.ipc.open_stream(answer.content).read_all()
        if written == "arrow"
        else pq.read_table(io.BytesIO(answer.content))
    )
    expected = listed(api)
    assert table.column_names == list(expected)
    assert [f"{time:%Y-%m-%dT%H:%M:%S.%fZ}" for time in table["time"].to_pylist()] == expected.pop("time")
    for name, values in expected.items():
        assert table[name].to_pylist() == values
    about = table.schema.field("air-01/no2:mean").metadata
    assert (about[b"unit"], about[b"kind"], about[b"source"]) == (b"ug/m3", b"linear", b"rollups")
    assert table.schema.metadata[b"every"] == b"day"
    assert (
        answer.headers["content-type"]
        == f"application/vnd.apache.{'arrow.stream' if written == 'arrow' else 'parquet'}"
    )

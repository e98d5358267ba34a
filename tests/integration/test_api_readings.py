"""Raw readings over HTTP: all of them, once, in order, to the last bit."""

import csv
import io
import json
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from time import time_ns
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from bypuls.readings import SECOND
from testbed import Databases
from testbed.client import Client, served
from testbed.filling import NEW_YEAR, put, register

SIZE = 250_000  # two whole pages of the store, and a half

generator = np.random.default_rng(11)
TIME = NEW_YEAR + np.cumsum(generator.integers(1, 20 * SECOND, SIZE))
# Any bit pattern of a finite float64: subnormals, -0.0, the largest.
BITS = generator.integers(0, 2**64, SIZE, dtype=np.uint64).view(np.float64)
VALUE = np.where(np.isfinite(BITS), BITS, -0.0)
FLAGS = generator.integers(0, 2, SIZE).astype(np.int16)
EVERYTHING = {"start": "2000-01-01T00:00:00Z", "end": "2050-01-01T00:00:00Z"}


def write(microseconds: int) -> str:
    return (
        f"{datetime.fromtimestamp(microseconds // SECOND, UTC):%Y-%m-%dT%H:%M:%S}.{microseconds % SECOND:06}Z"
    )


TEXT = [write(int(microseconds)) for microseconds in TIME]


@pytest.fixture(scope="module")
def api(databases: Databases) -> Iterator[Client]:
    with databases.migrated() as url:
        numbers = register(url, "air-01", "no2", "a/b:c", "empty", "now")
        put(url, numbers["no2"], TIME, VALUE, FLAGS)
        put(url, numbers["a/b:c"], [NEW_YEAR + n * SECOND for n in range(10)])
        now = time_ns() // 1_000
        put(url, numbers["now"], [now - age * SECOND for age in (25 * 3600, 23 * 3600, 1)])
        with served(url) as api:
            yield api


def bits(values: Any) -> bytes:
    return np.asarray(values, np.float64).tobytes()


def joined(parts: Iterable[list[Any]]) -> list[Any]:
    return list(chain.from_iterable(parts))


def rows(text: str) -> list[list[str]]:
    header, *found = csv.reader(io.StringIO(text))
    assert header == ["time", "value", "flags"]
    return found


def follow(api: Client, **parameters: Any) -> Iterator[httpx.Response]:
    """Give page after page by the Link header alone, as a client would."""
    answer = api.ask("readings", **parameters)
    while True:
        assert answer.status_code == 200, answer.text
        yield answer
        if "next" not in answer.links:
            return
        answer = api.get(answer.links["next"]["url"])


def test_a_whole_stream_comes_as_csv_once_in_order_and_to_the_last_bit(api: Client) -> None:
    answer = api.ask("readings", stream="air-01/no2", format="csv", **EVERYTHING)
    found = rows(answer.text)
    assert [row[0] for row in found] == TEXT
    assert bits([float(row[1]) for row in found]) == bits(VALUE)
    assert [int(row[2]) for row in found] == FLAGS.tolist()
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="air-01_no2.csv"' in answer.headers["content-disposition"]
    assert "link" not in answer.headers


def test_a_whole_stream_comes_as_ndjson_once_in_order_and_to_the_last_bit(api: Client) -> None:
    answer = api.ask("readings", stream="air-01/no2", format="ndjson", **EVERYTHING)
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["time"] for row in found] == TEXT
    assert bits([row["value"] for row in found]) == bits(VALUE)
    assert [row["flags"] for row in found] == FLAGS.tolist()
    assert answer.headers["content-type"] == "application/x-ndjson"


@pytest.mark.parametrize("limit", [None, 100_000])
def test_a_whole_stream_comes_as_arrow_once_in_order_and_to_the_last_bit(
    api: Client, limit: int | None
) -> None:
    parameters = EVERYTHING | ({"limit": limit} if limit else {})
    answers = list(follow(api, stream="air-01/no2", format="arrow", **parameters))
    tables = [pa.ipc.open_stream(answer.content).read_all() for answer in answers]
    assert len(tables) == (3 if limit else 1)
    table = pa.concat_tables(tables)
    assert table["time"].cast(pa.int64()).to_numpy().tolist() == TIME.tolist()
    assert bits(table["value"].to_numpy()) == bits(VALUE)
    assert table["flags"].to_pylist() == FLAGS.tolist()
    assert table.schema.field("value").metadata == {b"unit": b"ug/m3"}
    assert table.schema.metadata == {b"stream": b"air-01/no2", b"quantity": b"no2"}
    assert answers[0].headers["content-type"] == "application/vnd.apache.arrow.stream"


def test_a_stream_without_readings_is_an_empty_arrow_table(api: Client) -> None:
    answer = api.ask("readings", stream="air-01/empty", format="arrow")
    assert pa.ipc.open_stream(answer.content).read_all().num_rows == 0


@pytest.mark.parametrize("limit", [30_000, 62_500, 83_333, 100_000, None])
def test_json_pages_hold_every_reading_once_in_order(api: Client, limit: int | None) -> None:
    size = limit or 10_000
    parameters = {"limit": limit} if limit else {}
    pages = [page.json() for page in follow(api, stream="air-01/no2", **EVERYTHING, **parameters)]
    assert [len(page["time"]) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert 0 < len(pages[-1]["time"]) <= size
    assert joined(page["time"] for page in pages) == TEXT
    assert bits(joined(page["value"] for page in pages)) == bits(VALUE)
    assert joined(page["flags"] for page in pages) == FLAGS.tolist()
    assert pages[-1]["next"] is None
    for page in pages:
        assert (page["stream"], page["quantity"], page["unit"]) == ("air-01/no2", "no2", "ug/m3")
        assert (page["start"], page["end"]) == ("2000-01-01T00:00:00.000000Z", "2050-01-01T00:00:00.000000Z")


@pytest.mark.parametrize("written", ["json", "csv", "ndjson"])
@pytest.mark.parametrize("limit", range(1, 13))
def test_a_page_has_exactly_limit_rows_and_a_next_one_iff_there_are_more(
    api: Client, written: str, limit: int
) -> None:
    def times(answer: httpx.Response) -> list[str]:
        if written == "json":
            found: list[str] = answer.json()["time"]
            assert (answer.json()["next"] is not None) == ("next" in answer.links)
            return found
        if written == "csv":
            return [row[0] for row in rows(answer.text)]
        return [json.loads(line)["time"] for line in answer.text.splitlines()]

    parameters = {"stream": "air-01/a/b:c", "limit": limit, "format": written, **EVERYTHING}
    pages = [times(answer) for answer in follow(api, **parameters)]
    assert joined(pages) == [write(NEW_YEAR + n * SECOND) for n in range(10)]
    assert len(pages) == -(-10 // limit)
    assert all(len(page) == limit for page in pages[:-1])


@pytest.mark.parametrize("written", ["json", "csv"])
def test_start_belongs_to_the_range_and_end_does_not_to_the_microsecond(api: Client, written: str) -> None:
    def count(start: int, end: int) -> int:
        answer = api.ask("readings", stream="air-01/no2", start=write(start), end=write(end), format=written)
        return len(answer.json()["time"]) if written == "json" else len(rows(answer.text))

    first, second = int(TIME[1000]), int(TIME[1001])
    assert count(first, second) == 1
    assert count(first, second + 1) == 2
    assert count(first + 1, second + 1) == 1
    assert count(first + 1, second) == 0


def test_offsets_name_the_same_range(api: Client) -> None:
    here = api.json(
        "readings", stream="air-01/a/b:c", start="2026-01-01T00:00:03Z", end="2026-01-01T00:00:05Z"
    )
    there = api.json(
        "readings", stream="air-01/a/b:c", start="2026-01-01T01:00:03+01:00", end="2025-12-31T19:00:05-05:00"
    )
    assert here == there
    assert here["value"] == [3.0, 4.0]


def test_without_a_range_the_last_day_is_given(api: Client) -> None:
    assert len(api.json("readings", stream="air-01/now")["time"]) == 2
    assert len(rows(api.ask("readings", stream="air-01/now", format="csv").text)) == 2


def test_without_a_start_the_day_before_end_is_given(api: Client) -> None:
    found = api.json("readings", stream="air-01/a/b:c", end="2026-01-02T00:00:04Z")
    assert found["start"] == "2026-01-01T00:00:04.000000Z"
    assert found["value"] == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]


@pytest.mark.parametrize(("written", "body"), [("csv", "time,value,flags\n"), ("ndjson", ""), ("json", None)])
def test_a_stream_without_readings_is_an_empty_answer(api: Client, written: str, body: str | None) -> None:
    answer = api.ask("readings", stream="air-01/empty", format=written)
    assert answer.status_code == 200
    if body is None:
        found = answer.json()
        assert (found["time"], found["value"], found["flags"], found["next"]) == ([], [], [], None)
    else:
        assert answer.text == body


def test_the_largest_and_smallest_floats_survive_json(api: Client) -> None:
    found = api.json("readings", stream="air-01/no2", limit=100_000, **EVERYTHING)
    assert [struct.pack("<d", value) for value in found["value"]] == [
        struct.pack("<d", value) for value in VALUE[:100_000]
    ]


@pytest.mark.parametrize(
    ("stream", "complaint"),
    [
        ("air-99/no2", "no node 'air-99'"),
        ("air-01/no3", "no channel 'no3'"),
        ("AIR/no2", "no node 'AIR'"),
        ("'; DROP TABLE reading; --/x", "no node"),
    ],
)
@pytest.mark.parametrize("written", ["json", "csv", "ndjson"])
def test_an_unknown_stream_is_not_found_and_named(
    api: Client, stream: str, complaint: str, written: str
) -> None:
    answer = api.ask("readings", stream=stream, format=written)
    assert answer.status_code == 404
    assert complaint in answer.json()["detail"]


class TestCursor:
    """A cursor continues its own query, and no other."""

    @pytest.fixture
    def cursor(self, api: Client) -> str:
        found = api.json("readings", stream="air-01/a/b:c", limit=4, **EVERYTHING)
        cursor: str = found["next"]
        return cursor

    def test_it_needs_no_range_since_it_holds_it(self, api: Client, cursor: str) -> None:
        found = api.json("readings", stream="air-01/a/b:c", cursor=cursor)
        assert found["value"] == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
        assert found["start"] == "2000-01-01T00:00:00.000000Z"

    def test_it_goes_on_in_another_format(self, api: Client, cursor: str) -> None:
        answer = api.ask("readings", stream="air-01/a/b:c", cursor=cursor, format="csv")
        assert [row[1] for row in rows(answer.text)] == ["4.0", "5.0", "6.0", "7.0", "8.0", "9.0"]

    @pytest.mark.parametrize(
        ("parameters", "named"),
        [
            ({"stream": "air-01/no2"}, "cursor"),
            ({"start": "2000-01-01T00:00:01Z"}, "start"),
            ({"end": "2050-01-01T00:00:01Z"}, "end"),
        ],
    )
    def test_it_is_refused_by_another_query(
        self, api: Client, cursor: str, parameters: dict[str, str], named: str
    ) -> None:
        answer = api.ask("readings", **{"stream": "air-01/a/b:c", "cursor": cursor} | parameters)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == named

    def test_a_late_reading_behind_it_is_not_given_and_one_ahead_is(self, databases: Databases) -> None:
        with databases.migrated() as url:
            number = register(url, "n", "c")["c"]

            def add(*seconds: int) -> None:
                put(url, number, [NEW_YEAR + second * SECOND for second in seconds], seconds)

            add(10, 20, 30, 40)
            with served(url) as api:
                first = api.json("readings", stream="n/c", limit=2, **EVERYTHING)
                add(15, 25)
                second = api.json("readings", stream="n/c", limit=2, cursor=first["next"])
                third = api.json("readings", stream="n/c", limit=2, cursor=second["next"])
            assert [first["value"], second["value"], third["value"]] == [[10, 20], [25, 30], [40]]

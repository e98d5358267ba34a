"""Rows and columns of text against a slow twin that writes one reading after the other."""

import json
import struct
from datetime import UTC, datetime, timedelta

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from api import export
from bypuls.readings import FlagArray, FloatArray, TimeArray
from bypuls.store.readings import Points

# From 1970 on, through whole seconds, whose fraction is easily lost, to 2100.
TIMES = st.one_of(
    st.integers(0, 4_102_444_800_000_000),
    st.integers(0, 4_102_444_800).map(lambda second: second * 1_000_000),
)
VALUES = st.floats(allow_nan=False, allow_infinity=False)
FLAGS = st.integers(-(2**15), 2**15 - 1)


@st.composite
def points(draw: st.DrawFn) -> Points:
    size = draw(st.integers(0, 40))
    time: TimeArray = draw(arrays(np.int64, size, elements=TIMES))
    value: FloatArray = draw(arrays(np.float64, size, elements=VALUES))
    flags: FlagArray = draw(arrays(np.int16, size, elements=FLAGS))
    return Points(time, value, flags)


def write_time(microseconds: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06}Z"


def write_value(value: float) -> str:
    return orjson.dumps(value).decode()


@given(points())
def test_csv_is_what_writing_row_by_row_gives(found: Points) -> None:
    expected = "".join(
        f"{write_time(time)},{write_value(value)},{flags}\n"
        for time, value, flags in zip(
            found.time.tolist(), found.value.tolist(), found.flags.tolist(), strict=True
        )
    )
    assert export.rows(found, export.CSV).decode() == expected


@given(points())
def test_each_line_of_ndjson_is_a_reading(found: Points) -> None:
    lines = export.rows(found, export.NDJSON).decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"time": write_time(time), "value": value, "flags": flags}
        for time, value, flags in zip(
            found.time.tolist(), found.value.tolist(), found.flags.tolist(), strict=True
        )
    ]


@given(points())
def test_the_times_of_json_are_those_of_the_rows(found: Points) -> None:
    assert orjson.loads(orjson.dumps(export.json_times(found.time))) == [
        write_time(t) for t in found.time.tolist()
    ]


@given(st.lists(VALUES, min_size=1, max_size=100))
def test_every_value_comes_back_to_the_last_bit_from_no_more_digits_than_needed(values: list[float]) -> None:
    size = len(values)
    found = Points(np.arange(size), np.array(values), np.zeros(size, np.int16))
    texts = [line.split(",")[1] for line in export.rows(found, export.CSV).decode().splitlines()]
    assert [struct.pack("d", float(text)) for text in texts] == [struct.pack("d", value) for value in values]
    for text, value in zip(texts, values, strict=True):
        assert digits(text) <= digits(repr(value))


def digits(text: str) -> int:
    return len(text.lower().partition("e")[0].replace(".", "").replace("-", "").strip("0"))


@pytest.mark.parametrize("form", [export.CSV, export.NDJSON])
def test_no_readings_are_no_rows(form: export.RowForm) -> None:
    assert export.rows(Points(np.empty(0, np.int64), np.empty(0), np.empty(0, np.int16)), form) == b""


@pytest.mark.parametrize("size", [1, 2, 1_000, 100_000])
def test_pages_of_every_size_have_as_many_rows(size: int) -> None:
    generator = np.random.default_rng(7)
    time = np.cumsum(generator.integers(1, 10**7, size))
    found = Points(time, generator.normal(size=size), generator.integers(0, 3, size).astype(np.int16))
    assert export.rows(found, export.CSV).count(b"\n") == size

"""What the series refuse: which parameter is wrong, why, and what would do."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from testbed import Databases
from testbed.client import Client, served
from testbed.filling import register

DAY = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
YEARS = {"start": "2006-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def api(databases: Databases) -> Iterator[Client]:
    with databases.migrated() as url:
        air = register(
            url, "air-01", "no2", "pm10", "wind_direction", "rainfall", "energy", "lamp_state", "busy"
        )
        register(url, "air-02", "no2", latitude=59.95, longitude=11.05)
        register(url, "many-01", *(f"{number}/power" for number in range(501)), latitude=1, longitude=1)
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE stream SET unit = 'mg/m3' WHERE channel = 'no2' AND node_id = 2")
            rest = "resets, changes, mean, m2, minimum, maximum, first, last, cosine, sine, energy, sum"
            connection.execute(
                f"INSERT INTO reading_hour (stream_id, hour, n, n_excluded, first_time, last_time, {rest},"
                f" increase, held, held_seconds)"
                " SELECT %s, '2026-01-01Z', 25000000, 0, '2026-01-01Z', '2026-01-01Z',"
                f" {', '.join(['0'] * 15)}".encode(),
                [air["busy"]],
            )
        with served(url) as api:
            yield api


@pytest.mark.parametrize(
    ("parameters", "named", "told"),
    [
        ({"stream": []}, "stream", "required"),
        ({"stream": "no2"}, "stream", "node and channel"),
        ({"stream": ["air-01/no2", "air-01/no2"]}, "stream", "given twice"),
        ({"quantity": "no2"}, "stream", "either"),
        ({"bbox": "1,2,3,4"}, "stream", "either"),
        ({"quantity": "no22"}, "quantity", "did you mean no2"),
        ({"start": "2026-01-02T00:00:00Z"}, "start", "before end"),
        ({"every": "7h"}, "every", "6h"),
        ({"every": "45h"}, "every", "day, week"),
        ({"every": "7m"}, "every", "one that does is 6m"),
        ({"every": "0h"}, "every", "10s, 15m or 1h"),
        ({"every": "hour"}, "every", "10s, 15m or 1h"),
        ({"every": "rawish"}, "every", "or raw, for the readings themselves"),
        ({"every": "raw", "stream": ["air-01/no2", "air-01/pm10"]}, "every", "of one stream, not of 2"),
        ({"every": "raw", "agg": "mean"}, "agg", "every=raw"),
        ({"every": "raw", "spatial": "mean"}, "spatial", "every=raw"),
        ({"tz": "Europe/Olso"}, "tz", "did you mean Europe/Oslo"),
        ({"tz": "../../etc/passwd"}, "tz", "IANA"),
        ({"tz": "x" * 3000}, "tz", "IANA"),
        ({"agg": "average"}, "agg", "there is no statistic"),
        ({"agg": "Mean"}, "agg", "did you mean mean"),
        ({"agg": "mean,"}, "agg", "there is no statistic"),
        ({"agg": "mean,mean"}, "agg", "twice"),
        ({"agg": "p101"}, "agg", "p95"),
        ({"agg": "P95"}, "agg", "did you mean p95"),
        ({"agg": "steadiness"}, "agg", "air-01/no2 is of the kind linear, which has mean"),
        ({"stream": "air-01/wind_direction", "agg": "min"}, "agg", "kind circular"),
        ({"stream": "air-01/wind_direction", "agg": "p50"}, "agg", "steadiness"),
        ({"stream": "air-01/lamp_state", "agg": "p50"}, "agg", "share, changes"),
        (
            {"stream": ["air-01/no2", "air-01/energy"], "agg": "increase"},
            "agg",
            "air-01/no2 is of the kind linear",
        ),
        ({"fill": "cubic"}, "fill", "'linear'"),
        ({"fill_limit": 0}, "fill_limit", "greater than or equal to 1"),
        ({"stream": "air-01/rainfall", "fill": "previous"}, "fill", "kind total"),
        ({"stream": "air-01/energy", "fill": "linear"}, "fill", "kind counter"),
        ({"min_coverage": "1.01"}, "min_coverage", "0 to 1"),
        ({"min_coverage": "85"}, "min_coverage", "0.85"),
        ({"min_coverage": "nan"}, "min_coverage", "0 to 1"),
        ({"max_points": 2}, "max_points", "greater than or equal to 3"),
        ({"include_flagged": "yes"}, "include_flagged", "true or false"),
        ({"spatial": "median"}, "spatial", "'mean'"),
        (
            {"stream": ["air-01/no2", "air-01/pm10"], "spatial": "mean"},
            "spatial",
            "the quantity of air-01/no2 is no2",
        ),
        (
            {"stream": ["air-01/no2", "air-02/no2"], "spatial": "mean"},
            "spatial",
            "the unit of air-01/no2 is ug/m3",
        ),
        ({"format": "xml"}, "format", "'parquet'"),
        ({"evry": "1h"}, "evry", "did you mean every"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(
    api: Client, parameters: dict[str, Any], named: str, told: str
) -> None:
    answer = api.ask("series", **{"stream": "air-01/no2", "every": "1h", **DAY} | parameters)
    assert answer.status_code == 422
    [wrong] = answer.json()["errors"]
    assert wrong["parameter"] == named
    assert told in wrong["detail"]


@pytest.mark.parametrize("name", ["every", "agg", "quantity"])
def test_only_streams_can_be_given_more_than_once(api: Client, name: str) -> None:
    answer = api.ask("series", stream="air-01/no2", **{name: ["1h", "1h"]})
    assert answer.status_code == 422
    assert "more than once" in answer.text


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["air-01/no2", "air-99/no2"], "no node 'air-99'"),
        (["air-01/no3"], "no channel 'no3'"),
        (["'; DROP TABLE reading; --/x"], "no node"),
    ],
)
def test_an_unknown_stream_is_not_found_and_named(api: Client, names: list[str], complaint: str) -> None:
    answer = api.ask("series", stream=names, **DAY)
    assert answer.status_code == 404
    assert complaint in answer.json()["detail"]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"every": "1s", **YEARS}, ["631,152,000 values", "1,000,000", "every=15m fits"]),
        ({"every": "10m", "agg": "mean,min", **YEARS}, ["2,103,840 values", "every=30m fits"]),
        ({"every": "1m", "max_points": 700, **DAY}, ["1,440 windows", "700", "every=5m fits"]),
        ({"stream": "air-01/busy", "every": "15m", **DAY}, ["25,000,000", "20,000,000", "every=1h fits"]),
        (
            {"stream": "air-01/busy", "every": "day", "tz": "Asia/Kolkata", **DAY},
            ["25,000,000", "shorter range"],
        ),
        ({"stream": "air-01/busy", "every": "1h", "agg": "p50", **DAY}, ["25,000,000", "shorter range"]),
        ({"stream": "air-01/busy", "every": "raw", **DAY}, ["25,000,000", "5,000,000", "every=1h fits"]),
        ({"stream": [], "quantity": "power", **DAY}, ["500 streams"]),
        ({"stream": [], "bbox": "0,0,2,2", **DAY}, ["500 streams"]),
    ],
)
def test_too_much_is_told_with_the_number_the_limit_and_what_fits(
    api: Client, parameters: dict[str, Any], told: list[str]
) -> None:
    answer = api.ask("series", **{"stream": "air-01/no2"} | parameters)
    assert answer.status_code == 413
    problem = answer.json()
    assert problem["type"] == "urn:bypuls:problem:too-much"
    for words in told:
        assert words in problem["detail"]


def test_the_step_that_is_said_to_fit_does(api: Client) -> None:
    refused = api.ask("series", stream="air-01/no2", every="1s", **YEARS).json()["detail"]
    every = refused.rpartition("every=")[2].partition(" ")[0]
    assert api.ask("series", stream="air-01/no2", every=every, **YEARS).status_code == 200

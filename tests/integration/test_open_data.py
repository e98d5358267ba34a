"""What is not open appears nowhere in public; what is, is described as data.norge.no wants it."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest

from bypuls.readings import SECOND
from bypuls.store.rollups import mark_range
from bypuls.themes import THEMES
from testbed import Databases
from testbed.client import Client, served
from testbed.event_stream import EventStream
from testbed.filling import put, register
from testbed.writing import write

HOUR = 3_600 * SECOND
NOW = time.time_ns() // 1_000
WEEKS = NOW // HOUR * HOUR - 3 * 7 * 24 * HOUR
CLOSED = ("secret", "hidden")
"""What stands in the names, places and owners of all that is closed."""


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    with databases.migrated() as url:
        at = {"latitude": 59.953, "longitude": 11.0495}
        mixed = register(url, "mixed-01", "no2", "hidden/pm10", place="Torvet", owner="NILU", **at)
        closed = register(url, "secret-01", "no2", place="secret", owner="secret", **at)
        meter = register(url, "meter-01", "water_volume", "pm10", place="Volla", owner="NRV", **at)
        hours = np.arange(WEEKS, NOW, HOUR // 4)
        for number in (mixed["no2"], mixed["hidden/pm10"], closed["no2"], meter["pm10"]):
            put(url, number, hours, hours // HOUR % 24 + 5.0)
        put(url, meter["water_volume"], hours, np.arange(len(hours)) * 2.0)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE stream SET expected_interval = 900")
            connection.execute(
                "UPDATE stream SET open_data = true WHERE stream_id = ANY(%s)",
                [[mixed["no2"], meter["water_volume"], meter["pm10"]]],
            )
            mark_range(connection, WEEKS // HOUR, NOW // HOUR + 1)
        yield url


@pytest.fixture(scope="module")
def api(url: str) -> Iterator[Client]:
    with served(
        url,
        OPEN_DATA_URL="https://data.example.no/bypuls",
        OPEN_DATA_PUBLISHER="Byen",
        OPEN_DATA_PUBLISHER_URL="https://data.example.no/byen",
        OPEN_DATA_CONTACT="mailto:data@example.no",
        OPEN_DATA_LICENCE="CC-BY-4.0",
    ) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "summary",
        "dcat",
        "latest?open=true",
        "latest?open=true&format=geojson",
        "streams?open=true",
        "nodes?open=true",
        "series?quantity=no2&open=true",
        "series?quantity=pm10&open=true&format=csv",
    ],
)
def test_what_is_not_open_is_in_no_public_answer(api: Client, path: str) -> None:
    text = api.ask(path).text
    assert "mixed-01" in text or "meter-01" in text or path == "dcat"
    for word in CLOSED:
        assert word not in text


def test_what_is_not_open_is_not_pushed(url: str, api: Client) -> None:
    with psycopg.connect(url) as connection:
        numbers: dict[str, int] = dict(
            connection.execute("SELECT channel || node_id, stream_id FROM stream").fetchall()
        )
    with EventStream(api) as stream:
        stream.next("hello")
        write(
            url, np.array(sorted(numbers.values()), np.int32), [time.time_ns() // 1_000] * len(numbers), 7.0
        )
        readings = stream.readings()
    assert {each["stream"] for each in readings} == {"mixed-01/no2", "meter-01/water_volume", "meter-01/pm10"}


def test_lists_tell_open_and_closed_streams_apart(api: Client) -> None:
    everything, open_, closed = (
        {each["stream"] for each in api.json("streams", **wanted)["streams"]}
        for wanted in ({}, {"open": "true"}, {"open": "false"})
    )
    assert open_ | closed == everything
    assert not open_ & closed
    assert closed == {"mixed-01/hidden/pm10", "secret-01/no2"}
    nodes = {node["node"]: node["quantities"] for node in api.json("nodes", open="true")["nodes"]}
    assert nodes == {"mixed-01": ["no2"], "meter-01": ["pm10", "water_volume"]}
    assert api.json("nodes", open="true", quantity="no2")["nodes"][0]["node"] == "mixed-01"
    assert len(api.json("nodes", open="true", quantity="no2")["nodes"]) == 1
    assert api.ask("latest", open="yes").json()["errors"][0]["detail"] == "it is either true or false"
    assert api.ask("series", stream="mixed-01/no2", open="true").status_code == 422


def test_the_usual_range_is_that_of_the_hourly_means(api: Client) -> None:
    answer = api.json("usual", stream="mixed-01/no2")
    assert (answer["unit"], answer["tz"], answer["weeks"], len(answer["hours"])) == (
        "ug/m3",
        "Europe/Oslo",
        8,
        25,
    )
    for hour in answer["hours"]:
        # Three weeks are too few of the weekday; every day of them was alike, by UTC.
        assert hour["basis"] == "day"
        assert 18 <= hour["n"] <= 21
        assert hour["p10"] <= hour["p50"] <= hour["p90"]
    meter = api.json("usual", stream="meter-01/water_volume")["hours"][0]
    assert (meter["p10"], meter["p90"]) == (8.0, 8.0)
    none = api.json("usual", stream="mixed-01/no2", end="2020-01-01T00:00:00Z")["hours"][-1]
    assert none == {
        "start": "2020-01-01T00:00:00.000000Z",
        "p10": None,
        "p50": None,
        "p90": None,
        "n": 0,
        "basis": None,
    }
    assert api.ask("usual", stream="mixed-01/o3").status_code == 404


# The properties that DCAT-AP-NO 3.0 makes mandatory (2.2: dct:identifier too), and how many there may be.
MANDATORY = {
    "dcat:Catalog": {"dct:title": 9, "dct:description": 9, "dct:publisher": 1, "dcat:contactPoint": 9},
    "dcat:Dataset": {
        "dct:title": 9, "dct:description": 9, "dct:publisher": 1, "dcat:contactPoint": 9, "dcat:theme": 9,
        "dct:identifier": 9,
    },
    "dcat:DataService": {"dct:title": 9, "dct:publisher": 1, "dcat:contactPoint": 9, "dcat:endpointURL": 1},
    "dcat:Distribution": {"dcat:accessURL": 9},
    "foaf:Agent": {"foaf:name": 9},
    "vcard:Organization": {"vcard:fn": 9, "vcard:hasEmail": 1},
}  # fmt: skip


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_catalogue_keeps_what_the_profile_makes_mandatory(api: Client) -> None:
    answer = api.ask("dcat")
    assert answer.headers["content-type"] == "application/ld+json"
    graph = answer.json()["@graph"]
    known = {node["@id"]: node["@type"] for node in graph}
    assert len(known) == len(graph)
    assert set(known.values()) == set(MANDATORY)
    for node in graph:
        for name, most in MANDATORY[node["@type"]].items():
            values = listed(node[name])
            assert 1 <= len(values) <= most, (node["@id"], name)
            assert all(values)
        for name in ("dct:title", "dct:description"):
            languages = [word["@language"] for word in node.get(name, [])]
            assert languages in ([], ["nb", "en"])
        for name in (
            "dct:publisher",
            "dcat:contactPoint",
            "dcat:dataset",
            "dcat:distribution",
            "dcat:service",
        ):
            for reference in listed(node.get(name, [])):
                assert reference["@id"] in known, "what is named is described"
        for prefix in {name.partition(":")[0] for name in node if ":" in name}:
            assert prefix in answer.json()["@context"]


def test_the_catalogue_says_what_was_set_and_its_links_give_the_data(api: Client) -> None:
    graph = {node["@id"]: node for node in api.json("dcat")["@graph"]}
    base = "https://data.example.no/bypuls"
    datasets = {
        name.rpartition("#")[2]: node for name, node in graph.items() if node["@type"] == "dcat:Dataset"
    }
    assert set(datasets) == {"air", "water"} <= {theme.key for theme in THEMES}
    assert graph["https://data.example.no/byen"]["foaf:name"] == "Byen"
    assert graph[f"{base}/api/v1/dcat#contact"]["vcard:hasEmail"] == {"@id": "mailto:data@example.no"}
    air = datasets["air"]
    assert air["dcat:theme"]["@id"].endswith("/data-theme/ENVI")
    assert [owner["foaf:name"] for owner in air["dct:creator"]] == ["NILU", "NRV"]
    assert air["dct:spatial"]["dcat:bbox"]["@value"].startswith("POLYGON((11.0495 59.953,")
    distributions = [graph[each["@id"]] for each in air["dcat:distribution"]]
    assert {each["dct:license"]["@id"].rpartition("/")[2] for each in distributions} == {"CC_BY_4_0"}
    assert len(distributions) == 6
    for distribution in distributions:
        link = distribution["dcat:accessURL"]["@id"].removeprefix(base)
        data = api.get(link)
        assert data.status_code == 200
        assert data.headers["content-type"].partition(";")[0] in distribution["dcat:mediaType"]["@id"]
        assert "mixed-01" in data.text or "meter-01" in data.text


def test_quantities_tell_their_theme(api: Client) -> None:
    answer = api.json("quantities")
    assert [theme["key"] for theme in answer["themes"]] == [theme.key for theme in THEMES]
    themes = {each["key"]: each["theme"] for each in answer["quantities"]}
    assert (themes["no2"], themes["occupancy"], themes["battery_voltage"]) == ("air", "parking", None)

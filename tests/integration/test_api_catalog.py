"""Nodes, streams, missing packs and newest readings over HTTP."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bypuls.quality import Flag
from bypuls.quantities import QUANTITIES
from bypuls.readings import SECOND
from testbed import Databases
from testbed.client import Client, served
from testbed.filling import NEW_YEAR, put, register

LOGS = """
    INSERT INTO pack_log
    SELECT node_id, log, 0, seen::int8multirange, dropped::int8multirange, received
    FROM node, (VALUES
        ('old', '{[1,10],[15,20]}', '{[12,13]}', '2026-01-01Z'::timestamptz),
        ('new', '{[0,0],[3,4]}', '{}', '2026-01-02Z'),
        ('all', '{[1,9223372036854775806]}', '{}', '2025-12-01Z'),
        ('sieve', (SELECT range_agg(int8range(2 * n, 2 * n, '[]'))::text FROM generate_series(1, 3000) AS n),
         '{}', '2025-11-01Z'),
        ('bare', '{}', '{}', '2025-10-01Z')) AS l (log, seen, dropped, received)
    WHERE node = 'air-01'
"""
NODES = [f"node-{number:02}" for number in range(12)]


@pytest.fixture(scope="module")
def api(databases: Databases) -> Iterator[Client]:
    with databases.migrated() as url:
        fill(url)
        with served(url) as api:
            yield api


def fill(url: str) -> None:
    air = register(
        url,
        "air-01",
        "no2",
        "pm10",
        "no2.max",
        owner="NILU",
        place="Lillestrøm",
        latitude=59.953,
        longitude=11.0495,
    )
    put(url, air["no2"], [NEW_YEAR, NEW_YEAR + SECOND // 2], [21.5, -0.1], [0, 1])
    water = register(
        url, "water-01", "inlet/water_level", "odd thing", owner="NRV", latitude=59.928, longitude=11.161
    )
    put(url, water["inlet/water_level"], [NEW_YEAR], [3.25])
    put(url, water["odd thing"], [NEW_YEAR], [1e-9])
    lost = register(url, "lost-01", "no2")
    put(url, lost["no2"], [NEW_YEAR - SECOND], [5])
    for node in NODES:
        numbers = register(url, node, "power", "energy", "silent")
        put(url, numbers["power"], [NEW_YEAR])
        put(url, numbers["energy"], [NEW_YEAR])
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE node SET last_seen = '2026-01-01T00:00:07.25Z', state = 'online' WHERE node = 'air-01'"
        )
        connection.execute(LOGS)


def names(api: Client, path: str, **parameters: Any) -> list[str]:
    key = {"nodes": "node", "streams": "stream", "latest": "stream"}[path]
    return [entry[key] for entry in api.json(path, **parameters)[path]]


def pages(api: Client, path: str, **parameters: Any) -> Iterator[list[Any]]:
    answer = api.ask(path, **parameters)
    while True:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["next"] is not None) == ("next" in answer.links)
        yield body[path if path in body else "features"]
        if body["next"] is None:
            return
        answer = api.get(answer.links["next"]["url"])


def test_a_node_tells_where_it_is_whose_it_is_and_what_it_measures(api: Client) -> None:
    [node] = [node for node in api.json("nodes")["nodes"] if node["node"] == "air-01"]
    assert node.pop("enrolled_at").endswith("Z")
    assert node == {
        "node": "air-01",
        "owner": "NILU",
        "place": "Lillestrøm",
        "latitude": 59.953,
        "longitude": 11.0495,
        "last_seen": "2026-01-01T00:00:07.250000Z",
        "state": "online",
        "state_at": None,
        "quantities": ["no2", "pm10"],
    }


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"owner": "NILU"}, ["air-01"]),
        ({"owner": "nobody"}, []),
        ({"quantity": "water_level"}, ["water-01"]),
        ({"quantity": "no2"}, ["air-01", "lost-01"]),
        ({"bbox": "11,59.9,11.1,60"}, ["air-01"]),
        ({"bbox": "11.0495,59.953,11.0495,59.953"}, ["air-01"]),
        ({"bbox": "10,59,12,61"}, ["air-01", "water-01"]),
        ({"bbox": "10,59,12,61", "owner": "NRV"}, ["water-01"]),
        ({"bbox": "-180,-90,180,90", "quantity": "o3"}, []),
    ],
)
def test_nodes_are_filtered_by_every_parameter_given(
    api: Client, parameters: dict[str, str], expected: list[str]
) -> None:
    assert names(api, "nodes", **parameters) == expected


@pytest.mark.parametrize("path", ["nodes", "streams", "latest"])
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 100])
@pytest.mark.parametrize("quantity", [None, "power"])
def test_pages_of_any_size_hold_each_entry_once_in_order(
    api: Client, path: str, limit: int, quantity: str | None
) -> None:
    filters = {} if quantity is None else {"quantity": quantity}
    whole = api.json(path, **filters)[path]
    assert len(whole) > 10
    found = list(pages(api, path, limit=limit, **filters))
    assert [entry for page in found for entry in page] == whole
    assert all(len(page) == limit for page in found[:-1])
    assert 0 < len(found[-1]) <= limit


def test_a_cursor_of_another_filter_is_refused(api: Client) -> None:
    cursor = api.json("nodes", limit=1)["next"]
    answer = api.ask("nodes", limit=1, cursor=cursor, owner="NILU")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "cursor"
    assert api.ask("streams", cursor=cursor).status_code == 422


def test_a_node_alone_comes_with_its_streams_and_missing_packs(api: Client) -> None:
    node = api.json("nodes/air-01")
    assert node["last_seen"] == "2026-01-01T00:00:07.250000Z"
    assert [stream["stream"] for stream in node["streams"]] == ["air-01/no2", "air-01/no2.max", "air-01/pm10"]
    logs = {log.pop("log"): log for log in node["logs"]}
    assert list(logs) == ["new", "old", "all", "sieve", "bare"]
    assert logs["old"] == {
        "last_received": "2026-01-01T00:00:00.000000Z",
        "highest": 20,
        "missing_packs": 2,
        "missing": [[11, 11], [14, 14]],
        "dropped_packs": 2,
        "dropped": [[12, 13]],
    }
    assert logs["new"]["missing"] == [[1, 2]]
    assert (logs["all"]["highest"], logs["all"]["missing"]) == (2**63 - 2, [])
    assert logs["sieve"]["missing_packs"] == 3_000
    assert logs["sieve"]["missing"] == [[n, n] for n in range(1, 2_000, 2)]
    assert (logs["bare"]["highest"], logs["bare"]["missing"], logs["bare"]["dropped"]) == (None, [], [])


@pytest.mark.parametrize("path", ["nodes/nobody", "streams?node=nobody", "latest?node=nobody"])
def test_an_unknown_node_is_not_found_and_named(api: Client, path: str) -> None:
    answer = api.ask(path)
    assert answer.status_code == 404
    assert "no node 'nobody'" in answer.json()["detail"]


def test_a_stream_tells_its_quantity_statistic_and_unit(api: Client) -> None:
    found = {stream["stream"]: stream for stream in api.json("streams")["streams"]}
    assert found["air-01/no2.max"] == {
        "stream": "air-01/no2.max",
        "node": "air-01",
        "channel": "no2.max",
        "quantity": "no2",
        "statistic": "max",
        "unit": "ug/m3",
        "expected_interval": None,
        "modulus": None,
        "open_data": False,
        "thresholds": None,
    }
    assert (found["water-01/odd thing"]["quantity"], found["water-01/odd thing"]["unit"]) == (None, "1")


def test_streams_are_filtered_by_node_and_quantity(api: Client) -> None:
    assert names(api, "streams", node="air-01", quantity="no2") == ["air-01/no2", "air-01/no2.max"]


def test_the_newest_reading_of_each_stream_is_given_with_unit_time_and_flags(api: Client) -> None:
    assert api.json("latest", node="air-01")["latest"] == [
        {
            "stream": "air-01/no2",
            "node": "air-01",
            "channel": "no2",
            "quantity": "no2",
            "statistic": "",
            "unit": "ug/m3",
            "latitude": 59.953,
            "longitude": 11.0495,
            "time": "2026-01-01T00:00:00.500000Z",
            "value": -0.1,
            "flags": 1,
        }
    ]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"quantity": "no2"}, ["air-01/no2", "lost-01/no2"]),
        ({"node": "water-01"}, ["water-01/inlet/water_level", "water-01/odd thing"]),
        ({"bbox": "11,59.9,11.1,60"}, ["air-01/no2"]),
        ({"bbox": "11,59.9,11.1,60", "quantity": "power"}, []),
    ],
)
def test_newest_readings_are_filtered_by_every_parameter_given(
    api: Client, parameters: dict[str, str], expected: list[str]
) -> None:
    assert names(api, "latest", **parameters) == expected


def test_newest_readings_are_points_on_a_map(api: Client) -> None:
    answer = api.ask("latest", quantity="no2", format="geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    body = answer.json()
    assert (body["type"], body["next"]) == ("FeatureCollection", None)
    placed, lost = body["features"]
    assert placed["type"] == "Feature"
    assert placed["geometry"] == {"type": "Point", "coordinates": [11.0495, 59.953]}
    assert placed["properties"]["value"] == -0.1
    assert placed["properties"]["unit"] == "ug/m3"
    assert (lost["id"], lost["geometry"]) == ("lost-01/no2", None)


def test_pages_of_a_map_hold_each_point_once(api: Client) -> None:
    found = [feature["id"] for page in pages(api, "latest", limit=3, format="geojson") for feature in page]
    assert found == names(api, "latest")


def test_newest_readings_are_never_kept_by_a_cache(api: Client) -> None:
    assert api.ask("latest").headers["cache-control"] == "no-store"


def test_the_catalogue_is_given_whole(api: Client) -> None:
    found = {entry["key"]: entry for entry in api.json("quantities")["quantities"]}
    assert list(found) == list(QUANTITIES)
    assert found["no2"] == {
        "key": "no2",
        "unit": "ug/m3",
        "kind": "linear",
        "low": -10,
        "high": 2000,
        "theme": "air",
        "label": {"nb": "Nitrogendioksid", "en": "Nitrogen dioxide"},
    }
    assert (found["energy"]["low"], found["energy"]["high"]) == (0, None)


def test_every_flag_is_explained(api: Client) -> None:
    found = {entry["bit"]: entry["meaning"] for entry in api.json("flags")["flags"]}
    assert found.keys() == {int(flag) for flag in Flag}
    assert "plausible range" in found[1]

"""Every error becomes a problem: its status, its kind, and words that help without telling secrets."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from api import problems
from api.app import create_app
from bypuls.errors import QueryTooSlow, StoreError, StoreUnavailable
from bypuls.series.refusals import Refused, TooMuch
from bypuls.settings import ApiSettings, OpenDataSettings
from bypuls.store.database import Database

SECRET = "postgresql://bypuls_api:hunter2@db/bypuls"


@pytest.fixture
def app() -> FastAPI:
    # Never opened: these requests are answered before anybody looks into the database.
    database = Database(SECRET, name="test", connections=1, statement_timeout=1)
    return create_app(database, ApiSettings(operator_token=None), OpenDataSettings())


def get(app: FastAPI, url: str, method: str = "GET") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, url)

    return asyncio.run(ask())


def failing(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (problems.NotFound("There is no node 'x'."), 404, "not-found"),
        (problems.NotAnOperator("no"), 401, "operator-only"),
        (problems.NotReplayable("cut"), 409, "not-replayable"),
        (problems.QueryTooLong("long"), 414, "query-too-long"),
        (problems.BadParameter("start", "x", "is no time"), 422, "bad-parameter"),
        (QueryTooSlow(SECRET), 504, "query-too-slow"),
        (problems.TooManyExports("all taken"), 503, "too-many-exports"),
        (problems.TooBusy("all taken"), 503, "too-busy"),
        (Refused("agg", "min", "it has no order"), 422, "bad-parameter"),
        (TooMuch("1,000,001 values"), 413, "too-much"),
        (StoreUnavailable(SECRET), 503, "store-unavailable"),
        (StoreError(SECRET), 500, "defect"),
        (ZeroDivisionError(SECRET), 500, "defect"),
    ],
)
def test_each_error_has_one_status_and_one_kind(
    app: FastAPI, error: Exception, status: int, kind: str
) -> None:
    app.get("/fail")(failing(error))
    answer = get(app, "/fail")
    body = answer.json()
    assert answer.status_code == body["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:bypuls:problem:{kind}"
    assert body["title"]
    assert body["detail"]
    assert "hunter2" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_away_database_tells_when_to_come_back(app: FastAPI) -> None:
    app.get("/fail")(failing(StoreUnavailable("away")))
    assert get(app, "/fail").headers["retry-after"] == "5"


def test_a_missing_token_tells_which_scheme_is_wanted(app: FastAPI) -> None:
    app.get("/fail")(failing(problems.NotAnOperator("no")))
    assert get(app, "/fail").headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v2/nodes", 404),
        ("GET", "/..%2f..%2fetc", 404),
        ("GET", "/api/v1/nodes/", 404),
        ("DELETE", "/api/v1/nodes", 405),
        ("POST", "/api/v1/readings", 405),
        ("BREW", "/api/v1/latest", 405),
    ],
)
def test_what_the_framework_refuses_is_a_problem_too(
    app: FastAPI, method: str, path: str, status: int
) -> None:
    answer = get(app, path, method)
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "/docs" in answer.json()["detail"]


LATEST = "latest?"
READINGS = "readings?stream=air-01/no2&"


@pytest.mark.parametrize(
    ("url", "parameter", "value", "complaint"),
    [
        ("readings", "stream", None, "required"),
        ("readings?stream=no2", "stream", "no2", "node and channel"),
        ("readings?stream=air-01/", "stream", "air-01/", "node and channel"),
        ("readings?stream=air-01/n%00", "stream", "air-01/n\0", "node and channel"),
        (f"{READINGS}strat=2026-01-01T00:00:00Z", "strat", "2026-01-01T00:00:00Z", "did you mean start"),
        (f"{READINGS}start=2026-01-01T00:00:00", "start", "2026-01-01T00:00:00", "zone"),
        (f"{READINGS}end=tomorrow", "end", "tomorrow", "RFC 3339"),
        (f"{READINGS}limit=0", "limit", "0", "greater than or equal to 1"),
        (f"{READINGS}limit=100001", "limit", "100001", "less than or equal to 100000"),
        (f"{READINGS}limit=many", "limit", "many", "digits"),
        (f"{READINGS}limit=1_0", "limit", "1_0", "digits"),
        (f"{READINGS}limit=10.0", "limit", "10.0", "digits"),
        (f"{LATEST}limit=%2B10", "limit", "+10", "digits"),
        (f"{LATEST}limit=%D9%A1", "limit", "\u0661", "digits"),
        ("quarantine?limit=1_0", "limit", "1_0", "digits"),
        (f"{READINGS}format=xml", "format", "xml", "'json', 'csv', 'ndjson' or 'arrow'"),
        (f"{READINGS}cursor=abc", "cursor", "abc", "no cursor of this query"),
        (f"{READINGS}start=2100-01-01T00:00:00Z", "start", "2100-01-01T00:00:00.000000Z", "before end"),
        (
            f"{READINGS}start=2026-01-02T00:00:00Z&end=2026-01-02T00:00:00Z",
            "start",
            "2026-01-02T00:00:00.000000Z",
            "before end, which is 2026-01-02",
        ),
        (f"{READINGS}stream=air-02/no2", "stream", None, "more than once"),
        (f"{LATEST}quantity=NO2", "quantity", "NO2", "did you mean no2"),
        (f"{LATEST}quantity=happiness", "quantity", "happiness", "no such quantity"),
        (f"{LATEST}bbox=1,2,3", "bbox", "1,2,3", "four numbers"),
        (f"{LATEST}bbox=a,b,c,d", "bbox", "a,b,c,d", "four numbers"),
        (f"{LATEST}bbox=nan,0,1,1", "bbox", "nan,0,1,1", "four numbers"),
        (f"{LATEST}bbox=0,0,inf,1", "bbox", "0,0,inf,1", "four numbers"),
        (f"{LATEST}bbox=0,0,1_0,1", "bbox", "0,0,1_0,1", "four numbers"),
        (f"{LATEST}bbox=0,0,%2B1,1", "bbox", "0,0,+1,1", "four numbers"),
        (f"{LATEST}bbox=0,0,1e999,1", "bbox", "0,0,1e999,1", "east <= 180"),
        (f"{LATEST}bbox=11,60,10,61", "bbox", "11,60,10,61", "west <= east"),
        (f"{LATEST}bbox=10,61,11,60", "bbox", "10,61,11,60", "south <= north"),
        (f"{LATEST}bbox=59,120,60,121", "bbox", "59,120,60,121", "longitude first"),
        (f"{LATEST}node=AIR", "node", "AIR", "pattern"),
        (f"{LATEST}format=csv", "format", "csv", "'json' or 'geojson'"),
        (f"{LATEST}limit=10001", "limit", "10001", "less than or equal to 10000"),
        ("nodes?owner=", "owner", "", "at least 1"),
        ("nodes?owner=%00", "owner", "\0", "control characters"),
        ("nodes?page=2", "page", "2", "limit, cursor, bbox, quantity, owner"),
        ("nodes/AIR", "node", "AIR", "pattern"),
        ("nodes/air-01?x=1", "x", "1", "none can be given"),
        ("quantities?lang=nb", "lang", "nb", "none can be given"),
        ("quarantine?reason=mood", "reason", "mood", "'topic', 'node'"),
        ("quarantine/0", "quarantine_id", "0", "greater than or equal to 1"),
        ("quarantine/9223372036854775808", "quarantine_id", "9223372036854775808", "less than or equal"),
        ("quarantine/one", "quarantine_id", "one", "digits"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_value_and_what_would_do(
    app: FastAPI, url: str, parameter: str, value: str | None, complaint: str
) -> None:
    answer = get(app, f"/api/v1/{url}")
    body = answer.json()
    assert answer.status_code == 422, body
    assert [error["parameter"] for error in body["errors"]] == [parameter]
    assert body["errors"][0]["value"] == value
    assert complaint in body["errors"][0]["detail"]
    assert complaint in body["detail"]


def test_all_wrong_parameters_are_named_at_once(app: FastAPI) -> None:
    body = get(app, "/api/v1/readings?limit=0&format=xml&start=now").json()
    assert {error["parameter"] for error in body["errors"]} == {"stream", "limit", "format", "start"}


def test_a_long_value_is_shown_in_part(app: FastAPI) -> None:
    body = get(app, f"/api/v1/latest?quantity={'x' * 3000}").json()
    assert len(body["errors"][0]["value"]) == 201


def test_a_query_longer_than_any_is_refused_with_the_limit(app: FastAPI) -> None:
    answer = get(app, f"/api/v1/latest?quantity={'x' * 5000}")
    assert answer.status_code == 414
    assert "5009 bytes, the limit is 4096" in answer.json()["detail"]

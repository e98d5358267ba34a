"""The quarantine over HTTP: what is in it, why, and who may see it."""

import base64
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bypuls.quarantine import MEANING, Reason
from testbed import Databases
from testbed.client import Client, served

TOKEN = "correct horse battery staple"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
EVERY_BYTE = bytes(range(256)) * 40


def keep(url: str, reason: str, payload: bytes, size: int | None = None) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "INSERT INTO quarantine"
            " (digest, reason, detail, topic, payload, payload_size, received_at, last_received_at)"
            " VALUES (sha256(random()::text::bytea), %s, 'why', 'bypuls/v1/n/up', %s, %s, now(), now())"
            " RETURNING quarantine_id",
            [reason, payload, len(payload) if size is None else size],
        ).fetchone()
    assert row is not None
    number: int = row[0]
    return number


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    with databases.migrated() as url:
        for number in range(23):
            keep(url, "malformed" if number % 3 else "conflict", b"%d" % number)
        yield url


@pytest.fixture(scope="module")
def api(url: str) -> Iterator[Client]:
    with served(url) as api:
        yield api


@pytest.fixture(scope="module")
def guarded(url: str) -> Iterator[Client]:
    with served(url, API_OPERATOR_TOKEN=TOKEN) as api:
        yield api


def pages(api: Client, **parameters: Any) -> Iterator[list[Any]]:
    answer = api.ask("quarantine", **parameters)
    while True:
        yield answer.json()["entries"]
        if "next" not in answer.links:
            return
        answer = api.get(answer.links["next"]["url"])


@pytest.mark.parametrize("limit", [1, 4, 5, 23, 100])
@pytest.mark.parametrize("reason", [None, "conflict"])
def test_pages_of_any_size_hold_each_entry_once_the_newest_first(
    api: Client, limit: int, reason: str | None
) -> None:
    filters = {} if reason is None else {"reason": reason}
    found = list(pages(api, limit=limit, **filters))
    numbers = [entry["quarantine_id"] for page in found for entry in page]
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) == (23 if reason is None else 8)
    assert all(len(page) == limit for page in found[:-1])
    assert all(reason in (None, entry["reason"]) for page in found for entry in page)


def test_entries_are_counted_by_reason_with_its_meaning(api: Client) -> None:
    counts = {each["reason"]: each for each in api.json("quarantine", limit=1, reason="conflict")["counts"]}
    assert counts["conflict"] == {"reason": "conflict", "meaning": MEANING[Reason.CONFLICT], "entries": 8}
    assert counts["malformed"]["entries"] == 15


def test_an_entry_gives_its_payload_whole_and_a_list_its_beginning(databases: Databases) -> None:
    with databases.migrated() as url, served(url) as api:
        number = keep(url, "malformed", EVERY_BYTE)
        [listed] = api.json("quarantine")["entries"]
        alone = api.json(f"quarantine/{number}")
        assert base64.b64decode(alone["payload"]) == EVERY_BYTE
        assert base64.b64decode(listed["payload"]) == EVERY_BYTE[:4096]
        assert listed["payload_size"] == alone["payload_size"] == len(EVERY_BYTE)
        assert (alone["reason"], alone["detail"], alone["topic"], alone["times"]) == (
            "malformed",
            "why",
            "bypuls/v1/n/up",
            1,
        )


def test_a_replay_is_asked_for_once_and_keeps_its_place(url: str, api: Client) -> None:
    number = keep(url, "unit", b"[]")
    assert api.json(f"quarantine/{number}")["replay_requested_at"] is None
    first = api.post(f"/api/v1/quarantine/{number}/replay")
    second = api.post(f"/api/v1/quarantine/{number}/replay")
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert api.json(f"quarantine/{number}")["replay_requested_at"] == first.json()["replay_requested_at"]


def test_an_entry_that_is_not_kept_whole_is_not_replayed(url: str, api: Client) -> None:
    number = keep(url, "too_large", b"[{", size=400_000)
    answer = api.post(f"/api/v1/quarantine/{number}/replay")
    assert answer.status_code == 409
    assert "Only 2 of the 400000 bytes" in answer.json()["detail"]
    assert api.json(f"quarantine/{number}")["replay_requested_at"] is None


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/replay")])
def test_an_unknown_entry_is_not_found(api: Client, method: str, path: str) -> None:
    answer = api.request(method, f"/api/v1/quarantine/999999{path}")
    assert answer.status_code == 404
    assert "999999" in answer.json()["detail"]


ROUTES = [("GET", ""), ("GET", "/1"), ("POST", "/1/replay")]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "authorization", [None, "Bearer wrong", f"Basic {TOKEN}", "Bearer", "Bearer é", f"Bearer {TOKEN}x"]
)
def test_where_a_token_is_set_nobody_else_gets_in(
    guarded: Client, method: str, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {b"Authorization": authorization.encode()}
    answer = guarded.request(method, f"/api/v1/quarantine{path}", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_operator_gets_in_by_the_token(guarded: Client, method: str, path: str) -> None:
    answer = guarded.request(method, f"/api/v1/quarantine{path}", headers=HEADERS)
    assert answer.status_code in (200, 202)


def test_the_data_need_no_token(guarded: Client) -> None:
    assert guarded.ask("latest").status_code == 200


def test_no_cache_keeps_the_quarantine_and_no_other_site_reads_it(api: Client) -> None:
    answer = api.get("/api/v1/quarantine", headers={"Origin": "https://example.org"})
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    preflight = api.options("/api/v1/quarantine/1/replay", headers=asked)
    assert preflight.status_code == 405
    assert "access-control-allow-origin" not in preflight.headers

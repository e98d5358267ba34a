"""What is around the data: health, metrics, headers and documentation."""

import re
from collections.abc import Iterator

import pytest

from testbed import Databases
from testbed.client import Client, served
from testbed.filling import NEW_YEAR, put, register

ELSEWHERE = {"Origin": "https://example.org"}


@pytest.fixture(scope="module")
def api(databases: Databases) -> Iterator[Client]:
    with databases.migrated() as url:
        put(url, register(url, "air-01", "no2")["no2"], [NEW_YEAR])
        with served(url) as api:
            yield api


def metric(api: Client, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", api.get("/metrics").text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_healthy_service_says_so(api: Client, path: str) -> None:
    assert api.get(path).status_code == 200


def test_requests_are_counted_by_the_template_of_their_route(api: Client) -> None:
    name = 'bypuls_api_requests_total{method="GET",route="/api/v1/nodes/{node}",status="404"}'
    before = metric(api, name)
    api.ask("nodes/nobody-1")
    api.ask("nodes/nobody-2")
    assert metric(api, name) == before + 2
    assert "nobody" not in api.get("/metrics").text


def test_paths_that_lead_nowhere_share_one_label(api: Client) -> None:
    name = 'bypuls_api_requests_total{method="other",route="none",status="404"}'
    before = metric(api, name)
    api.request("MKCOL", "/tea/1")
    api.request("PROPFIND", "/tea/2")
    assert metric(api, name) == before + 2


def test_readings_given_out_are_counted(api: Client) -> None:
    before = metric(api, "bypuls_api_readings_total")
    for written in ("json", "csv", "ndjson"):
        api.ask("readings", stream="air-01/no2", start="2026-01-01T00:00:00Z", format=written)
    assert metric(api, "bypuls_api_readings_total") == before + 3


@pytest.mark.parametrize("path", ["latest", "nodes/nobody", "nothing", "latest?limit=0", "quantities"])
def test_pages_of_every_site_may_read_public_answers_and_their_errors(api: Client, path: str) -> None:
    answer = api.get(f"/api/v1/{path}", headers=ELSEWHERE)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "Link" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("path", ["/", "/api/v1/latest", "/api/v1/nothing", "/healthz", "/docs", "/metrics"])
def test_no_answer_is_guessed_at_or_framed(api: Client, path: str) -> None:
    headers = api.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs",
        "/docs/assets/swagger-ui.css",
        "/openapi.json",
        "/healthz",
        "/api/v1/latest?limit=1",
        "/api/v1/latest?limit=0",
        "/api/v1/readings?stream=air-01/no2&start=2026-01-01T00:00:00Z&end=2026-02-01T00:00:00Z&format=csv",
        "/nothing",
    ],
)
def test_head_gives_the_headers_of_get_and_no_body(api: Client, path: str) -> None:
    whole, head = api.get(path), api.head(path)
    assert head.status_code == whole.status_code
    assert head.content == b""
    for headers in (whole.headers, head.headers):
        headers.pop("date")
        headers.pop("transfer-encoding", None)  # only of a body
    assert head.headers == whole.headers


def test_what_never_changes_may_be_cached(api: Client) -> None:
    assert "max-age" in api.ask("quantities").headers["cache-control"]


def test_the_root_is_the_page_of_the_town_which_leads_to_the_documentation(api: Client) -> None:
    answer = api.get("/")
    assert answer.status_code == 200
    assert "Slik er Lillestrøm nå" in answer.text
    assert '<a href="/docs">' in answer.text


def test_the_documentation_needs_nothing_from_elsewhere(api: Client) -> None:
    page = api.get("/docs")
    addresses = re.findall(r"""(?:src|href)="([^"]*)"|url: '([^']*)'""", page.text)
    paths = [one or other for one, other in addresses]
    assert len(paths) == 4  # style, icon, script, description
    for path in paths:
        assert path.startswith("/")
        answer = api.get(path)
        assert answer.status_code == 200
        assert answer.content
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert "http" not in page.headers["content-security-policy"]
    assert '"validatorUrl": null' in page.text


def test_the_examples_of_the_documentation_work_for_the_demo_nodes(api: Client) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    tried = 0
    for path, operations in paths.items():
        parameters = operations.get("get", {}).get("parameters", [])
        examples = {
            each["name"]: each["schema"]["example"] for each in parameters if "example" in each["schema"]
        }
        if examples:
            tried += 1
            assert (
                api.get(path.format(**examples), params=examples if "{" not in path else None).status_code
                == 200
            )
    assert tried == 5

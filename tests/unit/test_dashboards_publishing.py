"""Publishing, against a fake of Grafana's HTTP API (the real one can't be installed here)."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bypuls.errors import BypulsError
from dashboards.collection import pages
from dashboards.publishing import Outcome, publish
from dashboards.rules import RULES
from testbed.fake_grafana import TOKEN, FakeGrafana, fake_grafana


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    with fake_grafana() as running:
        yield running


def test_everything_is_made_once_and_a_repeat_writes_nothing(grafana: FakeGrafana) -> None:
    assert publish(grafana.url, TOKEN) == (Outcome(new=7), Outcome(new=len(RULES)))
    assert grafana.dashboards.keys() == {page.uid for page in pages()}
    assert set(grafana.placed.values()) == {"bypuls"}
    assert grafana.rules.keys() == {rule.uid for rule in RULES}
    grafana.writes.clear()
    assert publish(grafana.url, TOKEN) == (Outcome(same=7), Outcome(same=len(RULES)))
    assert grafana.writes == []


def test_what_somebody_changed_or_moved_is_set_right_and_the_rest_left_alone(grafana: FakeGrafana) -> None:
    publish(grafana.url, TOKEN)
    grafana.dashboards["bypuls-air"]["title"] = "Air"
    grafana.dashboards["bypuls-air"]["version"] += 1
    grafana.placed["bypuls-water"] = "elsewhere"
    grafana.rules["no2-hour"]["for"] = "1h"
    grafana.dashboards["others"] = {"uid": "others", "version": 1, "id": 99}
    assert publish(grafana.url, TOKEN) == (
        Outcome(changed=2, same=5),
        Outcome(changed=1, same=len(RULES) - 1),
    )
    assert grafana.dashboards["bypuls-air"]["title"] == "Luft"
    assert grafana.placed["bypuls-water"] == "bypuls"
    assert grafana.dashboards["others"]["version"] == 1


def test_what_was_removed_comes_back_under_its_uid(grafana: FakeGrafana) -> None:
    publish(grafana.url, TOKEN)
    del grafana.dashboards["bypuls-city"], grafana.rules["pipe-burst"]
    shown, watched = publish(grafana.url, TOKEN)
    assert (shown.new, watched.new) == (1, 1)
    assert "bypuls-city" in grafana.dashboards


def test_a_wrong_token_is_told(grafana: FakeGrafana) -> None:
    with pytest.raises(BypulsError, match="doesn't accept the token; make one of a service account"):
        publish(grafana.url, "glsa_wrong")
    assert grafana.writes == []


def test_a_token_that_may_not_is_told(grafana: FakeGrafana) -> None:
    grafana.status = 403
    with pytest.raises(BypulsError, match="its role must be Admin"):
        publish(grafana.url, TOKEN)


def test_a_server_that_fails_is_told_with_its_words(grafana: FakeGrafana) -> None:
    grafana.status = 500
    with pytest.raises(BypulsError, match="refused: Server Error 500: permissions needed"):
        publish(grafana.url, TOKEN)


@pytest.mark.parametrize("version", ["10.4.19", "11.5.9", "9.5.21-pre"])
def test_an_older_version_is_refused_before_anything_is_written(grafana: FakeGrafana, version: str) -> None:
    grafana.version = version
    with pytest.raises(BypulsError, match=rf"is Grafana {version}; these dashboards need 11.6 or newer"):
        publish(grafana.url, TOKEN)
    assert grafana.writes == []


@pytest.mark.parametrize("version", ["11.6.14+security-01", "12.4.0", "13.0.1-88213"])
def test_newer_versions_are_taken(grafana: FakeGrafana, version: str) -> None:
    grafana.version = version
    assert publish(grafana.url, TOKEN)[0].new == 7


def test_a_missing_data_source_is_told(grafana: FakeGrafana) -> None:
    grafana.datasources.clear()
    with pytest.raises(BypulsError, match="no data source with the uid 'bypuls'; make one of PostgreSQL"):
        publish(grafana.url, TOKEN)
    assert grafana.writes == []


@pytest.mark.parametrize(
    "url",
    [
        "grafana.example.org",
        "ftp://grafana.example.org",
        "http://",
        "",
        "http://127.0.0.1:99999",
        "http://[::1",
    ],
)
def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(BypulsError, match="is no URL of a Grafana"):
        publish(url, TOKEN)


def test_a_token_is_taken_without_the_line_break_behind_it_and_refused_with_one_inside(
    grafana: FakeGrafana,
) -> None:
    assert publish(grafana.url, f"{TOKEN}\r\n")[0].new == 7
    with pytest.raises(BypulsError, match="characters that no token has"):
        publish(grafana.url, "glsa_\nx")


def test_an_address_where_nobody_listens_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(BypulsError, match=f"can't reach {url}"):
        publish(url, TOKEN)


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (200, b"{}"), (404, b"nothing")])
def test_another_server_is_told(status: int, body: bytes) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            with pytest.raises(BypulsError, match="is no Grafana"):
                publish(f"http://127.0.0.1:{server.server_port}", TOKEN)
        finally:
            server.shutdown()
            thread.join()


def run(*arguments: str, token: str = TOKEN, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "bypuls", "dashboards", *arguments],
        env={**os.environ, "GRAFANA_TOKEN": token},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_publishes_and_tells_what_is_wrong_in_a_sentence(grafana: FakeGrafana) -> None:
    told = run("publish", "--url", grafana.url)
    assert (told.returncode, told.stderr) == (0, "")
    shown, watched = told.stdout.splitlines()
    assert shown == "dashboards: 7 new, 0 changed, 0 as they were"
    assert watched == f"alert rules: {len(RULES)} new, 0 changed, 0 as they were"
    told = run("publish", "--url", grafana.url, token="glsa_wrong")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith(f"bypuls: {grafana.url} doesn't accept the token")
    assert "Traceback" not in told.stderr


def test_the_command_renders_and_checks(tmp_path: Path) -> None:
    told = run("render", cwd=tmp_path)
    assert told.returncode == 0
    assert "wrote docker/grafana/dashboards/bypuls-city.json\n" in told.stdout
    assert run("check", cwd=tmp_path).returncode == 0
    (tmp_path / "docker/grafana/dashboards/bypuls-city.json").unlink()
    told = run("check", cwd=tmp_path)
    assert told.returncode == 1
    assert "dashboards/bypuls-city.json is missing. Run: bypuls dashboards render" in told.stderr

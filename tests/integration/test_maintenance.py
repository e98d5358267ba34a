"""The maintenance service: what it tells, and how it lives through an outage."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bypuls.maintenance import service
from bypuls.maintenance.service import Maintenance
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store import rollups
from bypuls.store.database import connect
from bypuls.store.hours import HOUR
from testbed import Link
from testbed.filling import put, register
from testbed.port import free_port
from testbed.writing import write

NOW = int(time.time() * 1e6)


@pytest.fixture
def stream(database_url: str) -> int:
    return register(database_url, "town-01", "no2")["no2"]


def maintenance(url: str, **settings: object) -> Maintenance:
    return Maintenance(
        DatabaseSettings.model_validate({"url": url}),
        MaintainSettings.model_validate({"columnstore_days": 30} | settings),
    )


def maintain(url: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bypuls", "maintain", *arguments],
        env=os.environ | {"BYPULS_DATABASE_URL": url, "BYPULS_MAINTAIN_COLUMNSTORE_DAYS": "30"} | settings,
        capture_output=True,
        text=True,
        check=True,
    )


class Service:
    """`bypuls maintain` as a process, with its log and its metrics."""

    def __init__(self, url: str, log: Path) -> None:
        self.log = log
        self._port = free_port()
        settings = {
            "DATABASE_URL": url,
            "MAINTAIN_COLUMNSTORE_DAYS": "30",
            "MAINTAIN_INTERVAL": "1",
            "MAINTAIN_METRICS_PORT": str(self._port),
        }
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "bypuls", "maintain"],
                env=os.environ | {f"BYPULS_{name}": value for name, value in settings.items()},
                stdout=output,
                stderr=output,
            )
        self.wait_for(lambda: "maintenance ready" in self.log.read_text(), "start")

    def metric(self, name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=2) as answer:
            text = answer.read().decode()
        [value] = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"bypuls_maintain_{name}"
        ]
        return float(value)

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"it did not {what}; its log:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)


@pytest.fixture
def link(database_url: str) -> Iterator[Link]:
    parts = urlsplit(database_url)
    with Link(parts.hostname or "", parts.port or 5432) as made:
        yield made


@pytest.fixture
def running(database_url: str, link: Link, tmp_path: Path) -> Iterator[Service]:
    parts = urlsplit(database_url)
    behind = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{link.port}")
    made = Service(behind.geturl(), tmp_path / "log")
    yield made
    made.process.send_signal(signal.SIGTERM)
    made.process.wait(15)


def test_an_outage_is_told_and_so_is_its_end(
    database_url: str, stream: int, link: Link, running: Service
) -> None:
    running.wait_for(lambda: running.metric("connected") == 1, "connect")
    link.cut()
    running.wait_for(lambda: running.metric("connected") == 0, "notice the outage")
    write(database_url, stream, [NOW - 5 * HOUR], 1.0)
    time.sleep(2.5)  # some attempts more
    link.heal()
    running.wait_for(lambda: running.metric("connected") == 1, "heal")
    running.wait_for(lambda: running.metric("rollups_total") == 1, "go on")
    assert running.metric("reconnects_total") == 1
    log = running.log.read_text()
    assert log.count("database unavailable") == 1
    assert log.count("database available again") == 1


def test_a_server_without_a_columnstore_is_told_of_once(database_url: str, running: Service) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT current_setting('timescaledb.license')").fetchone()
    rounds = running.metric("portion_seconds_count")
    time.sleep(2.5)
    assert running.metric("portion_seconds_count") == rounds
    assert running.log.read_text().count("no columnstore") == (row == ("apache",))


def test_the_backlog_is_told_while_it_is_worked_off(
    database_url: str, stream: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SHOW_EVERY", 0.0)
    first = NOW // HOUR - 3_500
    put(database_url, stream, np.arange(first, first + 3_000) * HOUR)
    seen: list[tuple[float, float]] = []
    with closing(maintenance(database_url)) as job:
        read = job.metrics.registry.get_sample_value
        job.rebuild(first, NOW // HOUR)
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE dirty_hours SET marked_at = 'epoch'")
        job.make_rollups(
            tell=lambda done, total: seen.append(
                (
                    read("bypuls_maintain_backlog_hours") or 0.0,
                    read("bypuls_maintain_backlog_age_seconds") or 0.0,
                )
            )
        )
        assert [hours for hours, _ in seen] == [3_000, 2_000, 1_000]
        ages = [(NOW // HOUR + 1 - first - 1_000 * done) * 3600 for done in range(3)]
        assert [age for _, age in seen] == pytest.approx(ages, abs=2 * 3600)
        assert read("bypuls_maintain_backlog_hours") == 0
        assert read("bypuls_maintain_backlog_age_seconds") == 0


def test_an_old_hour_waits_from_when_it_was_marked_and_repeats_do_not_renew_that(
    database_url: str, stream: int
) -> None:
    old = (NOW // HOUR - 100) * HOUR
    since = "SELECT min(extract(epoch FROM now() - marked_at))::float8 FROM dirty_hours WHERE generation = 0"
    with connect(database_url, name="test", autocommit=True) as connection:
        for ago in (900, 0):
            write(database_url, stream, [old + ago], 1.0)
            assert rollups.backlog(connection)[1] == pytest.approx(time.time() - (ago == 0) * 900, abs=5)
            if ago:
                connection.execute("UPDATE dirty_hours SET marked_at = now() - interval '900 s'")
            rollups.gather(connection, NOW // HOUR)
            assert connection.execute(since.encode()).fetchone() == (pytest.approx(900, abs=5),)


def test_nothing_is_late_while_the_oldest_hour_is_not_over(database_url: str, stream: int) -> None:
    with closing(maintenance(database_url)) as job:
        write(database_url, stream, [int(time.time() * 1e6) + 60_000_000], 1.0)
        job.make_rollups()
        assert job.metrics.registry.get_sample_value("bypuls_maintain_backlog_hours") == 1
        assert job.metrics.registry.get_sample_value("bypuls_maintain_backlog_age_seconds") == 0


def test_a_dry_run_tells_beside_a_running_job_and_does_nothing(database_url: str, stream: int) -> None:
    old = NOW // HOUR * HOUR - 100 * 24 * HOUR
    register(database_url, "town-02", "rainfall")  # kept, so that no2 goes by days and not by whole weeks
    put(database_url, stream, old + np.arange(5) * HOUR)
    with closing(maintenance(database_url)) as job:
        job.rebuild(old // HOUR, old // HOUR + 5)
        job.make_rollups()
        offered = job.has_columnstore()
        told = maintain(database_url, "--dry-run", BYPULS_MAINTAIN_RAW_DAYS="no2=50")
    day = time.strftime("%Y-%m-%d", time.gmtime(NOW / 1e6 - 50 * 86_400))
    assert f"no2: 5 readings before {day} would go\n" in told.stdout
    assert told.stdout.count("would be moved into the columnstore") == offered
    assert told.stdout.count("nothing is moved into the columnstore: this server has none") == (not offered)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM reading").fetchone() == (5,)


def test_one_round_does_all_that_is_due(database_url: str, stream: int) -> None:
    old = NOW // HOUR * HOUR - 100 * 24 * HOUR
    write(database_url, stream, old + np.arange(5) * HOUR, 1.0)
    write(database_url, stream, old + np.arange(5) * HOUR + 50 * 24 * HOUR, 1.0)
    told = maintain(database_url, "--once", BYPULS_MAINTAIN_RAW_DAYS="no2=60").stdout
    with closing(maintenance(database_url)) as job:
        offered = job.has_columnstore()
        assert job.movable() == []
    assert told.startswith("10 hourly rollups made\nno2: 5 readings removed\n")
    assert told.count("moved into the columnstore, ") == offered
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM reading").fetchone() == (5,)

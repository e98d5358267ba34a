"""What keeping hourly rollups costs beside ingesting, and what a year of hourly means costs without them."""

import time
from statistics import median
from typing import Any

import numpy as np
import psutil
import psycopg
from benchmarks.load import Load
from benchmarks.processes import cpu_seconds
from benchmarks.throughput import send

from bypuls.maintenance.service import Maintenance
from bypuls.readings import SECOND
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store.hours import HOUR
from testbed import Databases, Ingest, Mosquitto
from testbed.api import Api
from testbed.filling import NEW_YEAR, put, register

SHARE, TIMES = 0.15, 50
LOADS = (Load(1_000, 50, 60_000), Load(1_000, 10, 300_000), Load(1_000, 5, 200_000))
"""Of 5 or so, one of each channel, are the packs of the simulated town's nodes; 50 are ten rounds at once."""
YEAR = 365 * 24 * HOUR
STREAMS = 10
START = NEW_YEAR - YEAR

_GROUP_BY = """
    SELECT stream_id, date_trunc('hour', time), avg(value) FROM reading
    WHERE stream_id = ANY(%s) AND time >= to_timestamp(%s) AND time < to_timestamp(%s)
    GROUP BY 1, 2 ORDER BY 1, 2
"""


def report(databases: Databases, runs: int) -> None:
    """Print both, medians of `runs`."""
    print(f"\nKeeping rollups of readings every 10 s, processor time a reading, medians of {runs}")
    for load in LOADS:
        costs = [keeping(databases, load) for _ in range(runs)]
        ingest, rollups, hours = (median(each) for each in zip(*costs, strict=True))
        print(
            f"{load.per_pack} a pack: ingest and its database {ingest:.2f} us, rollups and theirs "
            f"{rollups:.2f} us ({hours:,.0f} hours), share {rollups / ingest:.3f} (goal: at most {SHARE})",
            flush=True,
        )
    with databases.migrated() as url:
        rolled, raw = year(url, runs)
    print(f"A year of hourly means of {STREAMS} streams, a reading every 10 s, medians of {runs}")
    print(
        f"GROUP BY over raw readings {median(raw):.2f} s, the series API from rollups {median(rolled):.3f} s"
    )
    print(f"{median(raw) / median(rolled):.0f} times faster (goal: {TIMES})", flush=True)


def keeping(databases: Databases, load: Load) -> tuple[float, float, float]:
    """Return microseconds a reading of ingest and of the job, their database's included, and hours made."""
    with databases.migrated() as url:
        with Mosquitto() as broker, Ingest(url, broker.port) as ingest:
            before = cpu_seconds(ingest.pid) + backends(url)
            send(broker.port, load, acknowledged=True)
            ingesting = cpu_seconds(ingest.pid) + backends(url) - before
        job = maintenance(url)
        job.begin()
        before = time.process_time() + backends(url)
        hours = job.make_rollups()
        making = time.process_time() + backends(url) - before
        job.close()
    return ingesting / load.readings * 1e6, making / load.readings * 1e6, float(hours)


def backends(url: str) -> float:
    """Return the processor seconds of the server processes that serve this database now."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    times = [psutil.Process(pid).cpu_times() for (pid,) in found]
    return float(sum(each.user + each.system for each in times))


def maintenance(url: str) -> Maintenance:
    """Return a job over a database."""
    return Maintenance(DatabaseSettings.model_validate({"url": url}), MaintainSettings())


def year(url: str, runs: int) -> tuple[list[float], list[float]]:
    """Return the seconds of the series API and of SQL over the raw readings, taken in turn."""
    generator = np.random.default_rng(1)
    times = START + np.arange(YEAR // (10 * SECOND), dtype=np.int64) * 10 * SECOND
    numbers = [register(url, f"air-{each:02}", "no2", place="here")["no2"] for each in range(STREAMS)]
    for number in numbers:
        for part in np.array_split(times, 12):
            put(url, number, part, np.round(generator.gamma(2, 20, len(part)), 1))
    job = maintenance(url)
    job.rebuild(START // HOUR, (START + YEAR) // HOUR)
    job.make_rollups()
    job.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    names = "&".join(f"stream=air-{each:02}/no2" for each in range(STREAMS))
    asked = f"/api/v1/series?{names}&start=2025-01-01T00:00:00Z&end=2026-01-01T00:00:00Z&every=1h&agg=mean"
    rolled, raw = [], []
    body, rows = b"", list[Any]()
    with Api(url) as api, psycopg.connect(url) as connection:
        for run in range(runs + 1):  # the first one fills the caches
            began = time.perf_counter()
            body = api.get(asked)
            middle = time.perf_counter()
            rows = connection.execute(
                _GROUP_BY, [numbers, START // SECOND, (START + YEAR) // SECOND]
            ).fetchall()
            if run:
                rolled.append(middle - began)
                raw.append(time.perf_counter() - middle)
    assert len(rows) == STREAMS * 8_760, len(rows)
    assert body.count(b"rollups") >= STREAMS, "the series was not made from rollups"
    return rolled, raw

"""Raw CSV export: a million readings through the API against psql's COPY TO STDOUT of the same rows."""

import http.client
import shutil
import subprocess
import time
from collections.abc import Sequence
from statistics import median
from urllib.parse import urlsplit

import numpy as np

from bypuls.readings import SECOND
from testbed import Api, Databases
from testbed.filling import NEW_YEAR, put, register
from testbed.sources import TREE

READINGS = 1_000_000
GOAL = 0.5

_COPY = (
    "COPY (SELECT time, value, flags FROM reading WHERE stream_id = {} ORDER BY time) TO STDOUT (FORMAT csv)"
)
_EXPORT = "/api/v1/readings?stream=air-01/no2&start=2000-01-01T00:00:00Z&end=2050-01-01T00:00:00Z&format=csv"


def report(databases: Databases, runs: int) -> None:
    """Print the table: medians of `runs`, each with its smallest and largest run."""
    print(f"\nCSV export of {READINGS:,} readings of one stream, medians of {runs}, readings/s")
    print(f"{'values':>15} {'API':>10} {'(min-max)':>20} {'psql COPY':>10} {'of it':>6} {'goal':>5}")
    generator = np.random.default_rng(1)
    full = generator.gamma(2, 20, READINGS)
    for name, values in (("two decimals", np.round(full, 2)), ("17 digits", full)):
        with databases.migrated() as url:
            ours, theirs = measure(url, values, runs)
        print(
            f"{name:>15} {median(ours):>10,.0f} {f'({min(ours):,.0f}-{max(ours):,.0f})':>20}"
            f" {median(theirs):>10,.0f} {median(ours) / median(theirs):>6.2f} {GOAL:>5}",
            flush=True,
        )


def measure(
    url: str, values: np.ndarray[tuple[int], np.dtype[np.float64]], runs: int
) -> tuple[list[float], list[float]]:
    """Return the rates of the API and of psql, readings/s, taken in turn; a first run fills the caches."""
    number = register(url, "air-01", "no2")["no2"]
    put(url, number, NEW_YEAR + np.arange(READINGS, dtype=np.int64) * 10 * SECOND, values)
    ours, theirs = [], []
    with Api(url) as api:
        for run in range(runs + 1):
            rates = READINGS / _export(api.url), READINGS / _copy(url, number)
            if run:
                ours.append(rates[0])
                theirs.append(rates[1])
    return ours, theirs


def _export(url: str) -> float:
    """Fetch all readings, count them, and return the seconds that it took."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    began, rows = time.perf_counter(), -1
    connection.request("GET", _EXPORT)
    answer = connection.getresponse()
    while part := answer.read1(1 << 20):
        rows += part.count(b"\n")
    took = time.perf_counter() - began
    connection.close()
    if answer.status != 200 or rows != READINGS:
        raise AssertionError(f"the API gave {rows} rows, status {answer.status}")
    return took


def _copy(url: str, number: int) -> float:
    """Copy the same rows out by psql, and return the seconds that it took."""
    began = time.perf_counter()
    subprocess.run(
        [*_psql(), url, "--quiet", "--command", _COPY.format(number)], stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - began


def _psql() -> Sequence[str]:
    if TREE.complete:
        return TREE.command("usr/lib/postgresql/17/bin/psql")
    found = shutil.which("psql")
    if found is None:
        raise FileNotFoundError("psql is not installed; the package postgresql-client has it")
    return [found]

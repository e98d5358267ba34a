"""Raw export: a million readings through the API against psql's COPY TO STDOUT of the same rows."""

import http.client
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from bypuls.readings import SECOND
from testbed import Api, Databases
from testbed.filling import NEW_YEAR, put, register
from testbed.sources import TREE

READINGS = 1_000_000

_COPY = (
    "COPY (SELECT time, value, flags FROM reading WHERE stream_id = {} ORDER BY time) TO STDOUT (FORMAT {})"
)
_EXPORT = "/api/v1/readings?stream=air-01/no2&start=2000-01-01T00:00:00Z&end=2050-01-01T00:00:00Z&format="


@dataclass(frozen=True)
class Form:
    """A format of the API, with what it is measured against and the share of its rate to reach."""

    name: str
    query: str
    copy: str
    goal: float


FORMS = (
    Form("CSV", "csv", "csv", 0.5),
    Form("Arrow", "arrow", "binary", 0.8),
    Form("JSON, in pages", "json&limit=100000", "binary", 0.5),
)


def report(databases: Databases, runs: int) -> None:
    """Print the table: medians of `runs`, each with its smallest and largest run."""
    print(f"\nRaw export of {READINGS:,} readings of one stream, medians of {runs}, readings/s")
    print(
        f"{'form':>15} {'values':>12} {'API':>10} {'(min-max)':>22} {'psql COPY':>10}"
        f" {'of it':>6} {'goal':>5}"
    )
    full = np.random.default_rng(1).gamma(2, 20, READINGS)
    for name, values in (("two decimals", np.round(full, 2)), ("17 digits", full)):
        with databases.migrated() as url:
            number = register(url, "air-01", "no2")["no2"]
            put(url, number, NEW_YEAR + np.arange(READINGS, dtype=np.int64) * 10 * SECOND, values)
            for form in FORMS:
                ours, theirs = measure(url, number, form, runs)
                print(
                    f"{form.name:>15} {name:>12} {median(ours):>10,.0f}"
                    f" {f'({min(ours):,.0f}-{max(ours):,.0f})':>22} {median(theirs):>10,.0f}"
                    f" {median(ours) / median(theirs):>6.2f} {form.goal:>5}",
                    flush=True,
                )


def measure(url: str, number: int, form: Form, runs: int) -> tuple[list[float], list[float]]:
    """Return the rates of the API and of psql, readings/s, taken in turn; a first run fills the caches."""
    ours, theirs = [], []
    with Api(url) as api:
        for run in range(runs + 1):
            rates = READINGS / _export(api.url, form), READINGS / _copy(url, number, form)
            if run:
                ours.append(rates[0])
                theirs.append(rates[1])
    return ours, theirs


def _export(url: str, form: Form) -> float:
    """Fetch all readings, page by page where they come so, count them, and return the seconds it took."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    began, took, rows, path = time.perf_counter(), 0.0, 0, _EXPORT + form.query
    while path:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:
            raise AssertionError(f"the API answered {answer.status}")
        rows += _count(form, body)
        began = time.perf_counter() - took  # counting is not the API's work
        link = answer.getheader("Link") or ""
        path = link.partition("<")[2].partition(">")[0]
    connection.close()
    if rows != READINGS:
        raise AssertionError(f"the API gave {rows} rows")
    return took


def _count(form: Form, body: bytes) -> int:
    if form.name == "CSV":
        return body.count(b"\n") - 1
    if form.name == "Arrow":
        return int(pa.ipc.open_stream(body).read_all().num_rows)
    times = body[body.index(b'"time":[') : body.index(b'"value":[')]
    return times.count(b"Z")


def _copy(url: str, number: int, form: Form) -> float:
    """Copy the same rows out by psql, and return the seconds that it took."""
    began = time.perf_counter()
    copy = _COPY.format(number, form.copy)
    subprocess.run([*_psql(), url, "--quiet", "--command", copy], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _psql() -> Sequence[str]:
    if TREE.complete:
        return TREE.command("usr/lib/postgresql/17/bin/psql")
    found = shutil.which("psql")
    if found is None:
        raise FileNotFoundError("psql is not installed; the package postgresql-client has it")
    return [found]

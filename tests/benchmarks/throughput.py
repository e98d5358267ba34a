"""Readings a second through broker, ingest and database, beside two ceilings and a naive baseline."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import numpy as np
import psycopg
from benchmarks.load import Load
from benchmarks.processes import TESTS, cpu_seconds, run

from bypuls.store.binary_copy import encode, postgres_time
from testbed import Databases, Ingest, Mosquitto

WINDOW = 20_000
"""Most packs that the load has under way."""

BATCH = 100_000
"""Rows in a transaction of the COPY ceiling: about what ingest commits at once under load."""


@dataclass(frozen=True)
class Shape:
    """A load, what the service should reach with it, and how many packs the slow baseline gets."""

    load: Load
    floor: int
    baseline_packs: int


SHAPES = (
    Shape(Load(1_000, 50, 60_000), 180_000, 1_000),
    Shape(Load(1_000, 10, 60_000), 90_000, 2_000),
    Shape(Load(1_000, 1, 100_000), 15_000, 4_000),
)


def send(port: int, load: Load, *, acknowledged: bool) -> float:
    """Send a load from a process of its own; seconds from the first packet to the last acknowledgement."""
    process = run(
        "benchmarks.load", "send", *words(port, load), *(["--acknowledged"] if acknowledged else [])
    )
    output, _ = process.communicate(timeout=300)
    times = json.loads(output)
    return float(times["ended"] - times["started"])


def words(port: int, load: Load) -> list[str]:
    """Return a load as words of the command line."""
    numbers = {
        "port": port,
        "streams": load.streams,
        "per-pack": load.per_pack,
        "packs": load.packs,
        "window": WINDOW,
        "start": load.start,
    }
    return [word for name, number in numbers.items() for word in (f"--{name}", str(number))]


def service(databases: Databases, load: Load, workers: int, module: str = "bypuls") -> tuple[float, float]:
    """Return readings a second end to end, and microseconds of ingest's processor time a reading."""
    with (
        databases.migrated() as url,
        Mosquitto() as broker,
        Ingest(url, broker.port, workers=workers, module=module) as ingest,
    ):
        before = cpu_seconds(ingest.pid)
        seconds = send(broker.port, load, acknowledged=True)
        cost = (cpu_seconds(ingest.pid) - before) / load.readings
        check(url, load.readings)
    return load.readings / seconds, cost * 1e6


def broker_alone(load: Load) -> float:
    """Return readings a second that the broker brings to a subscriber which only confirms."""
    with Mosquitto() as broker:
        drain = run("benchmarks.load", "drain", *words(broker.port, load))
        assert drain.stdout is not None
        assert drain.stdout.readline() == "ready\n"
        sender = run("benchmarks.load", "send", *words(broker.port, load))
        started = json.loads(sender.communicate(timeout=300)[0])["started"]
        ended = json.loads(drain.communicate(timeout=300)[0])["ended"]
    return load.readings / float(ended - started)


def copy_alone(databases: Databases, load: Load) -> float:
    """Return rows a second of binary COPY with the same rows in the same order, committed in batches."""
    rows = load.rows()
    with databases.migrated() as url, psycopg.connect(url) as connection:
        started = time.perf_counter()
        for start in range(0, len(rows), BATCH):
            part = rows.take(np.arange(start, min(start + BATCH, len(rows))))
            with (
                connection.cursor() as cursor,
                cursor.copy(
                    "COPY reading (time, stream_id, value, flags) FROM STDIN (FORMAT binary)"
                ) as copy,
            ):
                copy.write(encode(postgres_time(part.time), part.stream, part.value, part.flags))
            connection.commit()
        seconds = time.perf_counter() - started
        check(url, load.readings)
    return load.readings / seconds


def baseline(databases: Databases, load: Load) -> float:
    """Return readings a second of the naive baseline."""
    with databases.migrated() as url, Mosquitto() as broker, _naive(url, broker.port):
        return load.readings / send(broker.port, load, acknowledged=True)


def check(url: str, expected: int) -> None:
    """Make sure that a run did what it is measured for."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM reading").fetchone()
    assert row == (expected,), f"{row} rows are stored, {expected} were sent"


@contextmanager
def _naive(url: str, port: int) -> Iterator[None]:
    environment = os.environ | {
        "PYTHONPATH": str(TESTS),
        "BYPULS_DATABASE_URL": url,
        "BYPULS_MQTT_PORT": str(port),
    }
    command = [sys.executable, "-m", "benchmarks.naive"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.kill()


def report(databases: Databases, runs: int) -> None:
    """Print the table: medians of `runs`, each with its smallest and largest run."""
    print(f"\nDurable end to end (published, committed, acknowledged), medians of {runs}, readings/s")
    print(
        "readings  one      two      (min-max)             goal     broker     COPY  two: of    naive  two:\n"
        "  a pack  worker   workers                                  alone    alone  the lower baseline times"
    )
    for shape in SHAPES:
        load = shape.load
        one, two, brokers, copies = [], [], [], []
        for _ in range(runs):  # in turn, so that a drift of the machine's speed hits all alike
            one.append(service(databases, load, 1))
            two.append(service(databases, load, 2))
            brokers.append(broker_alone(load))
            copies.append(copy_alone(databases, load))
        part = Load(load.streams, load.per_pack, shape.baseline_packs)
        slow = median(baseline(databases, part) for _ in range(runs))
        rates = [rate for rate, _ in two]
        rate, broker, copy = median(rates), median(brokers), median(copies)
        span = f"({min(rates):,.0f}-{max(rates):,.0f})"
        print(
            f"{load.per_pack:>8}  {median(rate for rate, _ in one):<8,.0f} {rate:<8,.0f} {span:<20}"
            f" {shape.floor:>7,} {broker:>10,.0f} {copy:>8,.0f} {rate / min(broker, copy):>10.2f}"
            f" {slow:>9,.0f} {rate / slow:>5.1f}",
            flush=True,
        )
        costs = (median(cost for _, cost in one), median(cost for _, cost in two))
        print(
            f"          processor time of ingest a reading: {costs[0]:.2f} and {costs[1]:.2f} us", flush=True
        )
    print("goals: 0.7 of the lower ceiling with 50 a pack, 4 times the baseline")

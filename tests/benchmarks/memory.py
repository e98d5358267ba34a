"""Memory of ingest while readings wait, and while the database is away under load."""

import threading
import time

import psycopg
from benchmarks.load import Load
from benchmarks.processes import resident_megabytes
from benchmarks.throughput import check, send

from testbed import Databases, DatabaseServer, Ingest, Mosquitto

AWAY = 60.0
GOAL = 250


class Watch:
    """The largest memory of a process, looked at every 50 ms from `with` to its end."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.peak = 0.0

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.05):
            self.peak = max(self.peak, resident_megabytes(self._pid))


def waiting(databases: Databases, load: Load) -> float:
    """Return the peak while a million readings wait because nobody can write."""
    with (
        databases.migrated() as url,
        Mosquitto() as broker,
        Ingest(url, broker.port) as ingest,
        Watch(ingest.pid) as watch,
        psycopg.connect(url) as blocker,
    ):
        blocker.execute("LOCK TABLE reading IN EXCLUSIVE MODE")
        sender = threading.Thread(target=send, args=(broker.port, load), kwargs={"acknowledged": True})
        sender.start()
        time.sleep(15)
        blocker.rollback()
        sender.join()
        check(url, load.readings)
    return watch.peak


def without_database(server: DatabaseServer, databases: Databases) -> tuple[float, float]:
    """Return the peak while the database is killed for a minute under load, and the seconds to catch up."""
    load = Load(1_000, 50, 60_000)
    with (
        databases.migrated() as url,
        Mosquitto() as broker,
        Ingest(url, broker.port) as ingest,
        Watch(ingest.pid) as watch,
    ):
        sender = threading.Thread(target=send, args=(broker.port, load), kwargs={"acknowledged": True})
        sender.start()
        ingest.wait_for(lambda: ingest.metric("readings") > 0, "store the first readings", timeout=60)
        server.kill()
        time.sleep(AWAY)
        server.start()
        back = time.monotonic()
        sender.join()
        took = time.monotonic() - back
        check(url, load.readings)
    return watch.peak, took


def report(server: DatabaseServer, databases: Databases) -> None:
    """Print the peaks."""
    print(f"\nMemory of ingest, 10^6 bytes resident at the peak (goal: below {GOAL})")
    print(f"  a million readings waiting, 50 a pack   {waiting(databases, Load(1_000, 50, 20_000)):>6.0f}")
    print(
        f"  a million readings waiting, 1 a message {waiting(databases, Load(1_000, 1, 1_000_000)):>6.0f}",
        flush=True,
    )
    peak, took = without_database(server, databases)
    print(
        f"  database killed for {AWAY:.0f} s under load       {peak:>6.0f}; "
        f"all there {took:.1f} s after its return"
    )

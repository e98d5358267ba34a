"""The MicroPython agent on the unix port: its heap over 100,000 packs, and how it drains a backlog."""

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from testbed import Databases, Device, Ingest, Link, Mosquitto
from testbed.micropython import MicroNode, compile_device

NODE = "mp-bench"
HEAP = "64k"
SMALL = {"segments": 80, "pack_bytes": 256, "window": 8}


class Ear(Device):
    """Hears what the node says of itself, and when each of its packs was acknowledged."""

    def status(self) -> dict[str, Any]:
        """Return the newest status."""
        return next((each for each in reversed(self.acks.get(NODE, [])) if "state" in each), {})


def report(databases: Databases) -> None:
    """Print both tables."""
    print("\nMicroPython agent (unix port, 64 bits, mpy-cross -O3) through ingest and database")
    with tempfile.TemporaryDirectory(prefix="bypuls-micropython-") as folder:
        device = compile_device(Path(folder) / "device", "-O3")
        heap(databases, Path(folder) / "heap", device)
        drain(databases, Path(folder) / "drain", device)


@contextmanager
def running(
    databases: Databases, folder: Path, device: Path, every: float, small: bool
) -> Iterator[tuple[MicroNode, Link, Ear, psycopg.Connection[Any]]]:
    """Run the whole chain with one node, whose link can be cut.

    Small: a heap of 64 KB, and two samples in a pack. Else one sample in each, and 64 KB as a board has them,
    which are 128 KB with 64 bits.
    """
    folder.mkdir()
    sensor = {
        "driver": "simulated",
        "shape": "count",
        "outputs": ["no2"],
        "every": every,
        "journal": "journal",
    }
    settings = {
        "node": NODE,
        "store": SMALL if small else {"window": 16},
        "report": 1.5 * every if small else 0,
        "sensors": {"sim": sensor},
        "channels": {"no2": {"sensor": "sim", "window": 0}},
    }
    with (
        databases.migrated() as url,
        Mosquitto() as broker,
        Ingest(url, broker.port),
        Link("127.0.0.1", broker.port) as link,
        Ear(broker.port) as ear,
        psycopg.connect(url, autocommit=True) as database,
        MicroNode(settings, link.port, folder, heap=HEAP if small else "64wk", device=device) as node,
    ):
        ear.hear(f"bypuls/v1/{NODE}/status")
        yield node, link, ear, database


def heap(databases: Databases, folder: Path, device: Path) -> None:
    """Fill the store while the broker is away, make 100,000 packs, and print the peak.

    They are made faster than they can be sent, so the store stays full and drops packs: the worst case.
    """
    with running(databases, folder, device, 0.001, small=True) as (node, link, ear, database):
        link.cut()
        node.start()
        began = time.monotonic()
        _wait(lambda: len(list((folder / "packs").glob("*.seg"))) >= 80, 300)
        filled = time.monotonic() - began
        link.heal()
        _wait(lambda: _packs(folder) >= 100_000, 1500)
        took = time.monotonic() - began
        _wait(lambda: ear.status().get("clock") == "known", 70)
        time.sleep(61)  # until it has said so anew
        status = ear.status()
        node.kill()
        numbers = {value for _, _, value, _ in node.journal()}
        stored = {row[0] for row in database.execute("SELECT value FROM reading")}
    peak, size = status["heap"]["peak"], status["heap"]["size"]
    print(f"  -X heapsize={HEAP}: store full after {filled:.0f} s, 100,000 packs made after {took:.0f} s")
    print(
        f"  peak heap {peak:,} of {size:,} bytes; {status['dropped']:,} packs dropped, {status['problems']}"
    )
    print(f"  generated {len(numbers):,}, stored {len(stored & numbers):,}, unknown {len(stored - numbers)}")


def _packs(folder: Path) -> int:
    """Return the first seq of the newest segment."""
    return max(int(path.stem) for path in (folder / "packs").glob("*.seg"))


def drain(databases: Databases, folder: Path, device: Path) -> None:
    """Let 10,000 packs gather, and watch them drain beside live ones at 10 a second."""
    with running(databases, folder, device, 0.002, small=False) as (node, link, _ear, database):
        link.cut()
        node.start()
        _wait(lambda: len(list((folder / "packs").glob("*.seg"))) >= 157, 300)
        node.kill()
        backlog = len(node.journal())
        settings = json.loads((folder / "config.json").read_text())
        live_rate = 10
        settings["sensors"]["sim"]["every"] = 1 / live_rate
        (folder / "config.json").write_text(json.dumps(settings))
        link.heal()
        lags: list[float] = []
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.2):
                row = database.execute("SELECT extract(epoch FROM now() - max(time)) FROM reading").fetchone()
                if row and row[0] is not None:
                    lags.append(float(row[0]))

        node.start()
        _wait(lambda: _count(database) > 0, 60)
        started = time.monotonic()
        watcher = threading.Thread(target=watch)
        time.sleep(1)
        watcher.start()
        _wait(lambda: _count(database) >= backlog, 600)
        took = time.monotonic() - started
        ended.set()
        watcher.join()
        made = len(node.journal()) - 1  # one was in hand at the kill
        _wait(lambda: _count(database) >= made, 30)
        node.kill()
    rate = backlog / took
    print(
        f"  backlog of {backlog:,} packs beside {live_rate} live ones a second: drained in {took:.1f} s, "
        f"{rate:.0f} packs/s, {rate / live_rate:.0f} times the live rate"
    )
    print(f"  lag of the newest live reading: median {statistics.median(lags):.2f} s, most {max(lags):.2f} s")


def _count(database: psycopg.Connection[Any]) -> int:
    row = database.execute("SELECT count(*) FROM reading").fetchone()
    assert row is not None
    return int(row[0])


def _wait(condition: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"it took more than {timeout:g} s")
        time.sleep(0.2)

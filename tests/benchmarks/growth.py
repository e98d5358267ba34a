"""How the cost of a reading grows with the number of streams."""

from statistics import median

from benchmarks.load import Load
from benchmarks.processes import cpu_seconds
from benchmarks.throughput import send

from testbed import Databases, Ingest, Mosquitto

FEW, MANY = 1_000, 50_000


def seconds_per_reading(databases: Databases, streams: int) -> tuple[float, float]:
    """Return microseconds a reading, of the clock and of ingest's processor, the streams being enrolled."""
    load = Load(streams, 50, 30_000)
    enrolment = Load(streams, 5, streams // 5, start=-86_400)
    with databases.migrated() as url, Mosquitto() as broker, Ingest(url, broker.port) as ingest:
        send(broker.port, enrolment, acknowledged=True)
        before = cpu_seconds(ingest.pid)
        seconds = send(broker.port, load, acknowledged=True)
        return seconds / load.readings * 1e6, (cpu_seconds(ingest.pid) - before) / load.readings * 1e6


def report(databases: Databases, runs: int) -> None:
    """Print cost and ratio, medians of `runs`."""
    few, many = [], []
    for _ in range(runs):
        few.append(seconds_per_reading(databases, FEW))
        many.append(seconds_per_reading(databases, MANY))
    print(f"\nCost of a reading by number of streams, 50 readings a pack, medians of {runs}")
    print(f"{'streams':>8} {'us/reading':>11} {'ingest cpu us':>14}")
    for streams, costs in ((FEW, few), (MANY, many)):
        print(f"{streams:>8,} {median(c[0] for c in costs):>11.2f} {median(c[1] for c in costs):>14.2f}")
    ratio = median(c[0] for c in many) / median(c[0] for c in few)
    print(f"ratio {ratio:.2f} (goal: at most 1.2)", flush=True)

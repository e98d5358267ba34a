"""The simulated town: how fast it is computed, what many live nodes cost, how soon a month has arrived."""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.processes import cpu_seconds, resident_megabytes

from bypuls.readings import SECOND
from bypuls.store.registration import register
from simulators.town import plan as plans
from simulators.town import town as towns
from simulators.town.faults import Faults
from simulators.town.packs import packs
from simulators.town.scenarios import Forces
from simulators.town.town import Town, rounded
from testbed import Databases, Ingest, Mosquitto

_LIVE_SECONDS = 60
_SETTLE = 15
_GOAL_RATE, _GOAL_CORE, _GOAL_MEMORY, _GOAL_HISTORY = 5e6, 0.5, 300, 180


def generated(nodes: int, interval: float, seconds: int, *, packed: bool) -> float:
    """Return readings a second of processor time of computing a town, with or without writing packs."""
    start = int(time.time()) * SECOND
    town = Town(plans.read("lillestrom"), towns.read("lillestrom", nodes, interval), 7, Forces([], start))
    faults = Faults(town, {})
    for block in town.blocks(start, start + SECOND):  # the weather of the day, the rivers' years
        rounded(block.group, block.values)
    readings, begin = 0, time.process_time()
    for block in town.blocks(start, start + seconds * SECOND):
        if packed:
            readings += sum(pack.readings for pack in packs(faults.apply(block)))
        else:
            readings += sum(column.size for column in rounded(block.group, block.values).values())
    return readings / (time.process_time() - begin)


def live(databases: Databases, nodes: int) -> tuple[float, float, float, str]:
    """Return cores, 10^6 bytes, rate and latencies of a live town that measures each 10 s."""
    with databases.migrated() as url, Mosquitto() as broker, Ingest(url, broker.port) as ingest:
        process = _simulate(broker.port, "--nodes", str(nodes), "--interval", "10s", "--load")
        try:
            ingest.wait_for(lambda: ingest.metric("readings") > 0, "get a reading", timeout=60)
            time.sleep(_SETTLE)
            before, stored, begin = cpu_seconds(process.pid), ingest.metric("readings"), time.monotonic()
            peak = 0.0
            while time.monotonic() - begin < _LIVE_SECONDS:
                peak = max(peak, resident_megabytes(process.pid))
                time.sleep(0.5)
            seconds = time.monotonic() - begin
            cores = (cpu_seconds(process.pid) - before) / seconds
            rate = (ingest.metric("readings") - stored) / seconds
        finally:
            process.terminate()
        output, _ = process.communicate(timeout=60)
    [*_, latencies] = re.findall(r"to acknowledgement: (.*)", output)
    return cores, peak, rate, latencies


def history(databases: Databases, *options: str) -> tuple[float, int]:
    """Return seconds until 30 days of the default town are acknowledged, and how many readings they are."""
    with (
        databases.migrated() as url,
        Mosquitto() as broker,
        Ingest(url, broker.port),
        tempfile.TemporaryDirectory() as folder,
    ):
        register(url, [node.registered() for node in towns.read("lillestrom")])
        journal = str(Path(folder) / "town.jsonl")
        begin = time.monotonic()
        process = _simulate(
            broker.port, "--history", "30d", "--duration", "0s", "--journal", journal, *options
        )
        output, _ = process.communicate(timeout=600)
        seconds = time.monotonic() - begin
    [safe] = re.findall(r"([\d,]+) readings are safe$", output, re.MULTILINE)
    return seconds, int(safe.replace(",", ""))


def _simulate(port: int, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "bypuls", "simulate", "--seed", "7", *options],
        env=os.environ | {"BYPULS_MQTT_PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )


def report(databases: Databases, runs: int) -> None:
    """Print the table, with the goals."""
    print("\nThe simulated town, one process")
    for packed, what in ((False, "computed"), (True, "computed and packed")):
        rate = median(generated(10_000, 10, 600, packed=packed) for _ in range(runs))
        goal = f" (goal {_GOAL_RATE:,.0f})" if not packed else ""
        print(f"  {what}: {rate:,.0f} readings/s{goal}", flush=True)
    nodes = 10_000
    channels = sum(len(node.channels) for node in towns.read("lillestrom", nodes))
    cores, peak, rate, latencies = live(databases, nodes)
    print(
        f"  {nodes:,} nodes with {channels:,} channels at 10 s: {rate:,.0f} readings/s stored, "
        f"{cores:.2f} cores (goal {_GOAL_CORE}), {peak:.0f} MB (goal {_GOAL_MEMORY}); {latencies}",
        flush=True,
    )
    for options in (("--interval", "10min"), ()):
        seconds, readings = history(databases, *options)
        name = "at 10 min" if options else "each node at its own interval"
        goal = f" (goal {_GOAL_HISTORY} s)" if options else ""
        print(
            f"  30 days of 85 nodes, {name}: {readings:,} readings safe after {seconds:.0f} s{goal}",
            flush=True,
        )

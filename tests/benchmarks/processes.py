"""What a process and its children cost: processor time and memory."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

TESTS = Path(__file__).parents[1]


def run(module: str, *words: str) -> "subprocess.Popen[str]":
    """Start a module of the benchmarks as a process of its own; input and output are the caller's."""
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process and its children have used so far, user and system."""
    process = psutil.Process(pid)
    times = [part.cpu_times() for part in (process, *process.children(recursive=True))]
    return float(sum(part.user + part.system for part in times))


def resident_megabytes(pid: int) -> float:
    """Return the memory of a process and its children that is in RAM, in 10**6 bytes."""
    process = psutil.Process(pid)
    return sum(float(part.memory_info().rss) for part in (process, *process.children(recursive=True))) / 1e6

"""`make bench`: every figure that the README states, measured in one run."""

import argparse
import os
import platform
from collections.abc import Callable

from benchmarks import (
    aggregation,
    checks,
    dashboards,
    edge,
    growth,
    live,
    memory,
    micropython,
    raw_export,
    rollups,
    throughput,
    town,
)

from bypuls.store.migrate import migrate
from testbed import Databases, DatabaseServer, timescale_server

PARTS: dict[str, Callable[[DatabaseServer, Databases, int], None]] = {
    "throughput": lambda _, databases, runs: throughput.report(databases, runs),
    "growth": lambda _, databases, runs: growth.report(databases, runs),
    "memory": lambda server, databases, _: memory.report(server, databases),
    "export": lambda _, databases, runs: raw_export.report(databases, runs),
    "aggregation": lambda _server, _databases, runs: aggregation.report(runs, aggregation.STREAMS),
    "checks": lambda _, databases, runs: checks.report(databases, runs),
    "live": lambda _, databases, runs: live.report(databases, runs),
    "rollups": lambda _, databases, runs: rollups.report(databases, runs),
    "town": lambda _, databases, runs: town.report(databases, runs),
    "dashboards": lambda _, databases, runs: dashboards.report(databases, runs),
    "edge": lambda _server, databases, _runs: edge.report(databases),
    "micropython": lambda _server, databases, _runs: micropython.report(databases),
}


def main() -> None:
    """Run the parts named, all by default, and print their tables."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of {', '.join(PARTS)}"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each, of which the median counts")
    words = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, Python {platform.python_version()}, load average {load:.1f}")
    with timescale_server() as server, Databases(server.url, migrate) as databases:
        for part in words.parts or PARTS:
            PARTS[part](server, databases, words.runs)


if __name__ == "__main__":
    main()

"""`make bench`: every figure that the README states, measured in one run."""

import argparse
import os
import platform

from benchmarks import aggregation, checks, growth, memory, raw_export, rollups, throughput, town

from bypuls.store.migrate import migrate
from testbed import Databases, timescale_server

PARTS = ("throughput", "growth", "memory", "export", "aggregation", "checks", "rollups", "town")


def main() -> None:
    """Run the parts named, all by default, and print their tables."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of {', '.join(PARTS)}"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each, of which the median counts")
    words = parser.parse_args()
    parts = words.parts or PARTS
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, Python {platform.python_version()}, load average {load:.1f}")
    with timescale_server() as server, Databases(server.url, migrate) as databases:
        if "throughput" in parts:
            throughput.report(databases, words.runs)
        if "growth" in parts:
            growth.report(databases, words.runs)
        if "memory" in parts:
            memory.report(server, databases)
        if "export" in parts:
            raw_export.report(databases, words.runs)
        if "checks" in parts:
            checks.report_share(databases, words.runs)
        if "rollups" in parts:
            rollups.report(databases, words.runs)
        if "town" in parts:
            town.report(databases, words.runs)
    if "aggregation" in parts:
        aggregation.report(words.runs, aggregation.STREAMS)
    if "checks" in parts:
        checks.report(words.runs)


if __name__ == "__main__":
    main()

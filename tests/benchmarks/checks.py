"""Quality checks: readings a second in batches as ingest has them, over few streams and many."""

from statistics import median
from time import perf_counter

import numpy as np
from benchmarks.load import Load
from benchmarks.throughput import service
from numpy.typing import NDArray

from bypuls.limits_of_change import LIMITS, row_of, table
from bypuls.numeric.checks import Checks
from testbed import Databases

BATCH = 50_000
BATCHES = 24
STREAMS = (1_000, 10_000, 50_000)
SECOND = 1_000_000
LOAD = Load(1_000, 50, 60_000)


def report(databases: Databases, runs: int) -> None:
    """Print their speed alone, and what they cost ingest."""
    report_speed(runs)
    report_share(databases, runs)


def report_speed(runs: int) -> None:
    """Print the median of `runs` for each number of streams, all of them of a quantity with limits."""
    print(f"{'streams':>8} {'readings/s':>12} {'flagged':>8}")
    for streams in STREAMS:
        rates, shares = zip(*(measure(streams, run) for run in range(runs)), strict=True)
        print(f"{streams:8,} {median(rates):12,.0f} {median(shares):8.2%}")


def report_share(databases: Databases, runs: int) -> None:
    """Print what the checks cost ingest, runs with and without them taken in turn."""
    with_checks, without = [], []
    for _ in range(runs):
        with_checks.append(service(databases, LOAD, 1))
        without.append(service(databases, LOAD, 1, module="benchmarks.unchecked"))
    (rate, cost), (rate_without, cost_without) = (
        map(median, zip(*each, strict=True)) for each in (with_checks, without)
    )
    print(f"\nQuality checks in ingest, {LOAD.per_pack} readings a pack, one worker, medians of {runs}")
    print(f"with them {rate:,.0f} readings/s and {cost:.2f} us of processor time a reading,")
    print(f"without   {rate_without:,.0f} readings/s and {cost_without:.2f} us")
    print(
        f"throughput {rate / rate_without - 1:+.1%} (goal: at least -10 %), "
        f"processor time of ingest {cost / cost_without - 1:+.1%}",
        flush=True,
    )


def measure(streams: int, seed: int) -> tuple[float, float]:
    """Return readings a second, and the share that was flagged; one reading in 200 is a spike."""
    chance = np.random.default_rng(seed)
    each = BATCH // streams
    stream = np.repeat(np.arange(streams, dtype=np.int32), each)
    rows = np.array([row_of(key) for key in LIMITS], np.intp)
    limit = rows[stream % len(rows)]
    interval = np.full(BATCH, 10.0)
    step = np.tile(np.arange(each), streams) * 10 * SECOND
    checks, spent, flagged = Checks(table()), 0.0, 0
    for batch in range(BATCHES):
        time: NDArray[np.int64] = 1_700_000_000 * SECOND + batch * each * 10 * SECOND + step
        value = np.round(20 + 0.2 * chance.normal(size=BATCH), 1) + 60 * (chance.random(BATCH) < 0.005)
        received = time + SECOND
        begin = perf_counter()
        flags = checks.check(stream, time, value, limit=limit, interval=interval, received=received)
        checks.keep(checks.position)
        spent += perf_counter() - begin
        flagged += int(np.count_nonzero(flags))
    return BATCH * BATCHES / spent, flagged / (BATCH * BATCHES)


if __name__ == "__main__":
    report_speed(5)

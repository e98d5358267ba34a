"""Statistics per stream and minute: readings a second, beside Polars and DuckDB in the same run."""

import argparse
import os
from collections.abc import Callable, Sequence
from itertools import product
from statistics import median
from time import perf_counter

os.environ["POLARS_MAX_THREADS"] = "2"  # read when Polars is imported

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from bypuls.numeric.edges import SECOND, fixed_edges
from bypuls.numeric.kinds import Kind
from bypuls.numeric.statistics import columns_of, statistics
from bypuls.numeric.summary import summarise

READINGS = 5_000_000
STREAMS = (1_000, 50_000)
ORDERS = ("stream, time", "time", "nothing")
"""As the store gives them, as they arrive, and shuffled."""

BEGIN = 1_699_999_980 * SECOND
INTERVAL = 10 * SECOND
MINUTE = 60 * SECOND
NAMES = ("n", "mean", "min", "max", "std")
RANKS = (50.0, 95.0, 99.0)

Readings = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]
Table = NDArray[np.float64]
"""One row for each stream and minute, ordered by them, and one column for each statistic."""


def report(runs: int, numbers: Sequence[int]) -> None:
    """Print readings a second, the median of `runs`, by streams, times, order and statistics."""
    print(f"\nCount, mean, min, max, std by stream and minute, and p50, p95, p99 besides; medians of {runs}")
    print(
        f"{'streams':>8} {'times':>8} {'ordered by':>12} {'with':>11} {'Mreadings/s':>11} "
        f"{'of Polars':>9} {'its windows':>11} {'goal':>4} {'of DuckDB':>9} {'goal':>4}"
    )
    for streams, jittered, order in product(numbers, (False, True), ORDERS):
        readings = make(streams, jittered, order)
        times = "jittered" if jittered else "even"
        for ranked, goals in ((False, (3, 1)), (True, (2, 1.5))):
            ours, polars, windows, duck = compare(readings, ranked, runs)
            label = "percentiles" if ranked else "moments"
            print(
                f"{streams:8,} {times:>8} {order:>12} {label:>11} {ours / 1e6:11.1f} "
                f"{ours / polars:9.1f} {ours / windows:11.1f} {goals[0]:4} {ours / duck:9.1f} {goals[1]:4}",
                flush=True,
            )


def make(streams: int, jittered: bool, order: str) -> Readings:
    """Make readings every 10 s, on the second or up to 1 s late, as nodes stamp them in microseconds."""
    chance = np.random.default_rng(7)
    each = READINGS // streams
    stream = np.repeat(np.arange(1, streams + 1, dtype=np.int32), each)
    time = BEGIN + np.tile(np.arange(each) * INTERVAL, streams)
    if jittered:
        time += chance.integers(0, SECOND, READINGS)
    value = np.round(chance.normal(20, 5, READINGS), 2)
    match order:
        case "time":
            places = np.lexsort((stream, time))
        case "nothing":
            places = chance.permutation(READINGS)
        case _:
            return stream, time, value
    return stream[places], time[places], value[places]


def compare(readings: Readings, ranked: bool, runs: int) -> list[float]:
    """Time the four, one after the other in each run, and check that they agree.

    Polars' windows only once: they take up to six seconds.
    """
    windows = polars_query(readings, ranked, windows=True)
    peers = (ours, polars_query(readings, ranked), windows, duckdb_query(readings, ranked))
    seconds: list[list[float]] = [[] for _ in peers]
    for run in range(runs):
        tables = []
        for peer, spent in zip(peers, seconds, strict=True):
            if run and peer is windows:
                continue
            begin = perf_counter()
            result = peer(readings, ranked)
            spent.append(perf_counter() - begin)
            if run == 0:
                tables.append(result())
        if run == 0:
            for table in tables[1:]:
                np.testing.assert_allclose(tables[0], table, rtol=1e-9, atol=1e-9)
    return [READINGS / median(spent) for spent in seconds]


def ours(readings: Readings, ranked: bool) -> Callable[[], Table]:
    """Run the public functions."""
    stream, time, value = readings
    edges = fixed_edges(int(time.min()), int(time.max()) + 1, MINUTE)
    wanted = columns_of(Kind.LINEAR, NAMES)
    q = RANKS if ranked else ()
    summary = summarise(stream, time, value, edges=edges, kind=Kind.LINEAR, columns=wanted, q=q)
    columns = list(statistics(summary, NAMES, edges=edges).values())
    if summary.percentiles is not None:
        columns += list(summary.percentiles.T)
    return lambda: np.column_stack([summary.stream, edges[summary.window], *columns])


def polars_query(
    readings: Readings, ranked: bool, *, windows: bool = False
) -> Callable[[Readings, bool], Callable[[], Table]]:
    """Prepare the query for Polars, over a frame made beforehand.

    It goes by a whole number for the minute, the fastest way that we know; with `windows` by what Polars has
    for windows of time, which wants them in order.
    """
    frame = pl.DataFrame(dict(zip(("stream", "time", "value"), readings, strict=True)))
    value = pl.col("value")
    wanted = [
        value.len().alias("n"),
        value.mean().alias("mean"),
        value.min().alias("min"),
        value.max().alias("max"),
        value.std(ddof=0).alias("std"),
    ]
    if ranked:
        wanted += [value.quantile(rank / 100, "linear").alias(f"p{rank}") for rank in RANKS]
    if windows:
        ordered = bool((np.diff(readings[0]) >= 0).all() or (np.diff(readings[1]) >= 0).all())
        timed = frame.with_columns(pl.col("time").cast(pl.Datetime("us")).alias("minute")).lazy()
        timed = timed if ordered else timed.sort("minute")
        query = timed.group_by_dynamic("minute", every="1m", group_by="stream").agg(wanted)
    else:
        minute = (pl.col("time") // MINUTE * MINUTE).alias("minute")
        query = frame.lazy().group_by("stream", minute).agg(wanted)

    def run(_readings: Readings, _ranked: bool) -> Callable[[], Table]:
        result = query.collect()
        return lambda: result.sort("stream", "minute").cast(pl.Float64).to_numpy()

    return run


def duckdb_query(readings: Readings, ranked: bool) -> Callable[[Readings, bool], Callable[[], Table]]:
    """Prepare the query for DuckDB, over a table of its own made beforehand."""
    database = duckdb.connect(config={"threads": 2})
    frame = pl.DataFrame(dict(zip(("stream", "time", "value"), readings, strict=True))).to_arrow()
    database.register("arrow", frame)
    database.execute("CREATE TABLE reading AS SELECT * FROM arrow")
    # A list of ranks in one call, so that DuckDB sorts each group once.
    ranks = ", quantile_cont(value, [0.5, 0.95, 0.99]) AS ranks" if ranked else ""
    query = (
        f"SELECT stream, time // {MINUTE} * {MINUTE} AS minute, count(*) AS n, avg(value) AS mean, "  # noqa: S608
        f"min(value) AS low, max(value) AS high, stddev_pop(value) AS std{ranks} FROM reading GROUP BY 1, 2"
    )

    def run(_readings: Readings, _ranked: bool) -> Callable[[], Table]:
        columns = database.sql(query).to_arrow_table()
        return lambda: _duckdb_table(pl.DataFrame(pl.from_arrow(columns)), ranked)

    return run


def _duckdb_table(frame: pl.DataFrame, ranked: bool) -> Table:
    if ranked:
        frame = frame.with_columns(pl.col("ranks").list.get(i).alias(f"p{i}") for i in range(len(RANKS)))
        frame = frame.drop("ranks")
    return frame.sort("stream", "minute").cast(pl.Float64).to_numpy()


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--runs", type=int, default=5)
    words.add_argument("--streams", type=int, nargs="+", default=STREAMS)
    chosen = words.parse_args()
    report(chosen.runs, chosen.streams)

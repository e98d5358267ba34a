"""A database filled by the simulated town: written as ingest does, without a broker, and rolled up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import psycopg

from bypuls.channels import Averaging, of_channel
from bypuls.instants import to_datetime
from bypuls.maintenance.service import Maintenance
from bypuls.readings import SECOND, ReadingBatch
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store.commit import Commit, PackSeen
from bypuls.store.hours import HOUR, hour_edges, summarise_readings
from bypuls.store.registration import register
from bypuls.store.rollups import write_hours
from bypuls.store.writer import Writer
from simulators.town.packs import stamps
from simulators.town.scenarios import Forces
from simulators.town.town import Node, Town, read, rounded
from testbed.ingest import as_role

DAY = 86_400 * SECOND
NOON = int(np.datetime64("2025-11-20T12:00", "us").astype(np.int64))
"""When scenarios are at their height, microseconds since 1970: a Thursday, 13:00 in the town."""

_AT_ONCE = 5 * DAY
_LOG = "town"


@dataclass(frozen=True, slots=True)
class TownDatabase:
    """What a database was filled with: readings of [start, end), and what befell the town `at` a time."""

    url: str
    nodes: list[Node]
    start: int
    end: int
    scenarios: tuple[str, ...]
    at: int
    seed: int


def town_nodes(most: int | None = None, interval: float = 900.0) -> list[Node]:
    """Return the town's nodes, at most so many of a kind but all river gauges; `interval` in seconds."""
    counted: dict[str, int] = {}
    kept = []
    for node in read("lillestrom", interval=interval):
        counted[node.kind] = counted.get(node.kind, 0) + 1
        if most is None or node.kind == "river" or counted[node.kind] <= most:
            kept.append(node)
    return kept


def fill(
    url: str,
    nodes: Sequence[Node],
    start: int,
    end: int,
    scenarios: Sequence[str] = (),
    *,
    at: int = NOON,
    seed: int = 1,
) -> TownDatabase:
    """Register nodes, and write what they measure in [start, end), microseconds since 1970.

    Each node is heard last when it measured last, and has sent a pack for each of its measurements.
    """
    register(url, [node.registered() for node in nodes])
    numbers = _numbers(url)
    town = Town(nodes, seed, Forces(list(scenarios), at))
    with Writer(as_role(url, "bypuls_ingest"), "town") as writer:
        for begin in range(start, end, _AT_ONCE):
            writer.write(_measured(town, numbers, begin, min(begin + _AT_ONCE, end), start))
    roll_up(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE node SET state = 'online', state_at = %s", [to_datetime(start)])
        connection.execute("ANALYZE")
    return TownDatabase(url, list(nodes), start, end, tuple(scenarios), at, seed)


def add_hours(filled: TownDatabase, days: int, nodes: Sequence[Node]) -> None:
    """Add the rollups of so many days before the first reading, whose raw readings were removed long ago.

    Of each hour one instant is measured, and taken for as many readings as the stream's interval has in it.
    """
    hourly = [replace(node, interval=3600.0) for node in nodes]
    town = Town(hourly, filled.seed, Forces(filled.scenarios, filled.at))
    numbers, each = _numbers(filled.url), round(3600 / nodes[0].interval)
    averagings = {
        numbers[node.node, channel.name][1]: Averaging(of_channel(channel.name).kind)
        for node in nodes
        for channel in node.channels
    }
    with psycopg.connect(filled.url) as connection:
        for begin in range(filled.start - days * DAY, filled.start, 30 * DAY):
            end = min(begin + 30 * DAY, filled.start)
            readings = _measured(town, numbers, begin, end, begin).readings
            edges = hour_edges(begin // HOUR - 1, end // HOUR)
            for _, summary in summarise_readings(readings, averagings, edges):
                write_hours(connection, replace(summary, n=summary.n * each), begin // HOUR - 1)
        connection.execute(
            "INSERT INTO retention (stream_id, raw_from) SELECT unnest(%s::int[]), %s",
            [list(averagings), to_datetime(filled.start)],
        )
    with psycopg.connect(filled.url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def roll_up(url: str) -> int:
    """Make the rollups that are due, and return how many."""
    job = Maintenance(DatabaseSettings.model_validate({"url": url}), MaintainSettings())
    try:
        return job.make_rollups()
    finally:
        job.close()


def _measured(
    town: Town, numbers: dict[tuple[str, str], tuple[int, int]], begin: int, end: int, start: int
) -> Commit:
    streams, times, values = [], [], []
    commit = Commit([])
    for block in town.blocks(begin, end):
        group = block.group
        names = [group.names[row] for row in block.rows.tolist()]
        for channel in group.channels:
            ids = np.array([numbers[name, channel.name][1] for name in names], np.int32)
            values.append(rounded(group, block.values)[channel.name].ravel())
            times.append(stamps(block, channel).ravel())
            streams.append(np.repeat(ids, block.tick.shape[1]))
        for name, ticks in zip(names, block.tick, strict=True):
            node = numbers[name, group.channels[0].name][0]
            commit.seen[node] = max(commit.seen.get(node, 0), int(ticks[-1]))
            pack = commit.packs.setdefault((node, _LOG), PackSeen(name))
            pack.seqs += ((ticks - start) // group.step + 1).tolist()
            pack.received = commit.seen[node]
    stream, time, value = np.concatenate(streams), np.concatenate(times), np.concatenate(values)
    order = np.lexsort((time, stream))
    commit.readings = ReadingBatch(stream[order], time[order], value[order], np.zeros(len(order), np.int16))
    commit.message = commit.record = np.zeros(len(order), np.int32)
    commit.encode()
    return commit


def _numbers(url: str) -> dict[tuple[str, str], tuple[int, int]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT node, channel, node_id, stream_id FROM node JOIN stream USING (node_id)"
        ).fetchall()
    return {(node, channel): (node_id, stream_id) for node, channel, node_id, stream_id in rows}

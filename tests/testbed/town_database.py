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
from bypuls.store.binary_copy import encode, postgres_time
from bypuls.store.commit import Commit, PackSeen
from bypuls.store.hours import HOUR, hour_edges, summarise_readings
from bypuls.store.registration import register
from bypuls.store.rollups import write_hours
from bypuls.store.sql import load
from bypuls.store.writer import Writer
from simulators.town import plan as plans
from simulators.town.packs import stamps
from simulators.town.scenarios import Forces
from simulators.town.town import Node, Town, read, rounded
from testbed.ingest import as_role

DAY = 86_400 * SECOND
NOON = int(np.datetime64("2025-11-20T12:00", "us").astype(np.int64))
"""When scenarios are at their height, microseconds since 1970: a Thursday, 13:00 in the town."""

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
    """Return the town's nodes, at most so many of a kind, from two on all river gauges."""
    counted: dict[str, int] = {}
    kept = []
    for node in read("lillestrom", interval=interval):
        counted[node.kind] = counted.get(node.kind, 0) + 1
        all_of_kind = most is None or (node.kind == "river" and most > 1)
        if all_of_kind or counted[node.kind] <= (most or 0):
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
    town = Town(plans.read("lillestrom"), nodes, seed, Forces(list(scenarios), at))
    whole = _measured(town, _numbers(url), start, end, start)
    # The last two days go the whole way through writer and job; to make all rollups so took half a minute.
    recent = whole.readings.time >= (end - 2 * DAY) // HOUR * HOUR
    _copy(url, whole.readings.take(~recent), _averagings(url))
    whole.readings = whole.readings.take(recent)
    whole.message = whole.record = np.zeros(len(whole.readings), np.int32)
    whole.encode()
    with Writer(as_role(url, "bypuls_ingest"), "town") as writer:
        writer.write(whole)
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
    town = Town(plans.read("lillestrom"), hourly, filled.seed, Forces(filled.scenarios, filled.at))
    numbers, each = _numbers(filled.url), round(3600 / nodes[0].interval)
    averagings = _averagings(filled.url)
    with psycopg.connect(filled.url) as connection:
        for begin in range(filled.start - days * DAY, filled.start, 30 * DAY):
            end = min(begin + 30 * DAY, filled.start)
            readings = _measured(town, numbers, begin, end, begin).readings
            edges = hour_edges(begin // HOUR - 1, end // HOUR)
            for _, summary in summarise_readings(readings, averagings, edges):
                write_hours(connection, replace(summary, n=summary.n * each), begin // HOUR - 1)
        connection.execute(
            "INSERT INTO retention (stream_id, raw_from) SELECT unnest(%s::int[]), %s",
            [
                [numbers[node.node, channel.name][1] for node in nodes for channel in node.channels],
                to_datetime(filled.start),
            ],
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
    return commit


def _copy(url: str, readings: ReadingBatch, averagings: dict[int, Averaging]) -> None:
    """Copy readings in, and the rollups of their hours."""
    first, last = int(readings.time.min() // HOUR), int(readings.time.max() // HOUR) + 1
    with psycopg.connect(url) as connection:
        with connection.cursor() as cursor, cursor.copy(load("writer")["copy_readings"]) as copy:
            copy.write(encode(postgres_time(readings.time), readings.stream, readings.value, readings.flags))
        for _, summary in summarise_readings(readings, averagings, hour_edges(first, last)):
            write_hours(connection, summary, first)


def _averagings(url: str) -> dict[int, Averaging]:
    return {stream: Averaging(of_channel(name).kind) for (_, name), (_, stream) in _numbers(url).items()}


def _numbers(url: str) -> dict[tuple[str, str], tuple[int, int]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT node, channel, node_id, stream_id FROM node JOIN stream USING (node_id)"
        ).fetchall()
    return {(node, channel): (node_id, stream_id) for node, channel, node_id, stream_id in rows}

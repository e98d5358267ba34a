"""A simulated town put straight into a database: its nodes registered, and what they measure copied in."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import psycopg

from bypuls.readings import SECOND
from bypuls.store.binary_copy import encode, postgres_time
from bypuls.store.registration import register
from simulators.town import town as towns
from simulators.town.scenarios import Forces
from simulators.town.town import Node, Town, rounded

HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND


def nodes_of(kinds: Collection[str], slowest: float = 60) -> list[Node]:
    """Return Lillestrøm's nodes of these kinds; none measures more often than every `slowest` seconds."""
    return [
        replace(node, interval=max(node.interval, slowest))
        for node in towns.read("lillestrom")
        if node.kind in kinds
    ]


def enrol(url: str, nodes: Sequence[Node]) -> None:
    """Register nodes as `bypuls nodes apply` does."""
    register(url, [node.registered() for node in nodes])


def measure(
    url: str,
    nodes: Sequence[Node],
    start: int,
    end: int,
    *,
    seed: int,
    scenarios: Sequence[str] = (),
    at: int = 0,
) -> int:
    """Copy in what nodes measure from `start` on, before `end`, microseconds since 1970; return how much."""
    town = Town(nodes, seed, Forces(list(scenarios), at))
    total = 0
    statement = "COPY reading (time, stream_id, value, flags) FROM STDIN (FORMAT binary)"
    with psycopg.connect(url) as connection:
        numbers = {
            (node, channel): number
            for node, channel, number in connection.execute(
                "SELECT node, channel, stream_id FROM node JOIN stream USING (node_id)"
            )
        }
        for block in town.blocks(start, end):
            values = rounded(block.group, block.values)
            time = block.tick
            parts = []
            for channel in block.group.channels:
                stamped = time - block.group.step if channel.windowed else time
                ids = np.array(
                    [numbers[block.group.names[row], channel.name] for row in block.rows], np.int32
                )
                parts.append((stamped.ravel(), np.repeat(ids, time.shape[1]), values[channel.name].ravel()))
            stamps, ids, cells = (np.concatenate(column) for column in zip(*parts, strict=True))
            data = encode(postgres_time(stamps), ids, cells, np.zeros(len(ids), np.int16))
            with connection.cursor() as cursor, cursor.copy(statement) as copy:
                copy.write(data)
            total += len(ids)
    return total

"""A simulated town put straight into a database: its nodes registered, and what they measure copied in."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import psycopg

from bypuls.channels import of_channel
from bypuls.readings import SECOND, FloatArray, TimeArray
from bypuls.store.binary_copy import encode, postgres_time
from bypuls.store.registration import register
from bypuls.summary.snapshot import SPANS
from simulators.town import town as towns
from simulators.town.town import Channel, Node, Town, rounded

HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND


def nodes_of(kinds: Collection[str], slowest: float = 60) -> list[Node]:
    """Return Lillestrøm's nodes of these kinds, with the channels that a summary looks at.

    None measures more often than every `slowest` seconds.
    """
    return [
        replace(node, interval=max(node.interval, slowest), channels=tuple(filter(_matters, node.channels)))
        for node in towns.read("lillestrom")
        if node.kind in kinds
    ]


def _matters(channel: Channel) -> bool:
    meaning = of_channel(channel.name)
    return not meaning.statistic and meaning.key in {*SPANS, "occupancy", "fill_level"}


def enrol(url: str, nodes: Sequence[Node]) -> None:
    """Register nodes as `bypuls nodes apply` does."""
    register(url, [node.registered() for node in nodes])


def measure(url: str, town: Town, start: int, end: int) -> int:
    """Copy in what a town measures from `start` on, before `end` (microseconds); return how much."""
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


def series(town: Town, node: str, channel: str, start: int, end: int) -> tuple[TimeArray, FloatArray]:
    """Return times and values of one channel, straight from the simulator."""
    group = next(each for each in town.groups if node in each.names)
    row = group.names.index(node)
    first = -((int(group.phase[row]) - start) // group.step) * group.step + int(group.phase[row])
    tick = np.arange(first, end, group.step, dtype=np.int64)
    values = rounded(group, town.measure(group, np.array([row]), tick[None]))
    return tick, values[channel][0]

"""What must be known of a stream before its readings can be summed up."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

from bypuls.channels import Averaging, of_channel
from bypuls.instants import to_microseconds
from bypuls.quantities import Kind
from bypuls.store.catalog import Box
from bypuls.store.database import Connection
from bypuls.store.sql import load


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """A stream with the averaging kind of its values; `interval` in seconds, NaN where nobody told.

    `raw_from`, microseconds since 1970: raw readings from before were removed because of their age.
    `modulus`, in the stream's unit: where its meter rolls over, if it does.
    """

    stream_id: int
    name: str
    quantity: str | None
    statistic: str
    unit: str
    kind: Kind
    interval: float
    raw_from: int = 0
    modulus: float | None = None

    @property
    def averaging(self) -> Averaging:
        """How the stream's readings are summed up."""
        return Averaging(self.kind, self.modulus)


def find_facts(connection: Connection, names: Sequence[str]) -> dict[str, StreamFacts]:
    """Return what is known of the streams `node/channel`, by name, without those that there aren't."""
    pairs = [name.partition("/") for name in names]
    parameters = {"nodes": [node for node, _, _ in pairs], "channels": [channel for _, _, channel in pairs]}
    rows = connection.execute(load("facts")["by_name"], parameters).fetchall()
    return {facts.name: facts for facts in map(_facts, rows)}


def list_facts(
    connection: Connection,
    *,
    quantity: str | None,
    box: Box | None,
    limit: int,
    node: str | None = None,
    open_data: bool | None = None,
) -> list[StreamFacts]:
    """Return at most `limit` streams of plain values by node and channel; each filter given must match."""
    edges = (None,) * 4 if box is None else (box.west, box.south, box.east, box.north)
    parameters = dict(zip(("west", "south", "east", "north"), edges, strict=True))
    wanted = {"quantity": quantity, "node": node, "limit": limit, "open": open_data}
    rows = connection.execute(load("facts")["plain"], parameters | wanted).fetchall()
    return [_facts(row) for row in rows]


def _facts(row: Sequence[Any]) -> StreamFacts:
    stream_id, node, channel, quantity, statistic, unit, interval, raw_from, modulus = row
    kind = of_channel(channel, quantity).kind
    return StreamFacts(
        stream_id,
        f"{node}/{channel}",
        quantity,
        statistic,
        unit,
        kind,
        nan if interval is None else interval,
        0 if raw_from is None else to_microseconds(raw_from),
        modulus,
    )

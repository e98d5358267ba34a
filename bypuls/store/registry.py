"""The registry as ingest sees it: numbers of nodes and streams, with enrolment on sight."""

from collections.abc import Iterable
from dataclasses import dataclass

from bypuls.channels import of_channel
from bypuls.store.database import Connection, translated
from bypuls.store.sql import load


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One registered stream; values are stored in `unit`, `interval` (None: unknown) is in seconds."""

    stream_id: int
    quantity: str | None
    statistic: str
    unit: str
    interval: float | None


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A channel of a known node that is to be enrolled; `unit` is what the device said, or ""."""

    node_id: int
    channel: str
    unit: str


def find_nodes(connection: Connection, nodes: Iterable[str], *, enrol: bool) -> dict[str, int]:
    """Return the numbers of registered nodes; with `enrol` the unknown ones are registered first."""
    queries, names = load("registry"), sorted(set(nodes))
    with translated(), connection.transaction():
        if enrol:
            connection.execute(queries["enrol_nodes"], {"nodes": names})
        return dict(connection.execute(queries["find_nodes"], {"nodes": names}).fetchall())


def enrol_streams(
    connection: Connection, newcomers: Iterable[Newcomer], *, allowance: int
) -> dict[tuple[int, str], StreamEntry]:
    """Return the streams of these channels by (node_id, channel), enrolling the unknown ones.

    A channel missing from the answer was not enrolled: its node has `allowance` channels already.
    """
    # One channel may come with several units in one batch; the first one names the stream's unit.
    wanted = {(new.node_id, new.channel): new for new in reversed(list(newcomers))}
    rows = [_stream_row(new) for _, new in sorted(wanted.items())]
    columns = dict(
        zip(
            ("nodes", "channels", "quantities", "statistics", "units"),
            map(list, zip(*rows, strict=True)),
            strict=True,
        )
    )
    with translated(), connection.transaction():
        connection.execute(load("registry")["enrol_streams"], columns | {"allowance": allowance})
        found = connection.execute(load("registry")["find_streams"], columns).fetchall()
    return {(node_id, channel): StreamEntry(*rest) for node_id, channel, *rest in found}


def _stream_row(new: Newcomer) -> tuple[int, str, str | None, str, str]:
    channel = of_channel(new.channel)
    return (new.node_id, new.channel, channel.key, channel.statistic, channel.unit or new.unit or "1")

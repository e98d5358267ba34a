"""Registry files written into the registry."""

from collections.abc import Sequence
from dataclasses import dataclass

from bypuls.errors import StoreError
from bypuls.registry import RegisteredNode, RegisteredStream
from bypuls.store.database import Connection, connect, translated
from bypuls.store.sql import load


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the entries of one kind; the rest of `total` was so already."""

    total: int
    new: int
    changed: int


def register(url: str, nodes: Sequence[RegisteredNode]) -> tuple[Outcome, Outcome]:
    """Make nodes and their streams what is said of them, in one transaction; tell of nodes, then of streams.

    What is not said of them is cleared; nodes and streams that are not named are left alone. Raises
    StoreError, with nothing changed, when a stream is kept in another unit already.
    """
    with connect(url, name="bypuls nodes") as connection, translated():
        outcomes = _register_nodes(connection, nodes), _register_streams(connection, nodes)
        connection.commit()
    return outcomes


def _register_nodes(connection: Connection, nodes: Sequence[RegisteredNode]) -> Outcome:
    columns = {
        "nodes": [node.node for node in nodes],
        "owners": [node.owner for node in nodes],
        "places": [node.place for node in nodes],
        "latitudes": [node.latitude for node in nodes],
        "longitudes": [node.longitude for node in nodes],
    }
    touched = connection.execute(load("registration")["register_nodes"], columns).fetchall()
    return _outcome(len(nodes), [is_new for _, is_new in touched])


def _register_streams(connection: Connection, nodes: Sequence[RegisteredNode]) -> Outcome:
    streams = [(node.node, stream) for node in nodes for stream in node.stream]
    columns = {
        "nodes": [node for node, _ in streams],
        "channels": [stream.channel for _, stream in streams],
        "quantities": [stream.meaning.key for _, stream in streams],
        "statistics": [stream.meaning.statistic for _, stream in streams],
        "units": [stream.stored_unit for _, stream in streams],
        "intervals": [stream.expected_interval for _, stream in streams],
        "moduli": [stream.modulus for _, stream in streams],
        "open": [stream.open_data for _, stream in streams],
    }
    connection.execute(load("registration")["lock_streams"], columns)
    connection.execute(load("registration")["mark_other_meanings"], columns)
    touched = connection.execute(load("registration")["register_streams"], columns).fetchall()
    changed = {(node, channel): is_new for node, channel, is_new in touched}
    for node, channel in _set_thresholds(connection, streams):
        changed.setdefault((node, channel), False)
    # Looked at afterwards, when the rows are locked: ingest may enrol the very stream meanwhile.
    others = connection.execute(load("registration")["find_other_units"], columns).fetchall()
    if others:
        node, channel, kept, wanted = others[0]
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        raise StoreError(
            f"stream {node}/{channel}{more} is kept in {kept!r}, and the file would make it {wanted!r}: its "
            "stored values would change their meaning. Keep its unit, or give the new channel another name; "
            "nothing was changed"
        )
    return _outcome(len(streams), list(changed.values()))


def _set_thresholds(
    connection: Connection, streams: Sequence[tuple[str, RegisteredStream]]
) -> list[tuple[str, str]]:
    """Make the thresholds what the file says; return node and channel of the streams where one differs."""
    levels = [
        (node, stream.channel, level, value)
        for node, stream in streams
        for level, value in stream.thresholds.given.items()
    ]
    columns = {
        "nodes": [node for node, _ in streams],
        "channels": [stream.channel for _, stream in streams],
        "with_nodes": [node for node, *_ in levels],
        "with_channels": [channel for _, channel, *_ in levels],
        "levels": [level for *_, level, _ in levels],
        "values": [value for *_, value in levels],
    }
    queries = load("registration")
    cleared = connection.execute(queries["clear_thresholds"], columns).fetchall()
    return cleared + connection.execute(queries["register_thresholds"], columns).fetchall()


def _outcome(total: int, touched: Sequence[bool]) -> Outcome:
    return Outcome(total, new=sum(touched), changed=len(touched) - sum(touched))

"""What there is to read: nodes, their streams and sequence logs, and each stream's newest reading."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from bypuls.quality import CERTAINLY_WRONG
from bypuls.store.database import Connection
from bypuls.store.sql import load

MOST_STREAMS = 1_000
"""Streams given with a node; `list_streams` gives them all."""

MOST_LOGS = 100
"""Sequence logs given for a node, the latest first; a node starts a new one when it loses its store."""

MOST_RANGES = 1_000
"""Ranges given of a sequence log, the lowest first."""


MOST_OPEN = 20_000
"""Open streams that the page, the summary and the live readings look at."""


@dataclass(frozen=True, slots=True)
class Box:
    """An area on the map, its edges included; degrees, WGS 84."""

    west: float
    south: float
    east: float
    north: float


_EVERYWHERE = {"west": None, "south": None, "east": None, "north": None}


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the registry knows it; what nobody has told is null."""

    node: str
    owner: str | None
    place: str | None
    latitude: float | None
    """degrees, WGS 84"""
    longitude: float | None
    """degrees, WGS 84"""
    enrolled_at: datetime
    last_seen: datetime | None
    """when the platform last received a pack from the node, to some seconds"""
    state: str | None
    """what the node, or its last will, said of itself: online or offline"""
    state_at: datetime | None
    quantities: list[str]
    """keys of the catalogue that the node's streams measure"""


@dataclass(frozen=True, slots=True)
class Log:
    """One sequence log of a node, from which it can be told whether a pack is missing.

    Ranges are closed, as in acknowledgements. Packs are numbered from 1.
    """

    log: str
    last_received: datetime
    highest: int | None
    """the highest number that came or was declared dropped"""
    missing_packs: int
    """packs below the highest that neither came nor were declared dropped: under way, or lost"""
    missing: list[tuple[int, int]]
    """the lowest of their ranges, at most 1,000"""
    dropped_packs: int
    """packs that the node says it had to drop"""
    dropped: list[tuple[int, int]]
    """the lowest of their ranges, at most 1,000"""


@dataclass(frozen=True, slots=True)
class Stream:
    """One channel of a node: a series of readings of one quantity in one unit."""

    stream: str
    """node and channel, the name to ask for readings by"""
    node: str
    channel: str
    quantity: str | None
    """key of the catalogue; null where the channel names none"""
    statistic: str
    """such as min or max; empty for the plain value"""
    unit: str
    """UCUM"""
    expected_interval: float | None
    """seconds between readings"""
    modulus: float | None
    """where a meter rolls over; null: it never does"""
    open_data: bool
    thresholds: dict[str, float] | None
    """yellow, orange and red, in the stream's unit, as the gauge's owner set them; null: none are set"""


@dataclass(frozen=True, slots=True)
class NodeDetails(Node):
    """A node with its streams and sequence logs."""

    streams: list[Stream]
    """by channel, at most 1,000"""
    logs: list[Log]
    """the latest first, at most 100"""


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest reading of a stream."""

    stream: str
    node: str
    channel: str
    quantity: str | None
    """key of the catalogue; null where the channel names none"""
    statistic: str
    """such as min or max; empty for the plain value"""
    unit: str
    """UCUM"""
    latitude: float | None
    """degrees, WGS 84"""
    longitude: float | None
    """degrees, WGS 84"""
    time: datetime
    value: float
    """in the unit given"""
    flags: int
    """bit field, see flags; 0 means that no check objected"""


@dataclass(frozen=True, slots=True)
class OpenStream:
    """An open stream, where it is measured, and its newest reading; what nobody has told is None.

    `certain_time` and `certain_value` are those of the newest reading that isn't certainly wrong.
    """

    stream_id: int
    stream: str
    node: str
    channel: str
    quantity: str | None
    statistic: str
    unit: str
    expected_interval: float | None
    owner: str | None
    place: str | None
    latitude: float | None
    longitude: float | None
    time: datetime | None
    value: float | None
    flags: int | None
    certain_time: datetime | None
    certain_value: float | None


def list_nodes(
    connection: Connection,
    *,
    limit: int,
    after: str = "",
    owner: str | None = None,
    quantity: str | None = None,
    box: Box | None = None,
    open_data: bool | None = None,
) -> list[Node]:
    """Return at most `limit` nodes by name, those after `after`; each filter that is given must match."""
    parameters = {
        "limit": limit,
        "after": after,
        "owner": owner,
        "quantity": quantity,
        "open": open_data,
        **_edges(box),
    }
    with connection.cursor(row_factory=class_row(Node)) as cursor:
        return cursor.execute(load("catalog")["nodes"], parameters).fetchall()


def find_node(connection: Connection, node: str) -> NodeDetails | None:
    """Return the node of that name, if there is one, with its streams and logs."""
    with connection.cursor(row_factory=class_row(Node)) as cursor:
        found = cursor.execute(load("catalog")["node"], {"node": node}).fetchone()
    if found is None:
        return None
    streams = list_streams(connection, limit=MOST_STREAMS, node=node)
    return NodeDetails(**asdict(found), streams=streams, logs=_list_logs(connection, node))


def node_exists(connection: Connection, node: str) -> bool:
    """Tell whether there is a node of that name."""
    row = connection.execute(load("catalog")["node_exists"], {"node": node}).fetchone()
    return row is not None and bool(row[0])


def list_streams(
    connection: Connection,
    *,
    limit: int,
    after: tuple[str, str] = ("", ""),
    node: str | None = None,
    quantity: str | None = None,
    open_data: bool | None = None,
) -> list[Stream]:
    """Return at most `limit` streams by node and channel, those after the (node, channel) `after`."""
    parameters = {
        "limit": limit,
        "node": node,
        "quantity": quantity,
        "open": open_data,
        **_position(after),
    }
    with connection.cursor(row_factory=class_row(Stream)) as cursor:
        return cursor.execute(load("catalog")["streams"], parameters).fetchall()


def find_stream(connection: Connection, node: str, channel: str) -> tuple[int, Stream] | None:
    """Return a stream's number and what is known of it, if there is such a stream."""
    row = connection.execute(load("catalog")["stream"], {"node": node, "channel": channel}).fetchone()
    return None if row is None else (row[0], Stream(*row[1:]))


def list_latest(
    connection: Connection,
    *,
    limit: int,
    after: tuple[str, str] = ("", ""),
    node: str | None = None,
    quantity: str | None = None,
    box: Box | None = None,
    open_data: bool | None = None,
) -> list[Latest]:
    """Return the newest readings of at most `limit` streams by node and channel, those after `after`.

    Streams without a reading are left out.
    """
    parameters = {
        "limit": limit,
        "node": node,
        "quantity": quantity,
        "open": open_data,
        **_position(after),
        **_edges(box),
    }
    with connection.cursor(row_factory=class_row(Latest)) as cursor:
        return cursor.execute(load("catalog")["latest"], parameters).fetchall()


def list_open(connection: Connection, *, time: datetime) -> list[OpenStream]:
    """Return all open streams by node and channel, each with its newest reading up to `time`."""
    parameters = {"time": time, "wrong": int(CERTAINLY_WRONG), "limit": MOST_OPEN}
    with connection.cursor(row_factory=class_row(OpenStream)) as cursor:
        return cursor.execute(load("catalog")["open"], parameters).fetchall()


def open_since(connection: Connection) -> dict[str, datetime]:
    """Return when the open streams of each quantity began, to the hour, as far as there are rollups."""
    return dict(connection.execute(load("catalog")["open_since"]).fetchall())


def check_readable(connection: Connection) -> None:
    """Raise StoreUnavailable unless the schema is there and may be read."""
    connection.execute(load("catalog")["readable"])


def _list_logs(connection: Connection, node: str) -> list[Log]:
    parameters = {"node": node, "logs": MOST_LOGS, "ranges": MOST_RANGES}
    with connection.cursor(row_factory=class_row(Log)) as cursor:
        return cursor.execute(load("catalog")["logs"], parameters).fetchall()


def _edges(box: Box | None) -> dict[str, Any]:
    if box is None:
        return dict(_EVERYWHERE)
    return {"west": box.west, "south": box.south, "east": box.east, "north": box.north}


def _position(after: tuple[str, str]) -> dict[str, str]:
    return {"after_node": after[0], "after_channel": after[1]}

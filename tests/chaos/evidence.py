"""Evidence: what the database holds of some nodes, and what is written in packs."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg


class Reading(NamedTuple):
    """A reading of a node; `time` in microseconds since 1970."""

    channel: str
    time: int
    value: float


class Evidence:
    """What the database holds of a node: `rows`, value by channel and time; `conflicts`, what quarantine has
    of readings whose instant has another value; `quarantined`, reasons of all else in quarantine; `dropped`,
    the closed ranges of seq that were declared lost, by log.
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], float] = {}
        self.conflicts: set[Reading] = set()
        self.quarantined: list[str] = []
        self.dropped: dict[str, list[tuple[int, int]]] = defaultdict(list)

    def holds(self, reading: Reading) -> bool:
        """Tell whether a reading is stored."""
        return self.rows.get(reading[:2]) == reading.value


def gather(url: str, names: Sequence[str]) -> dict[str, Evidence]:
    """Read what the database holds of nodes; raises psycopg.OperationalError while it is away."""
    found: dict[str, Evidence] = {name: Evidence() for name in names}
    with psycopg.connect(url, connect_timeout=2) as connection:
        for name, channel, time, value in connection.execute(
            """SELECT node, channel, (extract(epoch FROM time) * 1000000)::bigint, value
               FROM reading JOIN stream USING (stream_id) JOIN node USING (node_id)
               WHERE node = ANY(%s)""",
            [names],
        ):
            found[name].rows[channel, time] = value
        for name, log, dropped in connection.execute(
            "SELECT node, log, dropped FROM pack_log JOIN node USING (node_id) WHERE node = ANY(%s)", [names]
        ):
            found[name].dropped[log] += [(each.lower, each.upper - 1) for each in dropped]
        for topic, payload, reason, records in connection.execute(
            """SELECT topic, payload, reason, records FROM quarantine
               WHERE split_part(topic, '/', 3) = ANY(%s)""",
            [names],
        ):
            evidence = found[topic.split("/")[2]]
            if reason == "conflict":
                evidence.conflicts |= {each for place, each in _numbered(payload) if place in records}
            else:
                evidence.quarantined.append(reason)
    return found


def readings(payload: bytes) -> list[Reading]:
    """Return the readings of a pack, independently of the platform's decoder."""
    return [reading for _, reading in _numbered(payload)]


def gaps(payload: bytes) -> list[tuple[int, int]]:
    """Return the closed ranges of seq that a pack declares dropped."""
    return [(low, high) for low, high in json.loads(payload)[0].get("gap", [])]


def _numbered(payload: bytes) -> Iterator[tuple[int, Reading]]:
    records: list[dict[str, Any]] = json.loads(payload, parse_float=Decimal)
    base = Decimal(0)
    for place, record in enumerate(records):
        base = Decimal(record.get("bt", base))
        if "v" in record:
            time = round((base + record.get("t", 0)) * 1_000_000)
            yield place, Reading(record["n"], time, float(record["v"]))

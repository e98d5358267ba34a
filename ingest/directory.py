"""What ingest knows of nodes and their channels, so that a name becomes a number without the database."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bypuls.channels import (
    MAX_NAME,
    MAX_UNIT,
    NAME_PATTERN,
    PLAIN_STATISTICS,
    UNIT_PATTERN,
    of_channel,
)
from bypuls.limits_of_change import row_of
from bypuls.quarantine import Fault, Reason
from bypuls.store.database import Connection, connect, interrupt
from bypuls.store.registry import Newcomer, StreamEntry, enrol_streams, find_nodes
from bypuls.units import SAME, UNITS, Conversion, conversion

_NAME = re.compile(NAME_PATTERN)
_UNIT = re.compile(UNIT_PATTERN)
_MOST_REMEMBERED = 64 << 20
COLUMNS = 7
_ENTRY = 400
"""Bytes that a route or fault takes besides its name, roughly."""

Key = str | tuple[str, str]
"""A channel as a pack names it: its name where the pack gives no unit, else (name, unit)."""


@dataclass(slots=True)
class KnownNode:
    """A registered node; `routes` lead from a channel key to a route's row, or ~index of a fault."""

    node_id: int
    routes: dict[Key, int] = field(default_factory=dict)


class Directory:
    """Routes of all channels seen, kept as columns that a batch indexes at once; for one thread at a time."""

    def __init__(self, url: str, name: str, *, enrol: bool, max_channels: int) -> None:
        """With `enrol` unknown nodes are registered on sight; a node may have `max_channels` channels."""
        self._url = url
        self._name = name
        self._enrol = enrol
        self._max_channels = max_channels
        self._connection: Connection | None = None
        self.forget()

    def forget(self) -> None:
        """Forget everything, so that changes of the registry are seen; it is learnt again as it is needed."""
        self.nodes: dict[str, KnownNode] = {}
        self.faults: list[Fault] = []
        self._routes: list[tuple[float, ...]] = []
        self._table: NDArray[np.float64] = np.empty((0, COLUMNS))
        self._remembered = 0

    def close(self) -> None:
        """Close the connection to the registry."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def interrupt(self, patience: float) -> None:
        """End the question that another thread is waiting for, if there is one; see `database.interrupt`."""
        connection = self._connection
        if connection is not None:
            interrupt(connection, patience=patience)

    def greet(self) -> None:
        """Make sure that the registry answers; raises StoreUnavailable or StoreError if it doesn't."""
        find_nodes(self._open(), [], enrol=False)

    def learn_nodes(self, names: Iterable[str]) -> None:
        """Look nodes up, enrolling them where that is allowed; raises StoreUnavailable."""
        unknown = [name for name in names if name not in self.nodes]
        if unknown:
            for name, node_id in find_nodes(self._open(), unknown, enrol=self._enrol).items():
                self.nodes[name] = KnownNode(node_id)

    def learn_channels(self, wanted: Iterable[tuple[KnownNode, Key]]) -> None:
        """Find or enrol channels of known nodes; afterwards each of these keys has a route or a fault."""
        newcomers: list[tuple[KnownNode, Key, Newcomer]] = []
        for node, key in wanted:
            name, unit = key if isinstance(key, tuple) else (key, "")
            self._remembered += _ENTRY + len(name) + len(unit)
            if (fault := _bad_name(name) or _bad_unit(unit)) is not None:
                self._add_fault(node, key, fault)
            else:
                newcomers.append((node, key, Newcomer(node.node_id, name, unit)))
        if not newcomers:
            return
        found = enrol_streams(self._open(), [new for _, _, new in newcomers], allowance=self._max_channels)
        for node, key, new in newcomers:
            entry = found.get((new.node_id, new.channel))
            if entry is None:
                detail = (
                    f"the node has {self._max_channels} channels already, {new.channel!r} is one too many"
                )
                self._add_fault(node, key, Fault(Reason.TOO_MANY_CHANNELS, detail))
            else:
                self._add_route(node, key, entry, new)

    def columns(self, routes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return for each route stream number, factor, offset, low, high, row of limits of change, interval.

        Float64 (7, n); the interval is in seconds, NaN where unknown.
        """
        if len(self._table) != len(self._routes):
            self._table = np.array(self._routes)
        return self._table[routes].T

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, name=self._name, autocommit=True)
        return self._connection

    def _add_fault(self, node: KnownNode, key: Key, fault: Fault) -> None:
        node.routes[key] = ~len(self.faults)
        self.faults.append(fault)

    def _add_route(self, node: KnownNode, key: Key, entry: StreamEntry, new: Newcomer) -> None:
        change = conversion(new.unit, entry.unit) if new.unit else conversion(entry.unit, entry.unit)
        if change is not None and entry.statistic not in PLAIN_STATISTICS:
            # A spread has no zero to shift, and of other statistics only the same unit is sure.
            change = Conversion(change.factor, 0.0) if entry.statistic == "std" or change == SAME else None
        if change is None:
            self._add_fault(node, key, _misfit(new, entry))
            return
        ranged = of_channel(new.channel, entry.quantity).ranged if entry.quantity else None
        low, high = (ranged.low, ranged.high) if ranged else (np.nan, np.nan)
        limits = row_of(ranged.key if ranged else None)
        interval = np.nan if entry.interval is None else entry.interval
        node.routes[key] = len(self._routes)
        self._routes.append((entry.stream_id, change.factor, change.offset, low, high, limits, interval))

    @property
    def is_large(self) -> bool:
        """Whether so much is remembered (hostile names, perhaps) that it is time to forget it."""
        return self._remembered + _ENTRY * len(self.nodes) > _MOST_REMEMBERED


def _bad_name(name: str) -> Fault | None:
    if not name:
        return Fault(Reason.NAME, "the record has no name: neither n nor bn is given")
    if len(name) > MAX_NAME:
        return Fault(Reason.NAME, f"the channel name has {len(name)} characters, the limit is {MAX_NAME}")
    if _NAME.fullmatch(name) is None:
        return Fault(
            Reason.NAME,
            f"channel name {name!r} must begin with a letter or digit and hold only these and - : . / _",
        )
    return None


def _bad_unit(unit: str) -> Fault | None:
    if unit and (len(unit) > MAX_UNIT or _UNIT.fullmatch(unit) is None):
        return Fault(
            Reason.UNIT, f"unit {unit[:40]!r} is no unit: at most {MAX_UNIT} printable characters, no space"
        )
    return None


def _misfit(new: Newcomer, entry: StreamEntry) -> Fault:
    what = f"{new.channel!r} is kept in {entry.unit!r}"
    if new.unit not in UNITS:
        return Fault(Reason.UNIT, f"unit {new.unit!r} is unknown; {what}")
    return Fault(Reason.UNIT, f"unit {new.unit!r} ({UNITS[new.unit].dimension}) can't be converted; {what}")

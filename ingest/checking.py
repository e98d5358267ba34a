"""Checking at the door: messages in, one commit out, with a fault for everything that isn't a reading."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from bypuls import limits_of_change, quality, senml
from bypuls.errors import PackError
from bypuls.instants import to_datetime
from bypuls.numeric.checks import Checks
from bypuls.quarantine import Fault, Reason, merge
from bypuls.readings import SECOND, FloatArray, ReadingBatch
from bypuls.store.commit import Commit, Message, PackSeen
from bypuls.topics import Leaf, parse
from ingest.directory import COLUMNS, Directory, Key

RELATIVE_BELOW = float(2**28)
"""Times below this many seconds count from receipt (RFC 8428, section 4.5.3)."""

EARLIEST = 946_684_800 * SECOND
"""2000-01-01: an older time is a clock that was never set."""

MOST_AHEAD = 300 * SECOND
"""A time further in the future than this is a clock gone wrong."""


_PERHAPS_RELATIVE = {Reason.UNKNOWN_FIELD, Reason.VERSION, Reason.TOO_LARGE}


class _Status(msgspec.Struct):
    state: str


_decode_status = msgspec.json.Decoder(_Status).decode


@dataclass(slots=True)
class _Read:
    """The packs of a batch that could be read, one entry per pack."""

    index: list[int] = field(default_factory=list)
    node: list[str] = field(default_factory=list)
    pack: list[senml.Pack] = field(default_factory=list)


MOST_READINGS = 150_000
"""Readings that are checked at once: one may take 4 bytes of a payload, and takes some 300 while in work."""


class TooManyReadings(Exception):
    """The messages hold more readings than are checked at once; fewer messages must be given."""


class Checker:
    """Turns messages into what is to be committed."""

    def __init__(self, directory: Directory, *, alone: bool) -> None:
        """`alone`: no other worker gets readings of the same streams, so that a gap can be told."""
        self._directory = directory
        self._alone = alone
        self._changes = Checks(limits_of_change.table())

    @property
    def position(self) -> int:
        """How far the checks of changes have got."""
        return self._changes.position

    def keep(self, position: int) -> None:
        """Remember the readings checked up to this position for good: they are committed."""
        self._changes.keep(position)

    def start_over(self) -> None:
        """Forget what is known of the registry, and the readings that are not kept."""
        self._directory.forget()
        self._changes.rewind()

    def check(self, messages: Sequence[Message]) -> Commit:
        """Read and check messages; each record ends as a reading or in a fault, whatever it holds.

        Raises TooManyReadings, and StoreUnavailable or StoreError when the registry can't be asked.
        """
        if self._directory.is_large:
            self._directory.forget()
        commit = Commit(list(messages))
        read, total = _Read(), 0
        statuses: list[tuple[int, str, str]] = []
        for index, message in enumerate(messages):
            try:
                topic = parse(message.topic)
                if topic.leaf is Leaf.UP:
                    pack = senml.decode(message.payload)
                    relative = pack.base_time < RELATIVE_BELOW
                    message.relative = (
                        relative and pack.base_time + min(pack.times, default=0.0) < RELATIVE_BELOW
                    )
                    read.index.append(index)
                    read.node.append(topic.node)
                    read.pack.append(pack)
                    total += len(pack.values)
                    if total > MOST_READINGS and index > 0:
                        raise TooManyReadings
                elif topic.leaf is Leaf.STATUS:
                    statuses.append((index, topic.node, _state(message.payload)))
                else:
                    raise PackError(Reason.TOPIC, f"{topic.leaf} messages go from the platform to the nodes")
            except PackError as error:
                # A message that a later version may understand must not be taken for another one of the same
                # bytes, for its times may count from receipt. One that is no pack has no times.
                message.relative = error.reason in _PERHAPS_RELATIVE
                commit.faults.append((index, Fault(error.reason, error.detail)))
                self._acknowledge_refused(commit, index, message, error)
        self._directory.learn_nodes({*read.node, *(node for _, node, _ in statuses)})
        self._take_statuses(commit, statuses)
        self._take_packs(commit, self._without_strangers(commit, read))
        commit.faults = merge(commit.faults)
        return commit

    def _acknowledge_refused(self, commit: Commit, index: int, message: Message, error: PackError) -> None:
        """A pack that is refused whole is safe in quarantine, so its node need not send it again."""
        if error.log is None or error.seq is None:
            return
        node = parse(message.topic).node
        self._directory.learn_nodes([node])
        known = self._directory.nodes.get(node)
        if known is not None:
            _note_pack(commit, known.node_id, node, error.log, error.seq, [], commit.messages[index].received)

    def _without_strangers(self, commit: Commit, read: _Read) -> _Read:
        nodes = self._directory.nodes
        if all(map(nodes.__contains__, read.node)):
            return read
        known = _Read()
        for index, node, pack in zip(read.index, read.node, read.pack, strict=True):
            if node in nodes:
                known.index.append(index)
                known.node.append(node)
                known.pack.append(pack)
            else:
                commit.faults.append((index, _stranger(node)))
                if pack.log is not None and pack.seq is not None:
                    commit.strangers.setdefault((node, pack.log), PackSeen(node)).seqs.append(pack.seq)
        return known

    def _take_statuses(self, commit: Commit, statuses: list[tuple[int, str, str]]) -> None:
        for index, node, state in statuses:
            known = self._directory.nodes.get(node)
            if known is None:
                commit.faults.append((index, _stranger(node)))
            else:
                commit.states[known.node_id] = (state, commit.messages[index].received)

    def _take_packs(self, commit: Commit, read: _Read) -> None:
        routes = self._routes(read)
        counts: list[int] = []
        bases: list[tuple[float, float, float]] = []
        times: list[float] = []
        values: list[float] = []
        for index, node, pack in zip(read.index, read.node, read.pack, strict=True):
            received = commit.messages[index].received
            known = self._directory.nodes[node]
            counts.append(len(pack.values))
            bases.append((pack.base_time, pack.base_value, received / SECOND))
            times += pack.times
            values += pack.values
            for fault in pack.faults:
                commit.faults.append((index, fault))
            if pack.log is not None and pack.seq is not None:
                _note_pack(commit, known.node_id, node, pack.log, pack.seq, pack.gap, received)
            commit.seen[known.node_id] = received
        if not times:
            return
        base_time, base_value, received_at = np.repeat(np.array(bases).T, counts, axis=1)
        seconds = np.fromiter(times, np.float64, len(times)) + base_time
        which = np.repeat(np.array(read.index, np.int32), counts)
        relative = seconds < RELATIVE_BELOW
        if relative.any():
            self._note_relative(commit, read)
        seconds += np.where(relative, received_at, 0.0)
        record = _record_positions(read.pack, counts)
        value = np.fromiter(values, np.float64, len(values)) + base_value
        route = np.fromiter(routes, np.int64, len(routes))
        self._keep_good(commit, route, seconds, value, which, record)
        commit.encode()

    def _note_relative(self, commit: Commit, read: _Read) -> None:
        for index, node, pack in zip(read.index, read.node, read.pack, strict=True):
            message = commit.messages[index]
            # A replay is known by its seq, and is looked at all the same: its receipt stays what it was.
            if (
                message.relative
                and pack.log is not None
                and pack.seq is not None
                and message.replay_of is None
            ):
                key = (self._directory.nodes[node].node_id, pack.log, pack.seq)
                commit.relative.setdefault(key, []).append(index)

    def _routes(self, read: _Read) -> list[int]:
        """Find the route of every reading; channels not met before are learnt first, all at once."""
        known = [self._directory.nodes[node] for node in read.node]
        keys = [_keys(pack, node) for node, pack in zip(read.node, read.pack, strict=True)]
        routes = [list(map(node.routes.get, names)) for node, names in zip(known, keys, strict=True)]
        gaps = [place for place, found in enumerate(routes) if None in found]
        if gaps:
            wanted = {(known[gap].node_id, key): known[gap] for gap in gaps for key in keys[gap]}
            self._directory.learn_channels(
                (node, key) for (_, key), node in wanted.items() if key not in node.routes
            )
            for gap in gaps:
                routes[gap] = list(map(known[gap].routes.get, keys[gap]))
        return cast(list[int], list(chain.from_iterable(routes)))

    def _keep_good(
        self,
        commit: Commit,
        routes: NDArray[np.int64],
        seconds: FloatArray,
        value: FloatArray,
        which: NDArray[np.int32],
        record: NDArray[np.int32],
    ) -> None:
        """Keep what is a reading in the commit's columns, and name a fault for the rest."""
        now = np.array([message.received for message in commit.messages])[which]
        with np.errstate(invalid="ignore", over="ignore"):
            time = np.where(np.abs(seconds) < 1e12, np.rint(seconds * SECOND), -1.0).astype(np.int64)
            routed = routes >= 0
            stream, factor, offset, low, high, limits, interval = (
                self._directory.columns(np.where(routed, routes, 0))
                if routed.any()
                else np.zeros((COLUMNS, len(routes)))
            )
            value = value * factor + offset
        finite = np.isfinite(value)
        timely = (time >= EARLIEST) & (time <= now + MOST_AHEAD)
        good = routed & finite & timely
        if not good.all():
            self._name_faults(commit, np.flatnonzero(~good), routes, finite, seconds, value, which, record)
        order = np.flatnonzero(good)
        order = order[np.lexsort((time[order], stream[order]))]
        value, stream_id, time = value[order], stream[order].astype(np.int32), time[order]
        flags = quality.out_of_range(value, low[order], high[order]) | self._changes.check(
            stream_id,
            time,
            value,
            limit=limits[order].astype(np.intp),
            interval=interval[order] if self._alone else np.full(len(order), np.nan),
            received=now[order],
        )
        commit.readings = ReadingBatch(stream_id, time, value, flags)
        commit.message, commit.record = which[order], record[order]

    def _name_faults(
        self,
        commit: Commit,
        bad: NDArray[np.intp],
        routes: NDArray[np.int64],
        finite: NDArray[np.bool_],
        seconds: FloatArray,
        value: FloatArray,
        which: NDArray[np.int32],
        record: NDArray[np.int32],
    ) -> None:
        found: dict[tuple[int, Reason], tuple[str, list[int]]] = {}
        for place in bad.tolist():
            index = int(which[place])
            if routes[place] < 0:
                fault = self._directory.faults[~int(routes[place])]
            elif not finite[place]:
                fault = Fault(Reason.NOT_FINITE, f"the value is {value[place]}, which is no reading")
            else:
                fault = _untimely(float(seconds[place]), commit.messages[index].received)
            found.setdefault((index, fault.reason), (fault.detail, []))[1].append(int(record[place]))
        for (index, reason), (detail, records) in found.items():
            commit.faults.append((index, Fault(reason, detail, tuple(sorted(set(records))))))


def _state(payload: bytes) -> str:
    if not payload:
        raise PackError(
            Reason.EMPTY, 'the status is empty; expected {"state":"online"} or {"state":"offline"}'
        )
    try:
        state = _decode_status(payload).state
    except (ValueError, RecursionError) as error:
        raise PackError(Reason.MALFORMED, f"not a status: {error}") from error
    if state not in ("online", "offline"):
        raise PackError(Reason.TYPE, f'state is {state[:40]!r}, expected "online" or "offline"')
    return state


def _stranger(node: str) -> Fault:
    return Fault(
        Reason.UNKNOWN_NODE,
        f"enrolment is closed and node {node!r} is not registered; `bypuls nodes apply` does it",
    )


def _note_pack(
    commit: Commit, node_id: int, node: str, log: str, seq: int, gap: list[tuple[int, int]], received: int
) -> None:
    pack = commit.packs.setdefault((node_id, log), PackSeen(node))
    pack.seqs.append(seq)
    pack.dropped += gap
    pack.received = received


def _keys(pack: senml.Pack, node: str) -> Sequence[Key]:
    """Name each reading's channel: by name alone where the pack gives no unit, else by (name, unit)."""
    names: Sequence[str] = pack.names
    if pack.base_name:
        # Many devices put their own name in front of the channel; the topic says that already.
        base = pack.base_name.removeprefix(f"{node}/").removeprefix(f"{node}:")
        names = [base + name for name in names] if base else names
    if any(pack.units):
        return list(zip(names, (unit or pack.base_unit for unit in pack.units), strict=True))
    if pack.base_unit:
        return list(zip(names, repeat(pack.base_unit)))
    return names


def _record_positions(packs: list[senml.Pack], counts: list[int]) -> NDArray[np.int32]:
    """Tell, for each reading, which record of its pack it came from."""
    starts = np.cumsum(counts) - counts
    positions = np.arange(sum(counts)) - np.repeat(starts, counts)
    for pack, start in zip(packs, starts.tolist(), strict=True):
        if pack.records is not None:
            positions[start : start + len(pack.records)] = pack.records
    return positions.astype(np.int32)


def _untimely(seconds: float, received: int) -> Fault:
    ahead = seconds - received / SECOND
    try:
        time = to_datetime(round(seconds * SECOND)).isoformat()
    except (OverflowError, ValueError):
        time = f"{seconds:g} s after 1970"
    if seconds * SECOND < EARLIEST:
        return Fault(Reason.TIME, f"the time {time} is before 2000; is the node's clock set?")
    return Fault(
        Reason.TIME,
        f"the time {time} is {ahead:.0f} s ahead of receipt, the limit is {MOST_AHEAD // SECOND} s; "
        "is the node's clock right?",
    )

"""Writing: one transaction holds a batch's readings, quarantine, sequence log and dirty hours."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from psycopg import errors as pg

from bypuls.errors import StoreUnavailable
from bypuls.instants import to_datetime, to_microseconds
from bypuls.quarantine import MOST_DETAIL, Fault, Reason
from bypuls.readings import SECOND, FloatArray
from bypuls.sequences import Range, closed_ranges, multirange
from bypuls.store.array_text import array_text
from bypuls.store.binary_copy import encode, postgres_time
from bypuls.store.commit import Commit, Message, Outcome, PackSeen
from bypuls.store.database import Connection, connect, interrupt, translated
from bypuls.store.dirty_hours import DirtyHours
from bypuls.store.sql import load

KEPT_BYTES = 256 * 1024
"""Quarantine keeps at most this much of a payload, and says how long it was."""

BLOCK = 4096
"""Seqs in one row of the sequence log. A single row for a node whose seqs jump grew without bound: with a
million ranges in it a commit took 3 s."""

SEEN_EVERY = 10 * SECOND
"""`node.last_seen` is written at most this often for a node: a row per node and batch would cost too much."""


class Writer:
    """Commits batches over one connection, opened when first needed; for one thread."""

    def __init__(self, url: str, name: str) -> None:
        """`name` is what the server shows for the connection."""
        self._url = url
        self._name = name
        self._connection: Connection | None = None
        self._dirty = DirtyHours()
        self._seen: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next commit opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def interrupt(self, patience: float) -> None:
        """End the statement that another thread is waiting for, if there is one; see `database.interrupt`."""
        connection = self._connection
        if connection is not None:
            interrupt(connection, patience=patience)

    def write(self, commit: Commit) -> Outcome:
        """Commit a batch; doing it again is harmless.

        Raises StoreUnavailable (try again: what became of the transaction may be unknown) or StoreError
        (something in the batch is refused); either way nothing of the batch may be acknowledged.
        """
        connection = self._open()
        try:
            with translated(), connection.transaction():
                outcome = self._write(connection, commit)
        except Exception:
            # Whatever happened, a fresh connection is the surest way back.
            self.close()
            self._dirty.forget()
            raise
        self._dirty.keep()
        self._seen.update(commit.seen)
        return outcome

    def replay(self, check: Callable[[Message], Commit]) -> Outcome | None:
        """Take the oldest entry that is to be replayed through the same checks, and commit what comes of it.

        Returns None when there is none; what goes wrong with the entry itself is told as its outcome.
        Raises StoreUnavailable.
        """
        connection = self._open()
        number: int | None = None
        try:
            with translated(), connection.transaction():
                row = connection.execute(load("writer")["requested_replays"]).fetchone()
                if row is None:
                    return None
                number, topic, payload, received, digest = row
                message = Message(topic, bytes(payload), to_microseconds(received), replay_of=number)
                outcome = self._write(connection, check(message), digest)
                still = [f"{fault.reason}: {fault.detail}" for _, fault in outcome.faults]
                _settle_replay(connection, number, "; ".join(still) or "resolved")
        except Exception as error:
            self.close()
            self._dirty.forget()
            if number is None or isinstance(error, StoreUnavailable):
                raise
            with translated(), self._open().transaction():
                _settle_replay(self._open(), number, f"{Reason.REFUSED}: {error!r}")
            return Outcome(0, 0, [])
        self._dirty.keep()
        return Outcome(outcome.stored, outcome.repeats, [])

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, name=self._name, autocommit=True)
        return self._connection

    def _write(self, connection: Connection, commit: Commit, replayed: bytes = b"") -> Outcome:
        """Write all of a commit; a fault of the digest that is being replayed is in quarantine already."""
        known = _known_messages(connection, commit)
        left_out = commit.leave_out(known) if known else 0
        stored, repeats, faults = len(commit.readings), 0, commit.faults
        if stored and not _copy(connection, commit.copy):
            stored, conflicts = _merge(connection, commit)
            repeats = len(commit.readings) - stored - sum(len(fault.records or ()) for _, fault in conflicts)
            faults = faults + conflicts
        if stored:
            self._dirty.mark(connection, commit.readings)
        _log_packs(connection, commit)
        self._see_nodes(connection, commit)
        _quarantine(connection, commit.messages, faults, replayed)
        return Outcome(stored, repeats + left_out, faults)

    def _see_nodes(self, connection: Connection, commit: Commit) -> None:
        due = {n: at for n, at in commit.seen.items() if at - self._seen.get(n, -SEEN_EVERY) >= SEEN_EVERY}
        if due:
            columns = {"nodes": array_text(list(due)), "received": array_text(list(due.values()))}
            connection.execute(load("writer")["see_nodes"], columns)
        for node_id, (state, at) in sorted(commit.states.items()):
            parameters = {"node_id": node_id, "state": state, "at": to_datetime(at)}
            connection.execute(load("writer")["set_state"], parameters)


def _known_messages(connection: Connection, commit: Commit) -> set[int]:
    """Find the messages that came before, of those that only their seq can tell."""
    if not commit.relative:
        return set()
    rows = [
        (node_id, log, seq // BLOCK, seq, messages[0])
        for (node_id, log, seq), messages in commit.relative.items()
    ]
    columns = _columns(("nodes", "logs", "blocks", "seqs", "messages"), rows)
    # Every row that this commit will write, in order: or two workers could wait for each other.
    keys = [(node, log, block) for (node, log), pack in commit.packs.items() for block in _blocks(pack)]
    locked = _columns(("nodes", "logs", "blocks"), keys)
    connection.execute(load("writer")["open_pack_logs"], locked)
    connection.execute(load("writer")["lock_pack_logs"], locked)
    seen = {message for (message,) in connection.execute(load("writer")["find_seen"], columns)}
    again = {message for messages in commit.relative.values() for message in messages[1:]}
    return seen | again


def _copy(connection: Connection, data: bytes) -> bool:
    """Copy readings straight into the table; False, with nothing written, if one of them is there already."""
    try:
        with (
            connection.transaction(),
            connection.cursor() as cursor,
            cursor.copy(load("writer")["copy_readings"]) as copy,
        ):
            copy.write(data)
    except pg.UniqueViolation:
        return False
    return True


def _merge(connection: Connection, commit: Commit) -> tuple[int, list[tuple[int, Fault]]]:
    """Store what is new of a batch that holds known instants; tell how many, and the conflicts found."""
    queries, readings = load("writer"), commit.readings
    # Sorted, so an instant that stands in the batch more than once is a run; its first reading counts.
    leads = np.ones(len(readings), np.bool_)
    leads[1:] = (np.diff(readings.time) != 0) | (np.diff(readings.stream) != 0)
    first = np.flatnonzero(leads)
    connection.execute(queries["create_incoming"])
    with connection.cursor() as cursor, cursor.copy(queries["copy_incoming"]) as copy:
        lead = readings.take(first)
        copy.write(
            encode(first.astype(np.int32), postgres_time(lead.time), lead.stream, lead.value, lead.flags)
        )
    (_, stored), *conflicts = connection.execute(queries["merge_incoming"]).fetchall()
    kept = readings.value.copy()
    for position, value in conflicts:
        kept[position] = value
    kept = kept[first][np.cumsum(leads) - 1]
    by_message: dict[int, list[int]] = {}
    for position in np.flatnonzero(readings.value != kept).tolist():
        by_message.setdefault(int(commit.message[position]), []).append(position)
    return int(stored), [(index, _conflict(commit, places, kept)) for index, places in by_message.items()]


def _conflict(commit: Commit, places: list[int], kept: FloatArray) -> Fault:
    place, readings = places[0], commit.readings
    detail = (
        f"stream {readings.stream[place]} has the value {float(kept[place])!r} at "
        f"{to_datetime(int(readings.time[place])).isoformat()}; the other value "
        f"{float(readings.value[place])!r} was not stored"
    )
    more = f" ({len(places) - 1} more like it)" if len(places) > 1 else ""
    return Fault(Reason.CONFLICT, detail + more, tuple(sorted(int(commit.record[place]) for place in places)))


def _log_packs(connection: Connection, commit: Commit) -> None:
    if not commit.packs:
        return
    rows = [
        (node_id, log, block, multirange(closed_ranges(seen)), multirange(dropped), pack.received)
        for (node_id, log), pack in commit.packs.items()
        for block, (seen, dropped) in _blocks(pack).items()
    ]
    columns = _columns(("nodes", "logs", "blocks", "seen", "dropped", "received"), rows)
    connection.execute(load("writer")["log_packs"], columns)


def _columns(names: Sequence[str], rows: Sequence[tuple[object, ...]]) -> dict[str, str]:
    """Turn rows, at least one, into a named array for each column."""
    return dict(zip(names, map(array_text, zip(*rows, strict=True)), strict=True))


def _blocks(pack: PackSeen) -> dict[int, tuple[list[int], list[Range]]]:
    """Sort what was seen and dropped by block; dropped ranges by that of their low end."""
    blocks: dict[int, tuple[list[int], list[Range]]] = {}
    for seq in pack.seqs:
        blocks.setdefault(seq // BLOCK, ([], []))[0].append(seq)
    for low, high in pack.dropped:
        blocks.setdefault(low // BLOCK, ([], []))[1].append((low, high))
    return blocks


def _settle_replay(connection: Connection, number: int, outcome: str) -> None:
    parameters = {"quarantine_id": number, "outcome": outcome[:MOST_DETAIL].replace("\0", "\\0")}
    connection.execute(load("writer")["settle_replay"], parameters)


def _quarantine(
    connection: Connection, messages: list[Message], faults: list[tuple[int, Fault]], replayed: bytes
) -> None:
    if not faults:
        return
    digests = [_digest(messages[index], fault) for index, fault in faults]
    times = Counter(digests)
    rows = {
        digest: {
            "digest": digest,
            "reason": fault.reason.value,
            "detail": fault.detail.replace("\0", "\\0"),  # text can't hold NUL
            "topic": messages[index].topic.replace("\0", "\\0"),
            "payload": messages[index].payload[:KEPT_BYTES],
            "payload_size": len(messages[index].payload),
            "records": None if fault.records is None else list(fault.records),
            "received": to_datetime(messages[index].received),
            "times": times[digest],
        }
        for digest, (index, fault) in zip(digests, faults, strict=True)
        if digest != replayed
    }
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(load("writer")["quarantine"], [rows[digest] for digest in sorted(rows)])


def _digest(message: Message, fault: Fault) -> bytes:
    parts = [message.topic.encode(), message.payload, fault.reason.value.encode()]
    if message.relative:
        parts.append(str(message.received).encode())
    return hashlib.sha256(b"\0".join(parts)).digest()

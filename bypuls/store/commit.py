"""What one transaction of ingest holds."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bypuls.quarantine import Fault
from bypuls.readings import ReadingBatch
from bypuls.sequences import Range
from bypuls.store.binary_copy import encode, postgres_time


@dataclass(slots=True)
class Message:
    """A message as it arrived: what quarantine keeps of it. `received` is in microseconds since 1970.

    `relative` tells that its times count from receipt, so that the same bytes at another time are another
    message. `replay_of` is the quarantine entry that it was taken from, if it was.
    """

    topic: str
    payload: bytes
    received: int
    relative: bool = False
    replay_of: int | None = None


@dataclass(slots=True)
class PackSeen:
    """Packs of one log of a node: the seqs that are safe with this commit, and those declared dropped."""

    node: str
    seqs: list[int] = field(default_factory=list)
    dropped: list[Range] = field(default_factory=list)
    received: int = 0


@dataclass(slots=True)
class Commit:
    """Readings with the message (index) and record each came from, and all that belongs to them.

    `readings` is sorted by (stream, time); `message` and `record` are int32 (n,). `packs` goes by
    (node_id, log), `seen` (microseconds) and `states` (state, microseconds) by node_id. `copy` is made by
    `encode`, once the readings stand. `strangers` are packs of unregistered nodes, by (node, log), which are
    acknowledged because they are in quarantine. `relative` names, by (node_id, log, seq), the messages with
    times relative to receipt: sent again they would be other readings, so only their seq tells.
    """

    messages: list[Message]
    readings: ReadingBatch = field(default_factory=ReadingBatch.empty)
    message: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    record: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    faults: list[tuple[int, Fault]] = field(default_factory=list)
    packs: dict[tuple[int, str], PackSeen] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    states: dict[int, tuple[str, int]] = field(default_factory=dict)
    strangers: dict[tuple[str, str], PackSeen] = field(default_factory=dict)
    relative: dict[tuple[int, str, int], list[int]] = field(default_factory=dict)
    copy: bytes = b""

    def leave_out(self, messages: set[int]) -> int:
        """Take out the readings and faults of messages that are known, and return how many readings."""
        stay = ~np.isin(self.message, list(messages))
        self.readings, self.message, self.record = (
            self.readings.take(stay),
            self.message[stay],
            self.record[stay],
        )
        self.faults = [(index, fault) for index, fault in self.faults if index not in messages]
        self.encode()
        return int(np.count_nonzero(~stay))

    def encode(self) -> None:
        """Prepare the readings for COPY, so that the thread that commits needn't while the database waits."""
        readings = self.readings
        self.copy = encode(postgres_time(readings.time), readings.stream, readings.value, readings.flags)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a commit ended: readings stored, repeats ignored, and every fault kept, conflicts among them."""

    stored: int
    repeats: int
    faults: list[tuple[int, Fault]]

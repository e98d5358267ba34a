"""What ingest took in, by the minute, for those who look after the platform."""

import time

import numpy as np

from bypuls.quarantine import Reason
from bypuls.readings import SECOND
from bypuls.store.commit import Commit, Outcome
from bypuls.store.database import Connection, translated
from bypuls.store.sql import load


class Intake:
    """Notes each batch in its own transaction; how long its commit took, with the batch after it."""

    def __init__(self) -> None:
        self._took: float | None = None

    def note(self, connection: Connection, commit: Commit, outcome: Outcome) -> None:
        """Add a batch that is about to be committed to its minute."""
        readings = commit.readings
        lag = time.time() - np.median(readings.time) / SECOND if len(readings) else 0.0
        longest = time.time() - readings.time.min() / SECOND if len(readings) else 0.0
        conflicts = [fault for _, fault in outcome.faults if fault.reason is Reason.CONFLICT]
        parameters = {
            "messages": len(commit.messages),
            "readings": outcome.stored,
            "repeats": outcome.repeats,
            "conflicts": sum(len(fault.records or ()) for fault in conflicts),
            "quarantined": len(outcome.faults),
            "batches": int(len(readings) > 0),
            "lag": float(lag),
            "lag_max": float(longest),
            "commits": int(self._took is not None),
            "seconds": self._took or 0.0,
        }
        connection.execute(load("intake")["note_batch"], parameters)

    def committed(self, seconds: float) -> None:
        """Remember how long a commit took."""
        self._took = seconds


def forget_old(connection: Connection) -> None:
    """Remove what is older than anybody looks at. Raises StoreUnavailable, StoreError."""
    with translated():
        connection.execute(load("intake")["forget_old"])

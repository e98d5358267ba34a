"""Verdicts: what became of the readings, in numbers."""

from dataclasses import dataclass, field, fields
from typing import Self


@dataclass(slots=True)
class Verdict:
    """Counts of readings; a sample is one reading of each of its node's channels, in a window or by itself.

    All but `rows`, `undue`, `doubled` and `wrong` count those of the journal until the faults were over.
    """

    generated: int = 0
    acknowledged: int = 0
    """Of packs that the platform said to be safe; of the baseline, confirmed by the broker."""
    rows: int = 0
    distinct: int = 0
    conflicts: int = 0
    """In quarantine, because another node of that name has another value at that instant."""
    declared: int = 0
    """In packs that the node declared dropped."""
    wiped: int = 0
    """In a store that was wiped before they were acknowledged."""
    in_hand: int = 0
    """On the way from the sensor to the store, in the window that was being measured or in the record that
    was torn, when the agent was killed."""
    undue: int = 0
    """Packs that the node declared dropped without a reason: its store was neither full nor torn."""
    doubled: int = 0
    wrong: int = 0
    lost_acknowledged: int = 0
    lost: int = 0
    """Missing, not acknowledged, and by none of these ways."""
    notes: list[str] = field(default_factory=list)
    """What is wrong, in words."""

    @property
    def good(self) -> bool:
        """Whether nothing is lost, doubled, wrong or declared dropped without a reason."""
        return not (self.undue or self.doubled or self.wrong or self.lost_acknowledged or self.lost)

    @property
    def settled(self) -> bool:
        """Whether there is nothing to wait for."""
        return not (self.lost_acknowledged or self.lost)

    def __iadd__(self, other: Self) -> Self:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self

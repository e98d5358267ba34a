"""Schedules: which faults befall what, when; the same seed gives the same schedule."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

PAIRS = 2
"""Each schedule has so many nodes of each kind; a fault of node k befalls the k-th of each kind."""
LENGTH = 7.0
"""Seconds until the last fault is healed."""

NODES = tuple(f"node {number}" for number in range(PAIRS))
LINES = (*NODES, "ingest-broker", "ingest-database")

FAULTS: dict[str, tuple[str, ...]] = {
    "kill": ("broker", "database", "ingest", "worker", *NODES),
    "freeze": ("broker", "database", "worker", *NODES),
    "restart": ("broker", "database", "ingest", *NODES),
    "cut": LINES,
    "slow": LINES,
    "half-open": LINES,
    "one-way": LINES,
    "full": NODES,
    "tear": NODES,
    "clock": NODES,
    "reboot": NODES,
    "wipe": NODES,
    "twins": NODES,
}
"""What may befall what. In order of appearance:

- kill: SIGKILL, and a new start; freeze: SIGSTOP, and SIGCONT; restart: ended in order, and started again;
- cut: connections end and none is made; slow: some kB/s; half-open: one end is gone without the other's
  knowing; one-way: nothing passes in one direction;
- full: a store that holds some seconds only, and a line that is cut for longer;
- tear: killed, and the end of the store is torn off; wipe: killed, and the store is removed;
- clock: the clock jumps by an hour, to and fro, under the running agent;
- reboot: killed, and started with another time since boot and a clock that is wrong by an hour;
- twins: two nodes with one name.
"""
KINDS = tuple((action, victim) for action, victims in FAULTS.items() for victim in victims)
_WHOLE = ("full", "twins")
"""Faults that need nodes of their own from the start."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`action` befalls `victim` from `begin` to `end` (s after the start); `chance` (0 to 1): in what way."""

    action: str
    victim: str
    begin: float
    end: float
    chance: float

    def __str__(self) -> str:
        return f"{self.action} {self.victim} {self.begin:.1f}-{self.end:.1f}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The faults of a seed, in order of their beginnings."""

    seed: int
    faults: Sequence[Fault]

    def has(self, action: str, victim: str) -> bool:
        """Tell whether such a fault is among them."""
        return any((each.action, each.victim) == (action, victim) for each in self.faults)

    def __str__(self) -> str:
        return ", ".join(map(str, self.faults))


def schedule(seed: int) -> Schedule:
    """Make the schedule of a seed; as many seeds in a row as there are KINDS have all of these."""
    chance = random.Random(seed)
    kinds = [KINDS[seed * 7 % len(KINDS)], *chance.sample(KINDS, chance.randint(3, 5))]
    faults: list[Fault] = []
    for action, victim in kinds:
        begin = 0.0 if action in _WHOLE else chance.uniform(0.8, 4.5)
        length = chance.uniform(0.4, 2.5)
        if action == "full":
            begin, length = chance.uniform(1.2, 1.8), 5.0
        elif action == "twins":
            length = LENGTH
        fault = Fault(action, victim, begin, begin + length, chance.random())
        if not any(_in_the_way(fault, other) for other in faults):
            faults.append(fault)
    return Schedule(seed, sorted(faults, key=lambda fault: fault.begin))


def _in_the_way(one: Fault, other: Fault) -> bool:
    """Tell whether two faults can't both be: of one victim at a time, and twins beside anything."""
    if one.victim != other.victim:
        return {one.victim, other.victim} == {"ingest", "worker"} and _meet(one, other)
    return "twins" not in (one.action, other.action) and _meet(one, other)


def _meet(one: Fault, other: Fault) -> bool:
    return one.begin < other.end + 0.2 and other.begin < one.end + 0.2

"""A run: a schedule on a platform with nodes, from their start to the verdict."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg

from chaos.evidence import gather
from chaos.faults import Undo, inject
from chaos.judge import Claim, judge
from chaos.micro import MicroPythonNode
from chaos.naive import NaiveNode
from chaos.node import Node
from chaos.pi import PiNode
from chaos.platform import Platform
from chaos.schedule import LENGTH, NODES, Schedule
from chaos.verdict import Verdict

PATIENCE = 40.0
"""Seconds without progress after which what is missing is lost."""
_LOOK_EVERY = 0.4
_AWAKE_WITHIN = 30.0
"""Seconds in which every node should have measured something."""
_AFTERMATH = 2.0
"""Seconds after which everything is looked at once more: what comes late may be doubled or wrong."""
_TWIN = 1_000_000
"""Number of the first sample of a second node with the same name."""

Fleet = Mapping[str, Sequence[Node]]
"""Nodes by what befalls them, see `schedule.NODES`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a schedule: verdicts by kind of node, and the seconds until all had arrived."""

    schedule: Schedule
    verdicts: Mapping[str, Verdict]
    drained: float

    @property
    def good(self) -> bool:
        """Whether the agents have lost, doubled and falsified nothing; the baseline may."""
        return all(each.good for kind, each in self.verdicts.items() if kind != NaiveNode.kind)


def run(
    schedule: Schedule,
    platform: Platform,
    *,
    prepare: Callable[[Fleet], None] | None = None,
    patience: float = PATIENCE,
) -> Outcome:
    """Run a schedule with nodes of its own; `prepare` may do something to them before they start."""
    with ExitStack() as stack:
        fleet = {victim: _make(schedule, victim, platform.broker.port) for victim in NODES}
        nodes = [stack.enter_context(node) for members in fleet.values() for node in members]
        if prepare is not None:
            prepare(fleet)
        for node in nodes:
            node.start()
        await_samples(nodes)
        _let_befall(schedule, platform, fleet)
        until = {node: max(node.samples(), default=-1) for node in nodes}
        drained = _drain(platform, nodes, until, patience)
        time.sleep(_AFTERMATH)
        verdicts = _look(platform, nodes, until)
        if not all(each.good for node, each in verdicts.items() if not isinstance(node, NaiveNode)):
            _keep_logs(schedule, verdicts)
    by_kind: dict[str, Verdict] = {}
    for node, verdict in verdicts.items():
        by_kind.setdefault(node.kind, Verdict()).__iadd__(verdict)
    return Outcome(schedule, by_kind, drained)


def await_samples(nodes: Sequence[Node]) -> None:
    """Wait until every node measures: faults that befall it before prove nothing on a busy machine."""
    deadline = time.monotonic() + _AWAKE_WITHIN
    while not all(node.samples() for node in nodes) and time.monotonic() < deadline:
        time.sleep(0.05)


def _make(schedule: Schedule, victim: str, port: int) -> list[Node]:
    small = schedule.has("full", victim)
    end = f"{schedule.seed}-{victim.rpartition(' ')[2]}"
    nodes: list[Node] = []
    for first in (0, _TWIN) if schedule.has("twins", victim) else (0,):
        nodes += [
            PiNode(f"pi-{end}", port, first, small=small),
            MicroPythonNode(f"mp-{end}", port, first, small=small),
        ]
    return [*nodes, NaiveNode(f"naive-{end}", port)]


def _let_befall(schedule: Schedule, platform: Platform, fleet: Fleet) -> None:
    """Let the faults begin and end in their time; when this returns all of them are over."""
    start = time.monotonic()
    undo: dict[int, Undo] = {}
    begins = [(fault.begin, number) for number, fault in enumerate(schedule.faults)]
    ends = [(fault.end, number) for number, fault in enumerate(schedule.faults)]
    try:
        for due, number in sorted(begins + ends):
            time.sleep(max(0.0, start + due - time.monotonic()))
            if number in undo:
                undo.pop(number)()
            else:
                fault = schedule.faults[number]
                undo[number] = inject(fault, platform, fleet.get(fault.victim, ()))
        time.sleep(max(0.0, start + LENGTH - time.monotonic()))
    finally:
        for each in undo.values():
            each()


def _drain(platform: Platform, nodes: Sequence[Node], until: Mapping[Node, int], patience: float) -> float:
    """Wait until everything has arrived, or nothing more does; return after how many seconds."""
    begin = time.monotonic()
    missing, deadline = -1, begin + patience
    while True:
        time.sleep(_LOOK_EVERY)
        try:
            verdicts = _look(platform, nodes, until)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            continue
        waited = [each for node, each in verdicts.items() if not isinstance(node, NaiveNode)]
        if all(each.settled for each in waited) or time.monotonic() > deadline:
            return time.monotonic() - begin
        if (now_missing := sum(each.lost + each.lost_acknowledged for each in waited)) != missing:
            missing, deadline = now_missing, time.monotonic() + patience


def _look(platform: Platform, nodes: Sequence[Node], until: Mapping[Node, int]) -> dict[Node, Verdict]:
    claims = {node: Claim(until[node], node.acknowledged()) for node in nodes}
    return judge(nodes, claims, gather(platform.url, sorted({node.name for node in nodes})))


def _keep_logs(schedule: Schedule, verdicts: Mapping[Node, Verdict]) -> None:
    """Add the end of a bad node's log to what is noted of it."""
    for node, verdict in verdicts.items():
        if not verdict.good and node.log.exists() and not isinstance(node, NaiveNode):
            del verdict.notes[20:]
            verdict.notes.append(f"{node.name} ({schedule}):\n{node.log.read_text(errors='replace')[-3000:]}")

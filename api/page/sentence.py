"""The sentence as the page shows it: its clauses, and beneath each the readings that it rests on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from api.page import figures
from api.page.town import State, label
from api.page.words import Words
from api.routes.summary import href
from bypuls.channels import of_channel
from bypuls.readings import SECOND
from bypuls.summary import Summary
from bypuls.summary.clauses import Evidence
from bypuls.summary.states import NodeState

LONG, LONGER = 260, 480
"""Characters from which the sentence is set smaller, and smaller still."""

_VALUE = re.compile(r"\N{MINUS SIGN}?\d[\d,.\s]*")


@dataclass(frozen=True, slots=True)
class Rest:
    """What a clause rests on, in words; `href` gives the readings, without the root path."""

    place: str
    label: str
    value: str
    unit: str
    basis: str
    href: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """A clause of the sentence."""

    text: str
    severity: str
    nodes: tuple[str, ...]
    rests: list[Rest]


def told(words: Words, summary: Summary) -> list[Told]:
    """Return the clauses of a summary in one language."""
    places = {node.node: node.place for node in summary.nodes}
    return [
        Told(
            text=clause.text[words.language],
            severity=clause.severity.name.lower(),
            nodes=tuple(clause.nodes),
            # One reading may count for two numbers.
            rests=list(dict.fromkeys(_rest(words, places, each) for each in clause.evidence)),
        )
        for clause in summary.clauses
    ]


def size(clauses: list[Told]) -> str:
    """Return in which size they are set together: "long", "longer", or empty for the usual one."""
    length = sum(len(clause.text) for clause in clauses)
    return "longer" if length > LONGER else "long" if length > LONG else ""


def states(words: Words, summary: Summary) -> dict[str, State]:
    """Return what is to be told of each node."""
    return {each.node: _state(words, each) for each in summary.nodes}


def _state(words: Words, node: NodeState) -> State:
    severity = "silent" if node.level is None else node.level.name.lower()
    label = words.pick(node.label)
    # A value alone, which stands beside it anyway, is told by what it means.
    if _VALUE.fullmatch(label.removesuffix(figures.unit(node.unit or ""))):
        label = words(severity)
    return State(severity, label, node.stream or "")


def _rest(words: Words, places: Mapping[str, str], evidence: Evidence) -> Rest:
    channel = evidence.stream.partition("/")[2]
    quantity = of_channel(channel).key
    if evidence.value is None:
        value = ""
    elif evidence.statistic == "count":
        value = figures.number(words, evidence.value, 0)
    else:
        value = figures.reading(words, quantity, evidence.value)
    return Rest(
        place=places.get(evidence.node, evidence.node),
        label=label(words, channel, quantity),
        value=value,
        unit="" if evidence.value is None else figures.shown_unit(quantity, evidence.unit),
        basis=_basis(words, evidence),
        href=href(evidence),
    )


def _basis(words: Words, evidence: Evidence) -> str:
    begin, end = (
        figures.clock(datetime.fromtimestamp(time / SECOND, UTC)) for time in (evidence.start, evidence.end)
    )
    one = evidence.n == 1 and evidence.statistic != "count"
    kind = "last" if one else "none" if evidence.value is None else evidence.statistic
    return words(f"basis_{kind}", n=evidence.n, begin=begin, end=end)

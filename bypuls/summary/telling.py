"""Telling: from a snapshot to clauses in order, their text, and the state of each node for the map."""

from collections.abc import Sequence
from dataclasses import dataclass

from bypuls.summary import air, presence, water
from bypuls.summary.clauses import Clause, Finding, Severity
from bypuls.summary.rules import RULES, Rule
from bypuls.summary.snapshot import Snapshot
from bypuls.summary.states import NodeState, states


@dataclass(frozen=True, slots=True)
class Summary:
    """How a town is at `time`; `newest`: when the newest open reading was measured; in microseconds."""

    time: int
    newest: int | None
    stale: bool
    clauses: Sequence[Clause]
    nodes: Sequence[NodeState]

    @property
    def severity(self) -> Severity:
        """That of the clause that matters most."""
        return max((clause.severity for clause in self.clauses), default=Severity.CALM)

    def told(self, language: str) -> str:
        """Return all clauses as one text, in nb or en."""
        return " ".join(clause.text[language] for clause in self.clauses)


def tell(snapshot: Snapshot) -> Summary:
    """Apply all rules: what matters most comes first, else the order is the table's."""
    found = [_clause(rule, finding) for rule in RULES for finding in rule.find(snapshot, rule.limits)]
    severity = {clause.id.split(".")[0]: Severity.CALM for clause in found}
    for clause in found:
        part = clause.id.split(".")[0]
        severity[part] = max(severity[part], clause.severity)
    # By the worst of its part, so that what belongs together stays together.
    found.sort(key=lambda clause: -severity[clause.id.split(".")[0]])
    return Summary(
        snapshot.time, snapshot.newest, presence.is_stale(snapshot), found, states(snapshot, found)
    )


def wanted_history(snapshot: Snapshot) -> list[str]:
    """Return the streams whose last day the rules want to see, given a snapshot without history."""
    return [*air.wanted_history(snapshot), *water.wanted_history(snapshot)]


def _clause(rule: Rule, finding: Finding) -> Clause:
    return Clause(
        rule.id,
        finding.theme or rule.theme,
        rule.severity,
        finding.text({"nb": rule.nb, "en": rule.en}),
        finding.since,
        finding.nodes,
        finding.numbers(rule.nb),
        finding.evidence,
        rule.label,
    )

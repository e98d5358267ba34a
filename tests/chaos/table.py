"""The table: a row for each schedule, and the sums."""

from collections.abc import Iterable, Sequence

from chaos.naive import NaiveNode
from chaos.run import Outcome
from chaos.verdict import Verdict

_COLUMNS = {
    "generated": "generated",
    "acked": "acknowledged",
    "rows": "rows",
    "distinct": "distinct",
    "declared": "declared",
    "wiped": "wiped",
    "in hand": "in_hand",
    "conflict": "conflicts",
    "undue": "undue",
    "doubled": "doubled",
    "wrong": "wrong",
    "lost acked": "lost_acknowledged",
    "lost": "lost",
}
"""What each column shows of a verdict."""


def head() -> str:
    """Return the heads of the columns."""
    return _line("seed", [f"{head:>10}" for head in _COLUMNS], "drained  faults")


def rows(outcome: Outcome, *, baseline: bool) -> str:
    """Return the lines of a schedule: the agents together, and where asked the baseline."""
    text = _counts(
        str(outcome.schedule.seed), agents([outcome]), f"{outcome.drained:6.1f}s  {outcome.schedule}"
    )
    if baseline:
        text += "\n" + _counts("  naive", of_kind([outcome], NaiveNode.kind), "")
    return text


def sums(outcomes: Sequence[Outcome]) -> str:
    """Return the sums by kind of node."""
    kinds = sorted({kind for outcome in outcomes for kind in outcome.verdicts})
    return "\n".join(_counts(kind, of_kind(outcomes, kind), "") for kind in kinds)


def agents(outcomes: Iterable[Outcome]) -> Verdict:
    """Add up what became of the readings of both agents."""
    total = Verdict()
    for outcome in outcomes:
        for kind, verdict in outcome.verdicts.items():
            if kind != NaiveNode.kind:
                total += verdict
    return total


def of_kind(outcomes: Iterable[Outcome], kind: str) -> Verdict:
    """Add up what became of the readings of nodes of a kind."""
    total = Verdict()
    for outcome in outcomes:
        total += outcome.verdicts[kind]
    return total


def _counts(label: str, verdict: Verdict, rest: str) -> str:
    return _line(label, [f"{getattr(verdict, column):>10,}" for column in _COLUMNS.values()], rest)


def _line(label: str, columns: Sequence[str], rest: str) -> str:
    return f"{label:>12} {' '.join(columns)}  {rest}".rstrip()

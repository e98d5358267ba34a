"""A score as plain tables."""

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from simulators.score import Score


def tell(score: "Score") -> None:
    """Print a score."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{score.sent:,} readings sent and acknowledged: {score.stored:,} stored, "
        f"{score.quarantined:,} rightly in quarantine\n"
        f"{score.lost:,} lost, {score.refused:,} refused, {score.doubled:,} doubled, "
        f"{score.wrong:,} wrong, {score.late:,} late; "
        f"{score.flagged_good:,} flagged without a fault nearby"
    )
    if score.alarms_without_cause:
        told = ", ".join(f"{count:,} x {flag}" for flag, count in score.alarms_without_cause.items())
        console.print(f"alarms without a cause: {told}")
    if score.intervals_unknown or score.intervals_other:
        console.print(
            f"no interval is expected of {score.intervals_unknown:,} streams and another than theirs of "
            f"{score.intervals_other:,}: it misses their gaps, or flags gaps that are none. "
            f"Before simulating, run: {score.registering}"
        )
    for example in score.examples:
        console.print(f"  {example}")
    if score.line:
        told = ", ".join(f"{count:,} x {name}" for name, count in score.line.items())
        refused = (
            ", ".join(f"{count:,} x {name}" for name, count in score.quarantine_reasons.items()) or "nothing"
        )
        console.print(f"bad line: {told}; quarantine: {refused}")
    if score.faults:
        _tell_faults(console, score)
    if score.scenarios:
        _tell_scenarios(console, score)


def _tell_faults(console: Console, score: "Score") -> None:
    table = Table("fault", "recognised by", box=box.SIMPLE, pad_edge=False)
    for name in ("episodes", "recall", "alarms", "without cause", "precision"):
        table.add_column(name, justify="right")
    for each in score.faults:
        alarms = f"{each.caused:,}", f"{each.uncaused:,}"
        numbers = f"{each.episodes:,}", _share(each.recall), *alarms, _share(each.precision)
        table.add_row(each.fault, each.by + (" (no flag is meant to)" if each.note else ""), *numbers)
    console.print(table)


def _tell_scenarios(console: Console, score: "Score") -> None:
    table = Table("scenario", "stream", "hourly", box=box.SIMPLE, pad_edge=False)
    for name in ("before", "truth", "platform", "shown"):
        table.add_column(name, justify="right")
    for each in score.scenarios:
        numbers = (_number(each.before), _number(each.truth), _number(each.platform))
        table.add_row(
            each.scenario, each.stream, each.statistic, *numbers, each.note or ("yes" if each.shown else "no")
        )
    console.print(table)


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.2f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"

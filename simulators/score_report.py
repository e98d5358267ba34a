"""A score as plain tables."""

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from simulators.score import Score


_WIDE = 200


def tell(score: "Score") -> None:
    """Print a score; where it goes to a file or a pipe, no line is folded."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(highlight=False, soft_wrap=True, width=_WIDE)
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
    table, notes = _table("fault", "recognised by"), _Notes()
    for name in ("episodes", "recall", "alarms", "without\ncause", "precision"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in score.faults:
        alarms = f"{each.caused:,}", f"{each.uncaused:,}"
        numbers = f"{each.episodes:,}", _share(each.recall), *alarms, _share(each.precision)
        table.add_row(
            each.fault + notes.mark(each.note and f"no flag is meant to: {each.note}"), each.by, *numbers
        )
    console.print(table)
    notes.tell(console)


def _tell_scenarios(console: Console, score: "Score") -> None:
    table, notes = _table("scenario", "stream", "hourly"), _Notes()
    for name in ("before", "truth", "platform", "shown"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in score.scenarios:
        numbers = (_number(each.before), _number(each.truth), _number(each.platform))
        shown = "–" + notes.mark(each.note) if each.note else "yes" if each.shown else "no"
        table.add_row(each.scenario, each.stream, each.statistic, *numbers, shown)
    console.print(table)
    notes.tell(console)


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


class _Notes:
    """What is told below a table, each note once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, note: str) -> str:
        """Return what refers to a note; nothing where there is none."""
        return f" ({self._numbers.setdefault(note, len(self._numbers) + 1)})" if note else ""

    def tell(self, console: Console) -> None:
        """Print the notes."""
        for note, number in self._numbers.items():
            console.print(f"({number}) {note}")


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.2f}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"

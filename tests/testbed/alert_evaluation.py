"""What Grafana does with an alert rule over time, as its documentation tells: from rows to alerts that fire.

A rule is given as the provisioning file has it. Its query A gives tabular data: one number a row, and texts
that are the labels of an alert, no two rows with the same. The threshold expression B compares: from its
evaluator on an alert is pending, after `for` it fires, and it ends when the unload evaluator (the recovery
threshold) says so or its row is gone.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from numbers import Real
from typing import Any

Rows = Sequence[Mapping[str, Any]]
COMPARED: dict[str, Callable[[float, float], bool]] = {
    "gt": lambda value, limit: value > limit,
    "lt": lambda value, limit: value < limit,
}


@dataclass
class Alert:
    """One alert: the labels that its row gave, when it began to be pending, to fire, and when it ended."""

    labels: dict[str, str]
    pending: datetime
    firing: datetime | None = None
    ended: datetime | None = None
    value: float = 0.0


def evaluate(
    rule: Mapping[str, Any], ask: Callable[[str, datetime], Rows], moments: Iterable[datetime]
) -> list[Alert]:
    """Return the alerts that fired, in order; `ask` runs the rule's SQL as of a moment.

    Raises ValueError where Grafana couldn't evaluate the rows.
    """
    asked, compared = rule["data"]
    [condition] = compared["model"]["conditions"]
    active: dict[tuple[tuple[str, str], ...], Alert] = {}
    fired: list[Alert] = []
    for moment in moments:
        values = labelled(ask(asked["model"]["rawSql"], moment))
        for key, alert in list(active.items()):
            if key not in values or _holds(condition["unloadEvaluator"], values[key]):
                alert.ended = moment
                del active[key]
        for key, value in values.items():
            if key not in active:
                if not _holds(condition["evaluator"], value):
                    continue
                active[key] = Alert(dict(key), moment)
            alert = active[key]
            alert.value = max(alert.value, value, key=abs)
            if alert.firing is None and moment - alert.pending >= lasting(rule["for"]):
                alert.firing = moment
                fired.append(alert)
    return fired


def labelled(rows: Rows) -> dict[tuple[tuple[str, str], ...], float]:
    """Return the number of each row by its labels; raise ValueError for what alerts can't be made of."""
    values: dict[tuple[tuple[str, str], ...], float] = {}
    for row in rows:
        numbers = [one for one in row.values() if isinstance(one, Real) and not isinstance(one, bool)]
        labels = tuple((name, one) for name, one in row.items() if isinstance(one, str))
        if len(numbers) != 1 or len(labels) + 1 != len(row):
            raise ValueError(f"an alert needs one number and otherwise texts, not {dict(row)}")
        if labels in values:
            raise ValueError(f"two rows have the labels {dict(labels)}")
        values[labels] = float(numbers[0])
    return values


def lasting(text: str) -> timedelta:
    """Return what `for` says, such as 5m."""
    match = re.fullmatch(r"(\d+)([smh])", text)
    if match is None:
        raise ValueError(f"{text!r} is no duration")
    return (
        int(match[1])
        * {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}[match[2]]
    )


def _holds(evaluator: Mapping[str, Any], value: float) -> bool:
    [limit] = evaluator["params"]
    return COMPARED[evaluator["type"]](value, limit)

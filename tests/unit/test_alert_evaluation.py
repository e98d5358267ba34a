"""The evaluation of alert rules over time, as Grafana documents it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.alert_rule import AlertRule, Area, Severity
from dashboards.rendering import text
from testbed.alert_evaluation import Alert, Rows, evaluate, labelled, lasting

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = [START + timedelta(minutes=number) for number in range(60)]


def rule(above: bool = True, seconds: int = 300) -> Any:
    limits = {"limit": 10.0, "recovery": 8.0} if above else {"limit": 10.0, "recovery": 12.0}
    made = AlertRule(
        "x",
        Area.AIR,
        Severity.INFO,
        "X",
        "x",
        "SELECT",
        **limits,
        lasting=seconds,
        dashboard="x",
        above=above,
    )
    return json.loads(text(made.model()))


def alerts(values: Sequence[float | None], given: Any) -> list[Alert]:
    def ask(sql: str, moment: datetime) -> Rows:
        value = values[(moment - START) // timedelta(minutes=1)]
        return [] if value is None else [{"node": "air-01", "value": value}]

    return evaluate(given, ask, MINUTES[: len(values)])


def test_an_alert_fires_after_its_duration_and_not_before() -> None:
    assert alerts([11] * 5, rule()) == []
    [alert] = alerts([5, *[11] * 6], rule())
    assert (alert.labels, alert.pending, alert.firing, alert.ended) == (
        {"node": "air-01"}, MINUTES[1], MINUTES[6], None
    )  # fmt: skip


def test_without_a_duration_it_fires_at_once() -> None:
    assert [alert.firing for alert in alerts([5, 11], rule(seconds=0))] == [MINUTES[1]]


def test_a_value_that_wavers_around_the_limit_raises_one_alert() -> None:
    [alert] = alerts([11, 9.5] * 10 + [7, 9.5, 9.5], rule())
    assert (alert.firing, alert.ended) == (MINUTES[5], MINUTES[20])


def test_one_dip_to_the_recovery_starts_the_duration_anew() -> None:
    assert alerts([11] * 4 + [7] + [11] * 5, rule()) == []


def test_below_is_the_other_way_round() -> None:
    assert alerts([11, 12, 13] * 4, rule(above=False)) == []
    [alert] = alerts([9] * 6 + [11, 13], rule(above=False))
    assert (alert.firing, alert.ended) == (MINUTES[5], MINUTES[7])


def test_a_row_that_is_gone_ends_its_alert() -> None:
    [alert] = alerts([11] * 6 + [None], rule())
    assert alert.ended == MINUTES[6]


@pytest.mark.parametrize(
    "rows",
    [
        [{"node": "a", "value": 1.0, "other": 2}],
        [{"node": "a"}],
        [{"node": "a", "value": None}],
        [{"node": None, "value": 1.0}],
        [{"node": "a", "value": 1.0}, {"node": "a", "value": 2.0}],
        [{"node": "a", "time": START, "value": 1.0}],
    ],
)
def test_what_is_no_tabular_data_is_refused(rows: Any) -> None:
    with pytest.raises(ValueError, match=r"one number|same labels|have the labels"):
        labelled(rows)


def test_durations_are_read_and_nothing_else() -> None:
    assert (lasting("0s"), lasting("5m"), lasting("2h")) == (
        timedelta(),
        timedelta(minutes=5),
        timedelta(hours=2),
    )
    with pytest.raises(ValueError, match="'5' is no duration"):
        lasting("5")

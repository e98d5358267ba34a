"""One alert rule: what is asked of the store, from which value on it matters, and for how long."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from grafana_foundation_sdk.models.alerting import Query, RelativeTimeRange, Rule
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.expr import (
    ExprTypeThresholdConditions,
    ExprTypeThresholdConditionsEvaluator,
    ExprTypeThresholdConditionsUnloadEvaluator,
    TypeThreshold,
)

from dashboards.query import SOURCE_UID, SqlQuery

FOLDER_UID, FOLDER = "bypuls-alerts", "Bypuls varsler"
"""Not the dashboards' folder: Grafana makes it by its title, and would then make that one twice."""

SERVER = "{{ externalURL }}"
"""GF_SERVER_ROOT_URL, which Grafana fills in, with a slash at its end: links in mails must be whole."""

RUNBOOKS = "public/bypuls/runbooks.html"
"""docs/runbooks.md as a page, which docker-compose.yml puts where Grafana serves files from."""

EVERY = 60
"""Seconds between two evaluations."""


class Severity(StrEnum):
    """How soon somebody must act: now, today, or when there is time."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Area(StrEnum):
    """Whom it concerns; each has its group of rules."""

    AIR = "air"
    WATER = "water"
    NODES = "nodes"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class AlertRule:
    """A rule that fires when `sql` gave a value beyond `limit` at each evaluation of `lasting` seconds.

    `sql` gives one number `value` a row and texts, which become the labels of an alert (Grafana calls this
    tabular data); it asks for `$__timeTo()`, the moment of evaluation, so that the past can be evaluated too.
    `above` tells on which side of the limit it fires. It ends when the value is beyond `recovery` on the
    other side: apart from the limit, so that a value which wavers around it raises one alert and not twenty.
    """

    uid: str
    area: Area
    severity: Severity
    title: str
    summary: str
    sql: str
    limit: float
    recovery: float
    lasting: int
    dashboard: str
    above: bool = True

    def __post_init__(self) -> None:
        if (self.recovery > self.limit) if self.above else (self.recovery < self.limit):
            raise ValueError(f"{self.uid}: an alert that begins at {self.limit} can't end at {self.recovery}")
        if self.lasting % EVERY:
            raise ValueError(
                f"{self.uid}: {self.lasting} s is no multiple of the {EVERY} s between evaluations"
            )

    def model(self) -> Rule:
        """Return the rule as Grafana's API takes it."""
        return Rule(
            uid=self.uid,
            title=self.title,
            folder_uid=FOLDER_UID,
            rule_group=self.area,
            org_id=1,
            data=[self._asked(), self._compared()],
            condition="B",
            for_val=_duration(self.lasting),
            no_data_state="OK",
            exec_err_state="Error",
            labels={"severity": self.severity, "area": self.area},
            annotations={
                "summary": self.summary,
                "description": f"Dashbord: {SERVER}d/{self.dashboard} – "
                f"hva det betyr og hva du gjør: {SERVER}{RUNBOOKS}#{self.uid}",
                "runbook_url": f"{SERVER}{RUNBOOKS}#{self.uid}",
            },
            is_paused=False,
        )

    def _asked(self) -> Query:
        return Query(
            ref_id="A",
            datasource_uid=SOURCE_UID,
            relative_time_range=RelativeTimeRange(from_val=3600, to=0),
            model=SqlQuery(" ".join(self.sql.split())),
        )

    def _compared(self) -> Query:
        beyond: Literal["gt", "lt"] = "gt" if self.above else "lt"
        back: Literal["gt", "lt"] = "lt" if self.above else "gt"
        condition = ExprTypeThresholdConditions(
            evaluator=ExprTypeThresholdConditionsEvaluator([self.limit], beyond),
            unload_evaluator=ExprTypeThresholdConditionsUnloadEvaluator([self.recovery], back),
        )
        return Query(
            ref_id="B",
            datasource_uid="__expr__",
            relative_time_range=RelativeTimeRange(from_val=0, to=0),
            model=TypeThreshold(
                conditions=[condition],
                datasource=DataSourceRef(type_val="__expr__", uid="__expr__"),
                expression="A",
                ref_id="B",
            ),
        )


def _duration(seconds: int) -> str:
    """Return it as Grafana gives it back, so that what is published is found unchanged: 1h, 5m, 0s."""
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"

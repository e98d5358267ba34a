"""The provisioned alert rules, asked as Grafana asks them, beside the list of the overview."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from bypuls.instants import to_datetime
from testbed.alert_evaluation import Alert, Rows, evaluate, labelled
from testbed.asking import microseconds
from testbed.grafana_macros import Asked, expand
from testbed.ingest import as_role

PROVISIONED = Path(__file__).resolve().parents[2] / "docker/grafana/provisioning/alerting/rules.json"
RULES: dict[str, Any] = {
    rule["uid"]: rule
    for group in json.loads(PROVISIONED.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
GRAVITY = {"info": 1, "warning": 2, "critical": 3}
Ask = Callable[[str, datetime], Rows]
Found = set[tuple[str, int, str | None]]
"""Uids of rules, how grave they are, and at which node."""


@contextmanager
def asking(url: str) -> Iterator[Ask]:
    """Give what runs a rule's SQL as of a moment, as Grafana's role."""
    with psycopg.connect(as_role(url, "bypuls_grafana"), autocommit=True, row_factory=dict_row) as connection:

        def ask(sql: str, moment: datetime) -> Rows:
            return connection.execute(
                expand(sql, Asked(moment - timedelta(hours=1), moment, {})).encode()
            ).fetchall()

        yield ask


def beyond(ask: Ask, moment: datetime) -> Found:
    """Return which rules have a value beyond their limit, how grave they are, and at which node."""
    found = set()
    for uid, rule in RULES.items():
        [condition] = rule["data"][1]["model"]["conditions"]
        [limit], sign = condition["evaluator"]["params"], 1 if condition["evaluator"]["type"] == "gt" else -1
        for labels, value in labelled(ask(rule["data"][0]["model"]["rawSql"], moment)).items():
            if sign * value > sign * limit:
                found.add((uid, GRAVITY[rule["labels"]["severity"]], dict(labels).get("node")))
    return found


def listed(ask: Ask, moment: datetime) -> Found:
    """Return the same as the list has it, and what a line means besides: above orange is above yellow."""
    rows = ask("SELECT * FROM dashboard.findings(NULL, $__timeTo()) WHERE kind <> 'air-class'", moment)
    found = {(row["kind"], row["severity"], row["node"]) for row in rows}
    return found | {("river-level", 2, node) for kind, _, node in found if kind == "river-high"}


def of(found: Found, *uids: str) -> Found:
    """Return what some of the rules found."""
    return {one for one in found if one[0] in uids}


def fired(
    url: str, uid: str, start: int, end: int, minutes: int, before: Callable[[int], object] = id
) -> list[Alert]:
    """Return the alerts of a rule that is asked every so many minutes of [start, end)."""
    with asking(url) as made:

        def asked(sql: str, moment: datetime) -> Rows:
            before(microseconds(moment))
            return made(sql, moment)

        return evaluate(RULES[uid], asked, map(to_datetime, range(start, end, minutes * 60_000_000)))

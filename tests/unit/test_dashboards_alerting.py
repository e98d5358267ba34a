"""The alert rules and notifications as they are built and provisioned; tests/integration/ evaluates them."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bypuls.air_quality import BOUNDS
from bypuls.legal_limits import LEAST_COVERAGE, LEGAL_LIMITS, Period
from dashboards import alert_rule, page
from dashboards.alert_rule import EVERY, AlertRule, Area, Severity
from dashboards.collection import pages
from dashboards.publishing import LEAST
from dashboards.query import SOURCE_UID
from dashboards.rendering import text
from dashboards.rules import RULES

PROJECT = Path(__file__).resolve().parents[2]
PROVISIONING = PROJECT / "docker/grafana/provisioning"
GRAFANA: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))[
    "services"
]["grafana"]
UIDS = {
    *("no2-hour", "no2-three-hours", "pm10-day"),
    *("river-level", "river-high", "river-rise", "pipe-burst"),
    *("node-silent", "coverage-low"),
    *("ingest-lag", "quarantine-rising", "rollup-backlog"),
}
BY_UID = {rule.uid: rule for rule in RULES}


def provisioned(name: str) -> Any:
    return json.loads((PROVISIONING / "alerting" / name).read_text(encoding="utf-8"))


def test_the_rules_have_these_uids_forever() -> None:
    assert len(RULES) == len(UIDS)
    assert BY_UID.keys() == UIDS
    assert len({rule.title for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.uid)
def test_each_rule_has_severity_duration_summary_and_a_runbook_that_there_is(rule: AlertRule) -> None:
    made = json.loads(text(rule.model()))
    assert made["labels"] == {"severity": rule.severity, "area": rule.area}
    assert re.fullmatch(r"\d+[smh]", made["for"])
    assert len(made["uid"]) <= 40
    runbooks = (PROJECT / "docs/runbooks.md").read_text(encoding="utf-8")
    [section] = re.findall(rf"^## {rule.uid}\n(.*?)(?=^## |\Z)", runbooks, re.MULTILINE | re.DOTALL)
    assert f"**{rule.title}.**" in section
    for asked in ("**Se på**", "**Gjør:**", "**Look at**", "**Do:**"):
        assert asked in section
    assert (
        made["annotations"]["runbook_url"] == f"{{{{ externalURL }}}}public/bypuls/runbooks.html#{rule.uid}"
    )
    served = (PROJECT / "docker/grafana/runbooks.html").read_text(encoding="utf-8")
    assert f'<h2 id="{rule.uid}">' in served
    assert f"{{{{ externalURL }}}}d/{rule.dashboard} " in made["annotations"]["description"]
    assert rule.dashboard in {one.uid for one in pages()}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.uid)
def test_the_labels_in_a_summary_are_columns_of_the_query(rule: AlertRule) -> None:
    columns = rule.sql.partition(" FROM ")[0]
    for label in re.findall(r"\$labels\.(\w+)", rule.summary):
        assert re.search(rf"\b{label}\b", columns), label
    assert columns.endswith("value")
    assert "now()" not in rule.sql, "the past can be evaluated"


def test_limits_are_those_of_the_law() -> None:
    [hour] = [limit for limit in LEGAL_LIMITS if (limit.quantity, limit.period) == ("no2", Period.HOUR)]
    [day] = [limit for limit in LEGAL_LIMITS if (limit.quantity, limit.period) == ("pm10", Period.DAY)]
    assert BY_UID["no2-hour"].limit == hour.value
    assert BY_UID["pm10-day"].limit == day.value
    assert BY_UID["coverage-low"].limit == 100 * LEAST_COVERAGE
    assert BY_UID["no2-three-hours"].limit == BOUNDS["no2"][2] == 400


@pytest.mark.parametrize(
    ("uid", "severity", "limit", "recovery", "minutes"),
    [
        ("no2-hour", Severity.WARNING, 200, 190, 5),
        ("no2-three-hours", Severity.CRITICAL, 400, 380, 0),
        ("pm10-day", Severity.WARNING, 50, 48, 5),
        ("river-level", Severity.WARNING, 0, -5, 10),
        ("river-high", Severity.CRITICAL, 0, -5, 10),
        ("river-rise", Severity.WARNING, 5, 3, 30),
        ("pipe-burst", Severity.CRITICAL, 1, 0.7, 10),
        ("node-silent", Severity.INFO, 0, -5, 5),
        ("coverage-low", Severity.INFO, 85, 87, 60),
        ("ingest-lag", Severity.CRITICAL, 5, 2, 2),
        ("quarantine-rising", Severity.WARNING, 20, 5, 5),
        ("rollup-backlog", Severity.WARNING, 30, 10, 10),
    ],
)
def test_a_rule_is_as_grave_and_as_patient_as_it_was_decided(
    uid: str, severity: Severity, limit: float, recovery: float, minutes: int
) -> None:
    rule = BY_UID[uid]
    assert (rule.severity, rule.limit, rule.recovery, rule.lasting) == (
        severity,
        limit,
        recovery,
        60 * minutes,
    )


def test_an_alert_can_not_end_where_it_would_begin_again_at_once() -> None:
    assert all(rule.recovery != rule.limit for rule in RULES)
    values = {
        "uid": "x", "area": Area.AIR, "severity": Severity.INFO, "title": "x", "summary": "x", "sql": "x",
        "dashboard": "x",
    }  # fmt: skip
    with pytest.raises(ValueError, match="begins at 5 can't end at 6"):
        AlertRule(**values, limit=5, recovery=6, lasting=60)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="30 s is no multiple of the 60 s"):
        AlertRule(**values, limit=5, recovery=4, lasting=30)  # type: ignore[arg-type]


def test_the_provisioned_rules_are_complete_and_nothing_in_them_is_taken_for_an_environment_variable() -> (
    None
):
    groups = provisioned("rules.json")["groups"]
    assert [group["name"] for group in groups] == list(Area)
    for group in groups:
        assert group["folder"] == alert_rule.FOLDER
        assert group["interval"] == f"{EVERY}s"
        for rule in group["rules"]:
            assert {"uid", "title", "condition", "data", "for", "noDataState", "execErrState"} <= rule.keys()
            # No row is nothing wrong; a database that doesn't answer is.
            assert (rule["noDataState"], rule["execErrState"]) == ("OK", "Error")
            asked, compared = rule["data"]
            assert asked["relativeTimeRange"] == {"from": 3600, "to": 0}
            assert asked["datasourceUid"] == asked["model"]["datasource"]["uid"] == SOURCE_UID
            assert asked["model"]["format"] == "table"
            assert (compared["datasourceUid"], compared["model"]["expression"]) == ("__expr__", "A")
            assert rule["condition"] == compared["refId"]
            # Grafana fills in $NAME in these; in annotations and queries it doesn't.
            assert "$" not in rule["title"] + "".join(rule["labels"].values())
    assert {rule["uid"] for group in groups for rule in group["rules"]} == UIDS


def test_alerts_lie_in_a_folder_of_their_own() -> None:
    """Grafana makes the folder of file-provisioned rules by title, with a uid of its choice, and that of
    dashboards by uid: with the same title the second fails, and Grafana doesn't start."""
    [provider] = yaml.safe_load((PROVISIONING / "dashboards/bypuls.yaml").read_text())["providers"]
    assert (provider["folder"], provider["folderUid"]) == (page.FOLDER, page.FOLDER_UID)
    assert alert_rule.FOLDER != page.FOLDER
    assert alert_rule.FOLDER_UID != page.FOLDER_UID


def test_every_severity_reaches_somebody_and_addresses_are_set_by_the_compose_file() -> None:
    points = provisioned("contact-points.json")["contactPoints"]
    [policy] = provisioned("policies.json")["policies"]
    names = {point["name"] for point in points}
    assert {policy["receiver"], *(route["receiver"] for route in policy["routes"])} <= names
    routed = {route["object_matchers"][0][2]: route["receiver"] for route in policy["routes"]}
    assert routed[Severity.CRITICAL] != policy["receiver"]
    waits = {route["object_matchers"][0][2]: route["group_wait"] for route in policy["routes"]}
    assert (waits[Severity.CRITICAL], policy["group_wait"], waits[Severity.INFO]) == ("30s", "2m", "15m")
    for point in points:
        [receiver] = point["receivers"]
        variable = receiver["settings"]["addresses"].removeprefix("$")
        default = re.fullmatch(rf"\$\{{{variable}:-(.+)\}}", GRAFANA["environment"][variable])
        assert default is not None, "without an address Grafana doesn't start"


def test_what_docker_compose_mounts_is_where_grafana_looks() -> None:
    mounted = dict(volume.split(":")[:2] for volume in GRAFANA["volumes"])
    assert mounted["./docker/grafana/provisioning"] == "/etc/grafana/provisioning"
    [provider] = yaml.safe_load((PROVISIONING / "dashboards/bypuls.yaml").read_text())["providers"]
    assert mounted["./docker/grafana/dashboards"] == provider["options"]["path"]
    home = GRAFANA["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/bypuls-city.json"
    assert mounted["./docker/grafana/runbooks.html"] == f"/usr/share/grafana/{alert_rule.RUNBOOKS}"
    assert GRAFANA["environment"]["GF_SERVER_ROOT_URL"].startswith("${GRAFANA_URL:-http://localhost:")
    [source] = yaml.safe_load((PROVISIONING / "datasources/bypuls.yaml").read_text())["datasources"]
    assert source["uid"] == SOURCE_UID


def test_grafana_is_of_the_version_that_the_sdk_is_made_for() -> None:
    image = re.fullmatch(r"grafana/grafana:(\d+)\.(\d+)\.\d+", GRAFANA["image"])
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [sdk] = [one for one in project["optional-dependencies"]["dashboards"] if "foundation-sdk" in one]
    pinned = re.search(r"!(\d+)\.(\d+)\.", sdk)
    assert image is not None
    assert pinned is not None
    assert image.groups() == pinned.groups() == tuple(str(number) for number in LEAST)


def test_the_day_stands_before_the_month() -> None:
    """Below curves Grafana's own formats write 3 November as 11/03."""
    formats = {
        name: told
        for name, told in GRAFANA["environment"].items()
        if name.startswith(("GF_DATE_FORMATS_INTERVAL_", "GF_DATE_FORMATS_FULL_DATE"))
    }
    assert len(formats) == 4
    assert all(told.startswith(("DD.MM.", "MM.YYYY")) for told in formats.values())

"""The files that Grafana reads: dashboards, rules and notifications as sorted JSON, and the runbooks."""

import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from bypuls.errors import BypulsError
from dashboards import notifications, runbooks
from dashboards.alert_rule import EVERY, FOLDER, AlertRule
from dashboards.collection import pages
from dashboards.rules import RULES

DASHBOARDS, ALERTING, RUNBOOKS = "dashboards", "provisioning/alerting", "runbooks.html"


def text(what: object) -> str:
    """Return `what` (of the SDK, or plain) as JSON: keys sorted, one a line."""
    return JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(what) + "\n"


def files() -> dict[str, str]:
    """Return what is generated: the text by its path below docker/grafana."""
    made = {f"{DASHBOARDS}/{page.uid}.json": text(page) for page in pages()}
    made[f"{ALERTING}/rules.json"] = text(rule_groups(RULES))
    made[f"{ALERTING}/contact-points.json"] = text(notifications.contact_points())
    made[f"{ALERTING}/policies.json"] = text(notifications.policies())
    made[RUNBOOKS] = runbooks.html()
    return made


def rule_groups(rules: Iterable[AlertRule]) -> dict[str, object]:
    """Return the rules as a provisioning file has them: in groups, without what the file's place tells."""
    groups = [
        {
            "orgId": 1,
            "name": area,
            "folder": FOLDER,
            "interval": f"{EVERY}s",
            "rules": [_provisioned(rule) for rule in members],
        }
        for area, members in groupby(rules, key=lambda rule: rule.area)
    ]
    return {"apiVersion": 1, "groups": groups}


def render(directory: Path) -> list[Path]:
    """Write all files below `directory` and return those that changed; what is there besides is left alone.

    Raises BypulsError when they can't be written.
    """
    changed = []
    for name, wanted in files().items():
        path = directory / name
        try:
            if path.exists() and path.read_text(encoding="utf-8") == wanted:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted, encoding="utf-8")
        except OSError as error:
            raise BypulsError(f"can't write {path}: {error.strerror}") from error
        changed.append(path)
    return changed


def check(directory: Path) -> None:
    """Make sure that the files below `directory` are those that would be rendered, and no others.

    Raises BypulsError with the names of those that differ, are missing or are left over.
    """
    wanted = files()
    found = {
        path.relative_to(directory).as_posix()
        for pattern in (f"{DASHBOARDS}/*.json", f"{ALERTING}/*.json", RUNBOOKS)
        for path in directory.glob(pattern)
    }
    wrong = [
        *(f"{name} is missing" for name in sorted(wanted.keys() - found)),
        *(f"{name} is left over" for name in sorted(found - wanted.keys())),
        *(
            f"{name} differs"
            for name in sorted(found & wanted.keys())
            if (directory / name).read_text(encoding="utf-8") != wanted[name]
        ),
    ]
    if wrong:
        raise BypulsError(f"below {directory}: {'; '.join(wrong)}. Run: bypuls dashboards render")


def _provisioned(rule: AlertRule) -> dict[str, object]:
    whole: dict[str, object] = json.loads(text(rule.model()))
    return {key: value for key, value in whole.items() if key not in {"folderUID", "orgID", "ruleGroup"}}

"""Publishing to a running Grafana over its HTTP API, where provisioning files can't be mounted."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError

from bypuls.errors import BypulsError
from dashboards import alert_rule, page, query
from dashboards.collection import pages
from dashboards.rendering import text
from dashboards.rules import RULES

T = TypeVar("T")

LEAST = (11, 6)
"""The version that the SDK's types and docker-compose.yml are of; newer ones read what older ones wrote."""

SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many things were made, changed, and left as they were because they are right already."""

    new: int = 0
    changed: int = 0
    same: int = 0

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(self.new + other.new, self.changed + other.changed, self.same + other.same)


def publish(url: str, token: str) -> tuple[Outcome, Outcome]:
    """Make the dashboards and alert rules of the Grafana at `url` what they are here; harmless to repeat.

    `token` is one of a service account with the role Admin, which alert rules ask for. Both go into folders
    of ours, and are found again by their uids. Whom alerts go to is the server's affair: contact points and
    policies are not touched. Returns the outcomes of dashboards and of rules.

    Raises BypulsError when the URL, the token or the version is wrong, or the data source is missing.
    """
    if not _is_address(url):
        raise BypulsError(f"{url} is no URL of a Grafana; give one such as https://grafana.example.org")
    token = token.strip()
    if not token.isascii() or not token.isprintable():
        raise BypulsError(
            "the token has characters that no token has; was it cut off, or copied with others?"
        )
    with _translated(url):
        api: Any = GrafanaApi.from_url(url, credential=token, timeout=SECONDS)
        _check_version(url, api)
        if _found(lambda: api.datasource.get_datasource_by_uid(query.SOURCE_UID)) is None:
            raise BypulsError(
                f"{url} has no data source with the uid {query.SOURCE_UID!r}; make one of PostgreSQL with "
                "the role bypuls_grafana, as docker/grafana/provisioning/datasources does"
            )
        _keep_folder(api, page.FOLDER_UID, page.FOLDER)
        _keep_folder(api, alert_rule.FOLDER_UID, alert_rule.FOLDER)
        shown = sum((_keep_dashboard(api, _plain(one)) for one in pages()), Outcome())
        watched = sum((_keep_rule(api, _plain(rule.model())) for rule in RULES), Outcome())
    return shown, watched


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port of six digits, an open bracket
        return False


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except GrafanaUnauthorizedError as error:
        raise BypulsError(
            f"{url} doesn't accept the token; make one of a service account with the role Admin"
        ) from error
    except GrafanaException as error:
        if error.status_code == 403:
            raise BypulsError(f"{url}: the token may not do this; its role must be Admin") from error
        if error.status_code in (409, 412):
            raise BypulsError(
                f"{url} refused: {error.message}; is there a folder or dashboard of the same title that isn't"
                " ours? Rename it there"
            ) from error
        raise BypulsError(f"{url} refused: {error.message}") from error
    except requests.exceptions.JSONDecodeError as error:
        raise BypulsError(f"what answers at {url} is no Grafana; is there a path behind the host?") from error
    except requests.exceptions.RequestException as error:
        raise BypulsError(f"can't reach {url}: {error}") from error


def _check_version(url: str, api: Any) -> None:
    told = _found(api.health.check)
    version = told.get("version") if isinstance(told, dict) else None
    try:
        numbers = tuple(int(part) for part in str(version).split("-")[0].split("+")[0].split(".")[:2])
    except ValueError:
        raise BypulsError(f"what answers at {url} is no Grafana; is there a path behind the host?") from None
    if numbers < LEAST:
        raise BypulsError(
            f"{url} is Grafana {version}; these dashboards need {'.'.join(map(str, LEAST))} or newer"
        )


def _keep_folder(api: Any, uid: str, title: str) -> None:
    if _found(lambda: api.folder.get_folder(uid)) is None:
        api.folder.create_folder(title, uid)


def _keep_dashboard(api: Any, wanted: dict[str, Any]) -> Outcome:
    there = _found(lambda: api.dashboard.get_dashboard(wanted["uid"]))
    placed = there is not None and there.get("meta", {}).get("folderUid") == page.FOLDER_UID
    if there is not None and placed and _contains(there["dashboard"], wanted):
        return Outcome(same=1)
    api.dashboard.update_dashboard(
        {
            "dashboard": wanted,
            "folderUid": page.FOLDER_UID,
            "overwrite": True,
            "message": "bypuls dashboards publish",
        }
    )
    return Outcome(new=1) if there is None else Outcome(changed=1)


def _keep_rule(api: Any, wanted: dict[str, Any]) -> Outcome:
    there = _found(lambda: api.alertingprovisioning.get_alertrule(wanted["uid"]))
    if there is None:
        api.alertingprovisioning.create_alertrule(wanted)
        return Outcome(new=1)
    if _contains(there, wanted):
        return Outcome(same=1)
    api.alertingprovisioning.update_alertrule(wanted["uid"], wanted)
    return Outcome(changed=1)


def _contains(there: Any, wanted: Any) -> bool:
    """Tell whether the server has all of `wanted`; what it adds (id, version, defaults) doesn't count."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(
            key in there and _contains(there[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(there, list)
            and len(there) == len(wanted)
            and all(_contains(*pair) for pair in zip(there, wanted, strict=True))
        )
    return bool(there == wanted)


def _plain(what: object) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(text(what))
    return made


def _found(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except GrafanaClientError as error:
        if error.status_code == 404:
            return None
        raise

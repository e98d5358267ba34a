"""What all dashboards share: time zone, links to the others, layout."""

from collections.abc import Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, Row
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard as DashboardModel
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableModel,
)

T = TypeVar("T")

FOLDER_UID, FOLDER = "bypuls", "Bypuls"
TAG = "bypuls"


def link(uid: str, *variables: str) -> str:
    """Return a dashboard's address at the same times; `variables` such as "node=${__data.fields.node}"."""
    chosen = "".join(f"&var-{variable}" for variable in variables)
    return f"/d/{uid}?${{__url_time_range}}{chosen}"


NODE_OF_SERIES = link("bypuls-nodes", "node=${__field.labels.node}")
NODE_OF_ROW = link("bypuls-nodes", "node=${__data.fields.node}")


class _Made(Builder[T]):
    """What was built already, for the methods that take builders."""

    def __init__(self, what: T) -> None:
        self._what = what

    def build(self) -> T:
        return self._what


def page(
    uid: str,
    title: str,
    description: str,
    parts: Sequence[Panel | str],
    variables: Sequence[VariableModel] = (),
    *,
    since: str = "now-24h",
    refresh: str = "1m",
) -> DashboardModel:
    """Return a dashboard of these panels in order, left to right and down; a text among them heads a row.

    Panels are numbered in the order given. It is not to be edited in Grafana: its source is here.
    """
    made = (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("Europe/Oslo")
        .week_start("monday")
        .time(since, "now")
        .refresh(refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(
            DashboardLink("Bypuls")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .keep_time(True)
            .include_vars(True)
        )
    )
    for variable in variables:
        made = made.with_variable(_Made(variable))
    for number, part in enumerate(parts, 1):
        if isinstance(part, str):
            made = made.with_row(Row(part).id(number))
        else:
            part.id_val = number
            made = made.with_panel(_Made(part))
    return made.build()

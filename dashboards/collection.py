"""All dashboards, in the order of the menu, and all their queries."""

from collections.abc import Iterator
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards import air, city, light, mobility, nodes, platform, water
from dashboards.query import SqlQuery

MODULES = (city, air, water, mobility, light, nodes, platform)


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One statement of a panel, with Grafana's macros and variables in it; its width in 24ths of a screen."""

    dashboard: str
    panel: str
    width: int
    ref_id: str
    format: str
    sql: str


def pages() -> list[Dashboard]:
    """Return the seven dashboards."""
    return [page.dashboard() for page in MODULES]


def queries() -> Iterator[PanelQuery]:
    """Give the statements of all panels."""
    for dashboard in pages():
        for panel in dashboard.panels or []:
            if not isinstance(panel, Panel):
                continue
            for target in panel.targets or []:
                if not isinstance(target, SqlQuery):  # what another panel has asked for already
                    continue
                assert dashboard.uid is not None
                assert panel.grid_pos is not None
                yield PanelQuery(
                    dashboard.uid,
                    panel.title or "",
                    panel.grid_pos.w,
                    target.ref_id,
                    target.format,
                    target.sql,
                )

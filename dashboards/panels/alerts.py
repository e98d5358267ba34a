"""Grafana's own alerts."""

from grafana_foundation_sdk.builders.dashboard import Panel
from grafana_foundation_sdk.models.dashboard import Panel as PanelModel

from dashboards.panels.told import Told, finished


def firing(told: Told, *, width: int = 12, height: int = 8) -> PanelModel:
    """Return the list of Grafana's own alerts that are firing or pending (the SDK has no builder for it)."""
    panel = Panel().type("alertlist").unit("none")
    panel = panel.options(
        {
            "alertInstanceLabelFilter": "",
            "alertName": "",
            "dashboardAlerts": False,
            "groupBy": [],
            "groupMode": "default",
            "maxItems": 20,
            "sortOrder": 3,
            "stateFilter": {"error": True, "firing": True, "noData": True, "normal": False, "pending": True},
            "viewMode": "list",
        }
    )
    return finished(panel, told, width, height, None)

"""The dashboards as they are built, and the panels on them."""

from typing import Any

import pytest
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards.collection import pages

PAGES = {page.uid or "": page for page in pages()}


def panels(page: Dashboard) -> list[Panel]:
    """Return the panels of a page, without the headings of rows."""
    return [panel for panel in page.panels or [] if isinstance(panel, Panel)]


def every_panel(*types: str) -> list[Any]:
    """Return the panels of all pages, of these types if any are named, for pytest to try each; never none."""
    found = [
        pytest.param(panel, id=f"{uid}: {panel.title}")
        for uid, page in PAGES.items()
        for panel in panels(page)
        if not types or panel.type_val in types
    ]
    assert found, f"no panel is of type {types}"
    return found


def settings(panel: Panel) -> dict[str, dict[str, Any]]:
    """Return what the overrides of a panel set, by column or pattern."""
    assert panel.field_config is not None
    return {
        str(one.matcher.options): {part.id_val: part.value for part in one.properties}
        for one in panel.field_config.overrides or []
    }

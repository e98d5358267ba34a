"""Tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    ValueMapping,
)
from grafana_foundation_sdk.models.dashboard import Panel as PanelModel

from dashboards.colours import steps
from dashboards.panels.told import Told, finished
from dashboards.query import Query, rows, source


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its heading, unit, and how its cells are coloured and linked.

    It is the column of that name, or what `sql` makes of the function's columns.
    """

    heading: str
    unit: str = "string"
    decimals: int | None = None
    thresholds: ThresholdsConfig | None = None
    mappings: Sequence[ValueMapping] = ()
    link: str | None = None
    width: int | None = None
    sql: str | None = None


def listing(
    told: Told,
    store: str,
    columns: Mapping[str, Column],
    *,
    where: str = "",
    order: str = "",
    width: int = 24,
    height: int = 8,
) -> PanelModel:
    """Return a table of these columns of a function or view of the store."""
    asked = (f"{column.sql} AS {name}" if column.sql else name for name, column in columns.items())
    panel = table.Panel().with_target(Query(rows(", ".join(asked), store, where=where, order=order)))
    panel = panel.unit("string").filterable(True).thresholds(steps("transparent"))
    for name, column in columns.items():
        panel = panel.override_by_name(name, _cell(column))
    return finished(panel.datasource(source()), told, width, height, None)


def _cell(column: Column) -> list[DynamicConfigValue]:
    properties = [
        DynamicConfigValue("displayName", column.heading),
        DynamicConfigValue("unit", column.unit),
    ]
    if column.decimals is not None:
        properties.append(DynamicConfigValue("decimals", column.decimals))
    if column.mappings:
        properties.append(DynamicConfigValue("mappings", list(column.mappings)))
    if column.thresholds is not None:
        properties.append(DynamicConfigValue("thresholds", column.thresholds.build()))
        cell = {"type": "color-background", "mode": "basic", "applyToRow": False}
        properties.append(DynamicConfigValue("custom.cellOptions", cell))
    if column.link is not None:
        properties.append(DynamicConfigValue("links", [{"title": "Mer om dette", "url": column.link}]))
    if column.width is not None:
        properties.append(DynamicConfigValue("custom.width", column.width))
    return properties

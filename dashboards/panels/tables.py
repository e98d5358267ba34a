"""Tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    ValueMapping,
)
from grafana_foundation_sdk.models.dashboard import Panel as PanelModel

from dashboards.colours import UNKNOWN, steps
from dashboards.panels.told import Told, finished
from dashboards.query import Query, rows, source

LEAST = 130
"""Pixels of a column without a width, which takes what the others leave."""

NARROW, BROAD = " .,()/fijlrtI", "mwMW"


def room(heading: str) -> int:
    """Return how wide a column is at least in which Grafana doesn't cut the heading off, in pixels.

    As its table was measured with Inter at 14 px: a letter takes 5, 8.6 or 12.5, and padding and the
    filter's icon 34.
    """
    letters = sum(5 if one in NARROW else 12.5 if one in BROAD else 8.6 for one in heading)
    return ceil(letters) + 34


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its heading, unit, and how its cells are coloured and linked.

    It is the column of that name, or what `sql` makes of the function's columns. What is hidden is there
    for links.
    """

    heading: str
    unit: str = "string"
    decimals: int | None = None
    thresholds: ThresholdsConfig | None = None
    mappings: Sequence[ValueMapping] = ()
    link: str | None = None
    width: int | None = None
    hidden: bool = False
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
    panel = (
        panel.unit("string")
        .filterable(True)
        .min_width(LEAST)
        .thresholds(steps("transparent"))
        .mappings([UNKNOWN])
    )
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
        properties.append(DynamicConfigValue("mappings", [*column.mappings, UNKNOWN]))
    if column.thresholds is not None:
        properties.append(DynamicConfigValue("thresholds", column.thresholds.build()))
        cell = {"type": "color-background", "mode": "basic", "applyToRow": False}
        properties.append(DynamicConfigValue("custom.cellOptions", cell))
    if column.link is not None:
        # Grafana takes an address of its own server for a page of its own, unless it opens a new window.
        link = {"title": "Mer om dette", "url": column.link, "targetBlank": not column.link.startswith("/d/")}
        properties.append(DynamicConfigValue("links", [link]))
    if column.width is not None:
        properties.append(DynamicConfigValue("custom.width", max(column.width, room(column.heading))))
    if column.hidden:
        properties.append(DynamicConfigValue("custom.hidden", True))
    return properties

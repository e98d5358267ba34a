"""The few kinds of panels that all dashboards are made of.

Each takes a `Told`: a title in Norwegian, and in English what is normal, what isn't and what to do, and why
the panel may be empty. `width` is in 24ths of the page, `height` in Grafana's rows of 30 px.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from grafana_foundation_sdk.builders import barchart, bargauge, geomap, stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    FrameGeometrySource,
    GraphThresholdsStyleConfig,
    MapLayerOptions,
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, Panel, ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import (
    AxisPlacement,
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    FrameGeometrySourceMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DashboardLink as LinkModel
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    ValueMapping,
)
from grafana_foundation_sdk.models.dashboard import Panel as PanelModel

from dashboards.colours import BLUE, GREY, steps
from dashboards.query import TIME_SERIES, Query, rows, source


@dataclass(frozen=True, slots=True)
class Told:
    """What a panel says of itself."""

    title: str
    normal: str
    unusual: str
    do: str
    empty: str

    @property
    def description(self) -> str:
        """The text behind the panel's (i)."""
        return f"Normal: {self.normal}\n\nNot normal: {self.unusual}\n\nDo: {self.do}"


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


class _Any(Protocol):
    """What the builders of all panel types have in common."""

    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...
    def data_links(self, links: list[Builder[LinkModel]]) -> Self: ...
    def build(self) -> PanelModel: ...


def figure(
    told: Told,
    sql: str,
    unit: str,
    *,
    thresholds: ThresholdsConfig | None = None,
    mappings: Sequence[ValueMapping] = (),
    decimals: int | None = None,
    fields: str = "",
    link: str | None = None,
    width: int = 4,
    height: int = 4,
) -> PanelModel:
    """Return a panel with one large figure for each row that the query gives, coloured by its thresholds."""
    panel = stat.Panel().with_target(Query(sql)).unit(unit).mappings(list(mappings))
    panel = panel.thresholds(thresholds or steps(BLUE)).color_mode(BigValueColorMode.BACKGROUND_SOLID)
    panel = panel.graph_mode(BigValueGraphMode.NONE).text_mode(BigValueTextMode.AUTO)
    panel = panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).fields(fields).values(False))
    if decimals is not None:
        panel = panel.decimals(decimals)
    return _finished(panel.datasource(source()), told, width, height, link)


def series(
    told: Told,
    sql: str,
    unit: str,
    *,
    name: str = "${__field.labels.metric}",
    thresholds: ThresholdsConfig | None = None,
    lines: str | None = None,
    bars: bool = False,
    stacked: bool = False,
    decimals: int | None = None,
    least: float | None = None,
    most: float | None = None,
    link: str | None = None,
    width: int = 12,
    height: int = 8,
) -> PanelModel:
    """Return a panel of series over time: a column `time`, text columns, and one value for each series.

    `thresholds` are drawn as dashed lines; `lines` is a second query whose series are dashed lines of
    their own, such as those that belong to one gauge only. Gaps stay gaps.
    """
    panel = timeseries.Panel().with_target(Query(sql, TIME_SERIES)).unit(unit).display_name(name)
    panel = panel.line_width(1).fill_opacity(60 if bars or stacked else 0).span_nulls(False)
    panel = panel.show_points(VisibilityMode.AUTO).axis_placement(AxisPlacement.AUTO)
    panel = panel.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    panel = panel.draw_style(GraphDrawStyle.BARS if bars else GraphDrawStyle.LINE)
    panel = panel.legend(
        VizLegendOptions()
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"])
    )
    panel = panel.tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    if thresholds is not None:
        style = GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(thresholds).thresholds_style(style)
    if stacked:
        panel = panel.stacking(StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if lines is not None:
        panel = panel.with_target(Query(lines, TIME_SERIES, "B")).override_by_query("B", _dashed())
    if decimals is not None:
        panel = panel.decimals(decimals)
    if least is not None:
        panel = panel.min(least)
    if most is not None:
        panel = panel.max(most)
    return _finished(panel.datasource(source()), told, width, height, link)


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
    return _finished(panel.datasource(source()), told, width, height, None)


def ranking(
    told: Told,
    sql: str,
    unit: str,
    *,
    thresholds: ThresholdsConfig | None = None,
    decimals: int | None = None,
    least: float | None = None,
    most: float | None = None,
    link: str | None = None,
    width: int = 8,
    height: int = 8,
) -> PanelModel:
    """Return horizontal bars, one for each row of the query: a text column and a value."""
    panel = bargauge.Panel().with_target(Query(sql)).unit(unit).orientation(VizOrientation.HORIZONTAL)
    panel = panel.thresholds(thresholds or steps(BLUE)).display_mode(BarGaugeDisplayMode.BASIC)
    panel = panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(True).limit(60))
    if decimals is not None:
        panel = panel.decimals(decimals)
    if least is not None:
        panel = panel.min(least)
    if most is not None:
        panel = panel.max(most)
    return _finished(panel.datasource(source()), told, width, height, link)


def columns(
    told: Told,
    sql: str,
    unit: str,
    parts: Mapping[str, tuple[str, str]],
    *,
    width: int = 8,
    height: int = 8,
) -> PanelModel:
    """Return stacked columns: a text column along the axis, and `parts` by column: heading and colour."""
    panel = barchart.Panel().with_target(Query(sql)).unit(unit).stacking(StackingMode.NORMAL)
    panel = panel.orientation(VizOrientation.VERTICAL).fill_opacity(85).line_width(0).bar_width(0.9)
    panel = panel.legend(
        VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )
    panel = panel.tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.NONE))
    for name, (heading, colour) in parts.items():
        panel = panel.override_by_name(
            name,
            [
                DynamicConfigValue("displayName", heading),
                DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour}),
            ],
        )
    return _finished(panel.datasource(source()), told, width, height, None)


def places(
    told: Told,
    sql: str,
    by: str,
    unit: str,
    thresholds: ThresholdsConfig,
    mappings: Sequence[ValueMapping],
    *,
    headings: Mapping[str, str],
    link: str | None = None,
    width: int = 12,
    height: int = 14,
) -> PanelModel:
    """Return a map: a marker at each row's place, coloured and labelled by its column `by`."""
    where = (
        FrameGeometrySource().mode(FrameGeometrySourceMode.COORDS).latitude("latitude").longitude("longitude")
    )
    style = {
        "color": {"field": by, "fixed": GREY},
        "opacity": 0.9,
        "size": {"fixed": 7, "min": 5, "max": 12},
        "symbol": {"fixed": "img/icons/marker/circle.svg", "mode": "fixed"},
        "text": {"field": by, "fixed": "", "mode": "field"},
        "textConfig": {
            "fontSize": 11,
            "offsetX": 0,
            "offsetY": -12,
            "textAlign": "center",
            "textBaseline": "middle",
        },
    }
    layer = MapLayerOptions().type("markers").name(told.title).location(where).tooltip(True)
    layer = layer.config({"showLegend": True, "style": style})
    panel = geomap.Panel().with_target(Query(sql)).unit(unit).thresholds(thresholds).mappings(list(mappings))
    panel = panel.color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    panel = panel.view(geomap.MapViewConfig().id("fit").all_layers(True).zoom(12)).layers([layer])
    panel = panel.basemap(MapLayerOptions().type("osm-standard").name("OpenStreetMap"))
    panel = panel.controls(geomap.ControlsOptions().show_zoom(True).show_attribution(True).show_scale(True))
    for name, heading in headings.items():
        panel = panel.override_by_name(name, [DynamicConfigValue("displayName", heading)])
    for name in ("latitude", "longitude"):
        panel = panel.override_by_name(name, [DynamicConfigValue("unit", "degree")])
    return _finished(panel.datasource(source()), told, width, height, link)


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
    return _finished(panel, told, width, height, None)


def _finished(panel: _Any, told: Told, width: int, height: int, link: str | None) -> PanelModel:
    panel = panel.title(told.title).description(told.description).no_value(told.empty)
    panel = panel.span(width).height(height)
    if link is not None:
        panel = panel.data_links([DashboardLink("Mer om dette").url(link)])
    return panel.build()


def _dashed() -> list[DynamicConfigValue]:
    return [
        DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
        DynamicConfigValue("custom.showPoints", "never"),
        DynamicConfigValue("custom.lineWidth", 2),
        DynamicConfigValue("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False}),
    ]


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

"""Values over time."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ScaleDistributionConfig,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models.common import (
    AxisPlacement,
    BarAlignment,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    ScaleDistribution,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
)
from grafana_foundation_sdk.models.dashboard import Panel as PanelModel

from dashboards.colours import ORANGE, VERMILION, YELLOW
from dashboards.panels.told import Told, bounded, finished
from dashboards.query import TIME_SERIES, Query, source

LEVELS = {"gul": YELLOW, "oransje": ORANGE, "rød": VERMILION}
"""Of thresholds, as their lines' labels end."""

BRIDGED = 25 * 60 * 1000
"""Milliseconds over which a line goes on, less than two intervals of 15 min.

In steps finer than the nodes' interval each series lacks the times of the others, and without this
Grafana draws a cloud of points.
"""


def series(
    told: Told,
    sql: str,
    unit: str,
    *,
    name: str = "${__field.labels.metric}",
    thresholds: ThresholdsConfig | None = None,
    lines: str | None = None,
    bars: bool = False,
    widest: int | None = None,
    stacked: bool = False,
    decimals: int | None = None,
    least: float | None = None,
    most: float | None = None,
    shown: float | None = None,
    logarithmic: bool = False,
    colours: Mapping[str, str] | None = None,
    right: tuple[str, str, str] | None = None,
    link: str | None = None,
    width: int = 12,
    height: int = 8,
) -> PanelModel:
    """Return a panel of series over time: a column `time`, text columns, and one value for each series.

    `thresholds` are drawn as dashed lines; `lines` is a second query whose series are dashed lines of
    their own, such as those that belong to one gauge only: a label ends with its level. `shown` is a
    value that the axis reaches at least from 0 on, such as a limit. `colours` are those of columns. `right`
    is a column with an axis of its own: its name, its unit and what the axis is called. `widest` is of bars,
    in pixels, where steps without a value are left out: Grafana makes bars as wide as the least time between
    two. Gaps longer than BRIDGED stay gaps.
    """
    panel = timeseries.Panel().with_target(Query(sql, TIME_SERIES)).unit(unit).display_name(name)
    panel = panel.line_width(1).fill_opacity(60 if bars or stacked else 0).span_nulls(BRIDGED)
    panel = panel.show_points(VisibilityMode.AUTO).axis_placement(AxisPlacement.AUTO)
    panel = panel.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    panel = panel.draw_style(GraphDrawStyle.BARS if bars else GraphDrawStyle.LINE)
    # As a table it shows two or three lines, under English headings.
    panel = panel.legend(
        VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )
    panel = panel.tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    if bars:  # a bar begins with its hour or day
        panel = panel.bar_alignment(BarAlignment.AFTER).bar_width_factor(0.9)
    if widest is not None:
        panel = panel.bar_max_width(widest)
    if thresholds is not None:
        style = GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(thresholds).thresholds_style(style)
    if stacked:
        panel = panel.stacking(StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if lines is not None:
        panel = panel.with_target(Query(lines, TIME_SERIES, "B")).override_by_query("B", _dashed())
        for level, colour in LEVELS.items():
            panel = panel.override_by_regexp(f"/: {level}/", _coloured(colour))
    for column, colour in (colours or {}).items():
        panel = panel.override_by_name(column, _coloured(colour))
    if shown is not None:
        panel = panel.axis_soft_max(shown).axis_soft_min(0)
    if logarithmic:
        panel = panel.scale_distribution(ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10))
    if right is not None:
        panel = panel.override_by_regexp(f"/{right[0]}/", _on_the_right(right[1], right[2]))
    panel = bounded(panel, decimals, least, most)
    return finished(panel.datasource(source()), told, width, height, link)


def _coloured(colour: str) -> list[DynamicConfigValue]:
    return [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})]


def _dashed() -> list[DynamicConfigValue]:
    return [
        DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
        DynamicConfigValue("custom.showPoints", "never"),
        DynamicConfigValue("custom.lineWidth", 2),
        DynamicConfigValue("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False}),
    ]


def _on_the_right(unit: str, label: str) -> list[DynamicConfigValue]:
    return [
        DynamicConfigValue("unit", unit),
        DynamicConfigValue("custom.axisPlacement", "right"),
        DynamicConfigValue("custom.axisLabel", label),
        DynamicConfigValue("custom.lineStyle", {"fill": "dot", "dash": [2, 4]}),
        DynamicConfigValue("custom.thresholdsStyle", {"mode": "off"}),
    ]

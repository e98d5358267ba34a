"""Bars: ranked, or stacked along a scale."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import barchart, bargauge
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeValueMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    ValueMapping,
)
from grafana_foundation_sdk.models.dashboard import Panel as PanelModel

from dashboards.colours import BLUE, steps
from dashboards.panels.told import Told, bounded, finished
from dashboards.query import Query, source


def ranking(
    told: Told,
    sql: str,
    unit: str,
    *,
    thresholds: ThresholdsConfig | None = None,
    names: tuple[str, Sequence[ValueMapping]] | None = None,
    decimals: int | None = None,
    least: float | None = None,
    most: float | None = None,
    width: int = 8,
    height: int = 8,
) -> PanelModel:
    """Return horizontal bars, one for each row of the query: a text column and a value.

    `names` are the text column and the words for what is in it.
    """
    panel = bargauge.Panel().with_target(Query(sql)).unit(unit).orientation(VizOrientation.HORIZONTAL)
    panel = panel.thresholds(thresholds or steps(BLUE)).display_mode(BarGaugeDisplayMode.BASIC)
    panel = panel.value_mode(BarGaugeValueMode.TEXT)  # yellow on white can't be read
    panel = panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(True).limit(60))
    if names is not None:
        panel = panel.override_by_name(names[0], [DynamicConfigValue("mappings", list(names[1]))])
    panel = bounded(panel, decimals, least, most)
    return finished(panel.datasource(source()), told, width, height, None)


def columns(
    told: Told,
    sql: str,
    unit: str,
    parts: Mapping[str, tuple[str, str]],
    *,
    decimals: int = 0,
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
    panel = panel.decimals(decimals)
    for name, (heading, colour) in parts.items():
        panel = panel.override_by_name(
            name,
            [
                DynamicConfigValue("displayName", heading),
                DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour}),
            ],
        )
    return finished(panel.datasource(source()), told, width, height, None)

"""Large figures."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
)
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    ValueMapping,
)
from grafana_foundation_sdk.models.dashboard import Panel as PanelModel

from dashboards.colours import BLUE, GREY, missing, steps
from dashboards.panels.told import Told, finished
from dashboards.query import Query, Shared, shared, source


def figure(
    told: Told,
    sql: str,
    unit: str,
    *,
    thresholds: ThresholdsConfig | None = None,
    mappings: Sequence[ValueMapping] = (),
    decimals: int | None = None,
    link: str | None = None,
    width: int = 4,
    height: int = 4,
) -> PanelModel:
    """Return a panel with one large figure, coloured by its thresholds; grey, and why, if there is none."""
    nothing = missing(told.empty, GREY)  # in the colour of the lowest step it would look as if all were well
    panel = stat.Panel().with_target(Query(sql)).unit(unit).mappings([*mappings, nothing])
    panel = panel.thresholds(thresholds or steps(BLUE)).color_mode(BigValueColorMode.BACKGROUND_SOLID)
    panel = panel.graph_mode(BigValueGraphMode.NONE).text_mode(BigValueTextMode.AUTO)
    panel = panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
    if decimals is not None:
        panel = panel.decimals(decimals)
    return finished(panel.datasource(source()), told, width, height, link)


def figures(
    told: Told, sql: str, unit: str, parts: Mapping[str, tuple[str, ThresholdsConfig]], *, height: int = 4
) -> PanelModel:
    """Return a row of large figures, one for each column of the query: `parts` has heading and thresholds."""
    panel = stat.Panel().with_target(Query(sql)).unit(unit).thresholds(steps(BLUE)).decimals(0)
    panel = panel.color_mode(BigValueColorMode.BACKGROUND_SOLID).graph_mode(BigValueGraphMode.NONE)
    panel = panel.text_mode(BigValueTextMode.VALUE_AND_NAME).orientation(VizOrientation.VERTICAL)
    panel = panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    for name, (heading, thresholds) in parts.items():
        panel = panel.override_by_name(
            name,
            [
                DynamicConfigValue("displayName", heading),
                DynamicConfigValue("thresholds", thresholds.build()),
            ],
        )
    return finished(panel.datasource(source()), told, 24, height, None)


def summary(
    told: Told,
    of: PanelModel,
    column: str,
    unit: str,
    thresholds: ThresholdsConfig,
    mappings: Sequence[ValueMapping],
    *,
    width: int = 4,
    height: int = 4,
) -> PanelModel:
    """Return a large figure: the greatest value of another panel's column, which is asked once for both."""
    panel = stat.Panel().with_target(Shared(of)).unit(unit).thresholds(thresholds)
    panel = panel.mappings([*mappings, missing(told.empty, GREY)])
    panel = panel.color_mode(BigValueColorMode.BACKGROUND_SOLID).graph_mode(BigValueGraphMode.NONE)
    panel = panel.reduce_options(ReduceDataOptions().calcs(["max"]).fields(f"/^{column}$/").values(False))
    return finished(panel.datasource(shared()), told, width, height, None)

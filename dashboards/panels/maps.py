"""Maps."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import geomap
from grafana_foundation_sdk.builders.common import (
    FrameGeometrySource,
    MapLayerOptions,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models.common import (
    FrameGeometrySourceMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    ValueMapping,
)
from grafana_foundation_sdk.models.dashboard import Panel as PanelModel

from dashboards.colours import GREY, UNKNOWN
from dashboards.panels.told import Told, finished
from dashboards.query import Query, source

HIDDEN = {"legend": False, "tooltip": True, "viz": False}
"""From what a marker tells."""


def places(
    told: Told,
    sql: str,
    by: str,
    unit: str,
    thresholds: ThresholdsConfig,
    mappings: Sequence[ValueMapping],
    *,
    headings: Mapping[str, str],
    measures: Mapping[str, tuple[str, int]] | None = None,
    link: str | None = None,
    width: int = 12,
    height: int = 14,
) -> PanelModel:
    """Return a map: a marker at each row's place, coloured and sized by its column `by`, from 0 to 3.

    `headings` are those of the columns in what a marker tells, `measures` their units and decimals.
    """
    where = (
        FrameGeometrySource().mode(FrameGeometrySourceMode.COORDS).latitude("latitude").longitude("longitude")
    )
    style = {
        "color": {"field": by, "fixed": GREY},
        "opacity": 0.9,
        "size": {"field": by, "fixed": 7, "min": 6, "max": 14},
        "symbol": {"fixed": "img/icons/marker/circle.svg", "mode": "fixed"},
    }
    layer = MapLayerOptions().type("markers").name(told.title).location(where).tooltip(True)
    layer = layer.config({"showLegend": True, "style": style})
    panel = geomap.Panel().with_target(Query(sql)).unit(unit).thresholds(thresholds).mappings([UNKNOWN])
    panel = panel.min(0).max(3)  # the scale of the sizes
    panel = panel.color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
    panel = panel.view(geomap.MapViewConfig().id("fit").all_layers(True).zoom(12)).layers([layer])
    panel = panel.basemap(MapLayerOptions().type("osm-standard").name("OpenStreetMap"))
    panel = panel.controls(geomap.ControlsOptions().show_zoom(True).show_attribution(True).show_scale(True))
    for name, heading in headings.items():
        panel = panel.override_by_name(name, [DynamicConfigValue("displayName", heading)])
    # Of this column alone: a river at exactly 2 m isn't above orange.
    panel = panel.override_by_name(by, [DynamicConfigValue("mappings", [*mappings, UNKNOWN])])
    for name, (of, decimals) in (measures or {}).items():
        shown = [DynamicConfigValue("unit", of), DynamicConfigValue("decimals", decimals)]
        panel = panel.override_by_name(name, shown)
    for name in ("latitude", "longitude"):
        panel = panel.override_by_name(name, [DynamicConfigValue("custom.hideFrom", HIDDEN)])
    return finished(panel.datasource(source()), told, width, height, link)

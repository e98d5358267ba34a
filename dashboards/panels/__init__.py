"""The few kinds of panels that all dashboards are made of.

Each takes a `Told`: a title in Norwegian, and in English what is normal, what isn't and what to do, and why
the panel may be empty. `width` is in 24ths of the page, `height` in Grafana's rows of 30 px.
"""

from dashboards.panels.alerts import firing
from dashboards.panels.bars import columns, ranking
from dashboards.panels.curves import series
from dashboards.panels.figures import figure, figures, summary
from dashboards.panels.maps import places
from dashboards.panels.tables import Column, listing
from dashboards.panels.told import Told

__all__ = [
    "Column",
    "Told",
    "columns",
    "figure",
    "figures",
    "firing",
    "listing",
    "places",
    "ranking",
    "series",
    "summary",
]

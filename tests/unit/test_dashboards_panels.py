"""What panels show and say, and how."""

import json
import re
from typing import Any

import pytest
from grafana_foundation_sdk.models.dashboard import Panel

from bypuls.numeric.flags import Flag
from bypuls.quantities import QUANTITIES
from bypuls.quarantine import Reason
from dashboards import colours, units
from dashboards.collection import queries
from dashboards.panels.curves import BRIDGED
from dashboards.panels.tables import LEAST, room
from dashboards.query import SOURCE_UID, SharedResult, SqlQuery
from dashboards.rendering import text
from testbed.dashboard_panels import PAGES, every_panel, panels, settings

UNITS = {
    ("series", "ug/m3"): "conμgm3",
    ("series", "m/s"): "velocityms",
    ("series", "m"): "suffix:m",
    ("threshold_lines", "m"): "suffix:m",
    ("series", "m3/s"): "suffix:m³/s",
    ("threshold_lines", "m3/s"): "suffix:m³/s",
    ("rise", "m"): "suffix:m/h",
    ("rate", "mm"): "suffix:mm/h",
    ("series", "bar"): "suffix:bar",
    ("rate", "m3"): "suffix:m³/h",
    ("rate", "1"): "suffix:per time",
    ("series", "dB"): "dB",
    ("series", "W"): "suffix:W",
    ("energy_days", "kWh"): "suffix:kWh",
    ("series", "%"): "percent",
    ("series", "1"): "percentunit",  # the share of the time in a state
}
"""What Grafana calls the unit of what a function gives of a quantity, by the catalogue's unit."""

SHOWS = {
    "NO₂, timemiddel": ("no2", (100, 200, 400)),
    "PM10, timemiddel": ("pm10", (60, 120, 400)),
    "PM2,5, timemiddel": ("pm2_5", (30, 50, 150)),
    "O₃, timemiddel": ("o3", (100, 180, 240)),
    "PM10, døgnmiddel": ("pm10", (50,)),
    "Vindhastighet": ("wind_speed", ()),
    "Vannstand": ("water_level", ()),
    "Vannføring": ("discharge", ()),
    "Stigning, vannstand": ("water_level", (0.05, 0.1)),
    "Nedbør": ("rainfall", ()),
    "Ledningstrykk": ("pipe_pressure", ()),
    "Vannforbruk": ("water_volume", ()),
    "Kjøretøy": ("vehicle_count", ()),
    "Sykler": ("bicycle_count", ()),
    "Personer": ("people_count", ()),
    "Lydnivå": ("sound_level", ()),
    "Andel av tiden lyset er på": ("lamp_state", ()),
    "Effekt": ("power", ()),
    "Energi per døgn": ("energy", ()),
    "Fyllingsgrad": ("fill_level", (90,)),
}
"""The quantity of each panel that shows one, and where its colours change."""


def test_a_panel_shows_the_quantity_that_it_is_named_after_in_its_unit() -> None:
    shown = set()
    for query in queries():
        asked = re.search(r"dashboard\.(\w+)\('(\w+)'", query.sql)
        if asked is None:
            continue
        function, quantity = asked.groups()
        [panel] = [one for one in panels(PAGES[query.dashboard]) if one.title == query.panel]
        defaults = panel.field_config.defaults if panel.field_config else None
        assert defaults is not None
        steps = defaults.thresholds.steps if defaults.thresholds else []
        at = tuple(step.value for step in steps if step.value is not None)
        assert (quantity, at) == SHOWS[query.panel], query.panel
        assert defaults.unit == UNITS[function, QUANTITIES[quantity].unit], query.panel
        shown.add(query.panel)
    assert shown == SHOWS.keys()


@pytest.mark.parametrize("panel", every_panel())
def test_every_panel_says_its_unit_what_is_normal_and_why_it_may_be_empty(panel: Panel) -> None:
    assert panel.title
    assert panel.description is not None
    parts = re.fullmatch(r"Normal: (.+)\n\nNot normal: (.+)\n\nDo: (.+)", panel.description)
    assert parts is not None
    assert all(part.endswith(".") for part in parts.groups())
    assert panel.field_config is not None
    defaults = panel.field_config.defaults
    assert defaults.unit
    assert defaults.no_value
    if panel.type_val == "table":
        for override in panel.field_config.overrides:
            assert {"displayName", "unit"} <= {one.id_val for one in override.properties}


@pytest.mark.parametrize("panel", every_panel())
def test_every_panel_but_grafanas_own_list_of_alerts_asks_our_data_source(panel: Panel) -> None:
    if panel.type_val == "alertlist":
        return
    assert panel.datasource is not None
    assert panel.targets
    for target in panel.targets:
        if isinstance(target, SharedResult):
            assert panel.datasource.uid == "-- Dashboard --"
            continue
        assert panel.datasource.uid == SOURCE_UID
        assert isinstance(target, SqlQuery)
        assert re.match(r"SELECT .* FROM dashboard\.\w+", target.sql), "panels ask functions made for them"


@pytest.mark.parametrize("panel", every_panel())
def test_no_unit_is_written_in_english_or_with_two_spaces(panel: Panel) -> None:
    """Of times Grafana's own say "mins" and "days"; watts without decimals tell 1.6 kW as 2 kW."""
    assert panel.field_config is not None
    used = [panel.field_config.defaults.unit, *(one.get("unit") for one in settings(panel).values())]
    assert not {"s", "ms", "m", "h", "d", "short", "watt", "kwatth"} & set(used)
    assert not [unit for unit in used if unit and re.match(r"(suffix|prefix): ", unit)]


@pytest.mark.parametrize("panel", every_panel("table", "geomap"))
def test_a_cell_without_a_value_is_a_dash_and_not_what_an_empty_panel_says(panel: Panel) -> None:
    assert panel.field_config is not None
    mapped = [one["mappings"] for one in settings(panel).values() if "mappings" in one]
    for mappings in (panel.field_config.defaults.mappings or [], *mapped):
        told = json.loads(text(mappings))[-1]
        assert (told["type"], told["options"]["match"]) == ("special", "null")
        assert told["options"]["result"] == {"text": "–", "color": "transparent"}


@pytest.mark.parametrize("panel", every_panel("stat"))
def test_a_figure_that_is_not_known_is_grey_and_says_why(panel: Panel) -> None:
    """In the colour of the lowest step a town without air stations would have good air."""
    if settings(panel):  # a row of counts: none of them is unknown
        assert panel.title == "Nodene i tall"
        return
    defaults = json.loads(text(panel))["fieldConfig"]["defaults"]
    assert defaults["mappings"][-1]["options"]["match"] == "null"
    assert defaults["mappings"][-1]["options"]["result"] == {
        "text": defaults["noValue"],
        "color": colours.GREY,
    }


@pytest.mark.parametrize("panel", every_panel("table"))
def test_a_table_is_no_wider_than_its_panel_on_a_screen_of_1920_pixels(panel: Panel) -> None:
    """What doesn't fit is scrolled to: nobody sees that there is more."""
    assert panel.grid_pos is not None
    shown = [one for one in settings(panel).values() if not one.get("custom.hidden")]
    for one in shown:
        assert one.get("custom.width", LEAST) >= room(one["displayName"]), one["displayName"]
    assert sum(one.get("custom.width", LEAST) for one in shown) <= panel.grid_pos.w / 24 * 1888 - 10


def test_a_heading_has_as_much_room_as_grafanas_table_was_seen_to_need() -> None:
    """Pixels of the text and of what stands beside it, from Grafana's own table in a browser."""
    seen = {"Komponent": 78, "Periode": 53, "Ganger over": 84, "Stille (intervaller)": 117, "Oransje": 53}
    for heading, pixels in seen.items():
        assert pixels + 32 <= room(heading) <= pixels + 45, heading


@pytest.mark.parametrize("panel", every_panel("timeseries"))
def test_series_are_lines_with_an_axis_and_a_legend_that_can_be_read(panel: Panel) -> None:
    told = json.loads(text(panel))
    defaults, legend = told["fieldConfig"]["defaults"], told["options"]["legend"]
    # Each series lacks the times of the others: not bridged, Grafana draws points.
    assert defaults["custom"]["spanNulls"] == BRIDGED
    assert 2 * 10 * 60_000 < BRIDGED < 2 * 15 * 60_000, "over steps of 10 min, not over a missing reading"
    # Without decimals an axis has whole numbers only: 0 % and 100 %.
    assert not (defaults["unit"] == "percentunit" and defaults.get("decimals") == 0)
    assert (legend["displayMode"], legend["calcs"]) == ("list", [])


def test_every_code_that_operators_see_has_words() -> None:
    assert units.REASONS.keys() == {reason.value for reason in Reason}
    assert units.FLAGS.keys() == {str(flag.name).lower() for flag in Flag}
    for words in (units.REASONS, units.FLAGS, units.STATES):
        assert len(set(words.values())) == len(words)


@pytest.mark.parametrize("panel", every_panel("geomap"))
def test_markers_of_a_map_map_the_column_that_colours_them_alone(panel: Panel) -> None:
    mapped = [name for name, one in settings(panel).items() if "mappings" in one]
    [layer] = json.loads(text(panel))["options"]["layers"]
    assert mapped == [layer["config"]["style"]["color"]["field"]]


def test_a_summary_takes_a_column_that_the_panel_it_names_asks_for() -> None:
    found = 0
    for page in PAGES.values():
        by_number = {panel.id_val: panel for panel in panels(page)}
        for panel in panels(page):
            for target in panel.targets or []:
                if isinstance(target, SharedResult):
                    [asked] = by_number[json.loads(text(target))["panelId"]].targets or []
                    assert isinstance(asked, SqlQuery)
                    options: Any = panel.options
                    column = options.reduce_options.fields.strip("/^$")
                    assert re.search(rf"\b{column}\b", asked.sql.partition(" FROM ")[0])
                    found += 1
    assert found


def test_series_name_each_line_by_a_label_that_their_query_gives() -> None:
    for page in PAGES.values():
        for panel in panels(page):
            if panel.type_val != "timeseries":
                continue
            assert panel.field_config is not None
            name = panel.field_config.defaults.display_name or ""
            label = re.fullmatch(r"\$\{__field\.(?:labels\.(\w+)|name)\}(?: \$\{__field\.name\})?", name)
            assert label is not None, panel.title
            for target in panel.targets or []:
                assert isinstance(target, SqlQuery)
                chosen = target.sql.partition(" FROM ")[0]
                assert chosen.startswith("SELECT time, ")
                if label[1]:
                    assert re.search(rf"\b{label[1]}\b", chosen), panel.title

"""The dashboards as they are built and committed; tests/integration/ runs their queries."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from bypuls.air_quality import BOUNDS
from bypuls.errors import BypulsError
from bypuls.numeric.flags import Flag
from bypuls.quantities import QUANTITIES
from bypuls.quarantine import Reason
from dashboards import colours, units
from dashboards.collection import pages, queries
from dashboards.panels.curves import BRIDGED
from dashboards.panels.tables import LEAST, room
from dashboards.query import SOURCE_UID, SharedResult, SqlQuery, register
from dashboards.rendering import check, files, render, text

PROJECT = Path(__file__).resolve().parents[2]
UIDS = (
    "bypuls-city",
    "bypuls-air",
    "bypuls-water",
    "bypuls-mobility",
    "bypuls-light",
    "bypuls-nodes",
    "bypuls-platform",
)
PAGES = {page.uid or "": page for page in pages()}


def panels(page: Dashboard) -> list[Panel]:
    return [panel for panel in page.panels or [] if isinstance(panel, Panel)]


def every_panel() -> list[Any]:
    return [
        pytest.param(panel, id=f"{uid}: {panel.title}")
        for uid, page in PAGES.items()
        for panel in panels(page)
    ]


def links(page: Dashboard) -> Iterator[str]:
    yield from re.findall(r'"url": "([^"]+)"', text(page))


def test_the_committed_files_are_those_that_the_code_gives() -> None:
    check(PROJECT / "docker/grafana")


def test_rendering_twice_writes_once_and_what_is_wrong_is_named(tmp_path: Path) -> None:
    assert len(render(tmp_path)) == len(files()) == 11
    assert render(tmp_path) == []
    check(tmp_path)
    (tmp_path / "dashboards/bypuls-air.json").write_text("{}", encoding="utf-8")
    (tmp_path / "dashboards/bypuls-sea.json").write_text("{}", encoding="utf-8")
    (tmp_path / "provisioning/alerting/rules.json").unlink()
    with pytest.raises(BypulsError) as told:
        check(tmp_path)
    for part in (
        "bypuls-air.json differs",
        "bypuls-sea.json is left over",
        "rules.json is missing",
        "bypuls dashboards render",
    ):
        assert part in str(told.value)


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "dashboards").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(BypulsError, match=r"can't write .*bypuls-city\.json"):
        render(tmp_path)


def test_there_are_seven_with_these_uids_forever() -> None:
    assert tuple(PAGES) == UIDS
    assert len({page.title for page in PAGES.values()}) == 7


@pytest.mark.parametrize("uid", UIDS)
def test_the_json_is_what_the_sdk_reads_and_writes_again(uid: str) -> None:
    register()
    committed = (PROJECT / f"docker/grafana/dashboards/{uid}.json").read_text(encoding="utf-8")
    assert text(Dashboard.from_json(json.loads(committed))) == committed


@pytest.mark.parametrize("uid", UIDS)
def test_panels_are_numbered_named_and_laid_out_without_gaps_or_overlap(uid: str) -> None:
    page = PAGES[uid]
    assert len({panel.id_val for panel in page.panels or []}) == len(page.panels or [])
    assert len({panel.title for panel in panels(page)}) == len(panels(page))
    taken: set[tuple[int, int]] = set()
    for panel in page.panels or []:
        place = panel.grid_pos
        assert place is not None
        cells = {(x, y) for x in range(place.x, place.x + place.w) for y in range(place.y, place.y + place.h)}
        assert not cells & taken, panel.title
        taken |= cells
    assert {x for x, _ in taken} == set(range(24))


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


def settings(panel: Panel) -> dict[str, dict[str, Any]]:
    """Return what the overrides of a panel set, by column or pattern."""
    assert panel.field_config is not None
    return {
        str(one.matcher.options): {part.id_val: part.value for part in one.properties}
        for one in panel.field_config.overrides or []
    }


@pytest.mark.parametrize("panel", every_panel())
def test_no_unit_is_written_in_english_or_with_two_spaces(panel: Panel) -> None:
    """Of times Grafana's own say "mins" and "days"; watts without decimals tell 1.6 kW as 2 kW."""
    assert panel.field_config is not None
    used = [panel.field_config.defaults.unit, *(one.get("unit") for one in settings(panel).values())]
    assert not {"s", "ms", "m", "h", "d", "short", "watt", "kwatth"} & set(used)
    assert not [unit for unit in used if unit and re.match(r"(suffix|prefix): ", unit)]


@pytest.mark.parametrize("panel", every_panel())
def test_a_cell_without_a_value_is_a_dash_and_not_what_an_empty_panel_says(panel: Panel) -> None:
    if panel.type_val not in {"table", "geomap"}:
        return
    assert panel.field_config is not None
    mapped = [one["mappings"] for one in settings(panel).values() if "mappings" in one]
    for mappings in (panel.field_config.defaults.mappings or [], *mapped):
        told = json.loads(text(mappings))[-1]
        assert (told["type"], told["options"]["match"]) == ("special", "null")
        assert told["options"]["result"] == {"text": "–", "color": "transparent"}


@pytest.mark.parametrize("panel", every_panel())
def test_a_figure_that_is_not_known_is_grey_and_says_why(panel: Panel) -> None:
    """In the colour of the lowest step a town without air stations would have good air."""
    told = json.loads(text(panel))
    asks = any(isinstance(target, SqlQuery) for target in panel.targets or [])
    if panel.type_val != "stat" or not asks or settings(panel):
        return
    defaults = told["fieldConfig"]["defaults"]
    assert defaults["mappings"][-1]["options"]["match"] == "null"
    assert defaults["mappings"][-1]["options"]["result"] == {
        "text": defaults["noValue"],
        "color": colours.GREY,
    }


@pytest.mark.parametrize("panel", every_panel())
def test_a_table_is_no_wider_than_its_panel_on_a_screen_of_1920_pixels(panel: Panel) -> None:
    """What doesn't fit is scrolled to: nobody sees that there is more."""
    if panel.type_val != "table":
        return
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


@pytest.mark.parametrize("panel", every_panel())
def test_series_are_lines_with_an_axis_and_a_legend_that_can_be_read(panel: Panel) -> None:
    if panel.type_val != "timeseries":
        return
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


def test_markers_of_a_map_map_the_column_that_colours_them_alone() -> None:
    found = 0
    for page in PAGES.values():
        for panel in panels(page):
            if panel.type_val == "geomap":
                mapped = [name for name, one in settings(panel).items() if "mappings" in one]
                [layer] = json.loads(text(panel))["options"]["layers"]
                assert mapped == [layer["config"]["style"]["color"]["field"]]
                found += 1
    assert found == 2


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


@pytest.mark.parametrize("uid", UIDS)
def test_times_are_local_and_the_others_are_one_click_away(uid: str) -> None:
    page = PAGES[uid]
    assert page.timezone == "Europe/Oslo"
    assert page.week_start == "monday"
    [menu] = page.links or []
    assert (menu.type_val, menu.tags, menu.keep_time, menu.include_vars) == (
        "dashboards",
        ["bypuls"],
        True,
        True,
    )
    assert page.tags == ["bypuls"]


@pytest.mark.parametrize("uid", UIDS[:-1])
def test_owner_place_and_node_can_be_chosen_one_depending_on_the_other(uid: str) -> None:
    chosen = {one.name: str(one.query) for one in PAGES[uid].templating.list_val or []}
    assert list(chosen)[:3] == ["owner", "place", "node"]
    assert "${owner:sqlstring}" in chosen["place"]
    assert "${owner:sqlstring}" in chosen["node"]
    assert "${place:sqlstring}" in chosen["node"]
    if uid == "bypuls-nodes":
        assert list(chosen)[3:] == ["quantity"]


def test_links_lead_from_the_overview_to_details_and_on_to_the_node() -> None:
    leads = {
        uid: {match[1] for url in links(page) if (match := re.match(r"/d/([\w-]+)\?", url))}
        for uid, page in PAGES.items()
    }
    assert set(UIDS) >= set().union(*leads.values())
    assert leads["bypuls-city"] == {"bypuls-air", "bypuls-water", "bypuls-nodes", "bypuls-platform"}
    assert all("bypuls-nodes" in leads[uid] for uid in UIDS[1:6])
    for page in PAGES.values():
        for url in links(page):
            if url and not url.startswith("/public/bypuls/runbooks.html#"):
                assert "${__url_time_range}" in url, "the times come along"


def test_variables_in_queries_are_those_of_the_dashboard() -> None:
    for query in queries():
        known = {one.name for one in PAGES[query.dashboard].templating.list_val or []}
        used = set(re.findall(r"\$\{(\w+)[:}]", query.sql))
        assert used <= known, query


def test_air_is_coloured_by_the_classes_of_the_kernel() -> None:
    for quantity, bounds in BOUNDS.items():
        built = colours.air_steps(quantity).build()
        assert [one.value for one in built.steps] == [None, *bounds]
        assert [one.color for one in built.steps] == [colours.AIR[number] for number in (1, 2, 3, 4)]


# Machado, Oliveira and Fernandes 2009: what the two common kinds of colour blindness see, in linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}


def lab(colour: str, seen_by: str) -> np.ndarray:
    channels = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    linear = np.clip(BLINDNESS[seen_by] @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    root = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("seen_by", BLINDNESS)
@pytest.mark.parametrize("scale", ["AIR", "RIVER", "SEVERITY"])
def test_the_colours_of_a_scale_differ_clearly_for_everyone(scale: str, seen_by: str) -> None:
    chosen = getattr(colours, scale)
    for one, other in combinations(chosen.values() if isinstance(chosen, dict) else chosen, 2):
        distance = float(np.linalg.norm(lab(one, seen_by) - lab(other, seen_by)))
        assert distance > 20, f"{one} and {other} are {distance:.0f} apart"

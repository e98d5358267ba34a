"""The dashboards as they are built and committed; tests/integration/ runs their queries."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from grafana_foundation_sdk.models.dashboard import Dashboard

from bypuls.errors import BypulsError
from dashboards.collection import queries
from dashboards.query import register
from dashboards.rendering import check, files, render, text
from testbed.dashboard_panels import PAGES, panels

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

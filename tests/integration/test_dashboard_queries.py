"""Every statement of every panel and variable, as Grafana sends it, on a month of the town and a year."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from grafana_foundation_sdk.models.dashboard import Panel, RangeMap, ValueMap

from bypuls.instants import to_datetime
from dashboards.collection import pages
from dashboards.query import SqlQuery
from dashboards.rules import RULES
from testbed.alert_evaluation import labelled
from testbed.filling import put, register
from testbed.grafana_client import ALL, Answer, GrafanaReader, grafana_reader
from testbed.grafana_macros import Asked
from testbed.town_database import NOON, TownDatabase

UNTIL = to_datetime(NOON)
RANGES = {
    "1h": timedelta(hours=1), "1d": timedelta(days=1), "30d": timedelta(days=30), "1y": timedelta(days=365),
}  # fmt: skip

# What rightly gives no rows in a town where nothing is wrong, and whole days and nights within an hour.
NOTHING_WRONG = {
    "Uvanlig nå",
    "Nytt i karantene",
    "Karantene etter grunn",
    "Lagrede målinger",
    "Forsinkelse",
    "Lagringstid (commit)",
    "Gjentatt og i strid",
}
WHOLE_DAYS = {"PM10, døgnmiddel", "Nattforbruk (kl. 02–04)", "Lden per døgn"}

# Times a plain scan of the range, and seconds for planning and for the way there and back.
ALLOWED, LATENCY = 10, 0.15

# Of units: what a value can be.
PLAUSIBLE = {
    "percentunit": (0, 1),
    "percent": (0, 100),
    "conμgm3": (-10, 2000),
    "suffix:m": (-5, 30),
    "suffix:m³/s": (0, 10_000),
    "suffix:m³/h": (0, 5_000),
    "suffix:mm/h": (0, 100),
    "suffix:m/h": (-1, 1),
    "dB": (20, 140),
    "volt": (0, 60),
    "suffix:W": (0, 1e5),
    "suffix:kWh": (0, 5_000),
    "velocityms": (0, 75),
    "suffix:per time": (0, 20_000),
    "suffix:dBm": (-150, 0),
}


@pytest.fixture(scope="module")
def reader(everyday: TownDatabase) -> Iterator[GrafanaReader]:
    with grafana_reader(everyday.url) as made:
        yield made


def asked_panels() -> Iterator[tuple[str, Panel, SqlQuery]]:
    for page in pages():
        for panel in page.panels or []:
            if isinstance(panel, Panel):
                for target in panel.targets or []:
                    if isinstance(target, SqlQuery):
                        yield page.uid or "", panel, target


PANELS = list(asked_panels())


@dataclass(frozen=True, slots=True)
class Given:
    """What a panel's statement gave, for so many nodes, and how long it took, in seconds."""

    panel: Panel
    query: SqlQuery
    nodes: int | str
    asked: Asked
    answer: Answer
    seconds: float


@pytest.fixture(scope="module", params=RANGES)
def given(reader: GrafanaReader, request: pytest.FixtureRequest) -> tuple[str, list[Given]]:
    """What all panels gave for a range: of all nodes, and on a day and a month of one and of several too."""
    found = []
    for page in pages():
        for nodes in (1, 3, ALL) if request.param in {"1d", "30d"} else (ALL,):
            asked = reader.choose(page, UNTIL - RANGES[request.param], UNTIL, nodes)
            for uid, panel, query in PANELS:
                if uid == page.uid:
                    began = time.perf_counter()
                    answer = reader.run(query.sql, asked)
                    found.append(Given(panel, query, nodes, asked, answer, time.perf_counter() - began))
    return request.param, found


def test_every_panel_answers_with_what_it_can_show(given: tuple[str, list[Given]]) -> None:
    span, found = given
    for one in found:
        check(one.panel, one.query, one.answer, one.asked)
    empty = {one.panel.title for one in found if one.nodes == ALL and not one.answer.rows}
    assert empty <= NOTHING_WRONG | (WHOLE_DAYS if span == "1h" else set())


def test_every_pattern_of_names_finds_series(given: tuple[str, list[Given]]) -> None:
    found = 0
    for panel in {one.panel.title: one.panel for one in given[1]}.values():
        assert panel.field_config is not None
        patterns = [
            str(one.matcher.options).strip("/")
            for one in panel.field_config.overrides or []
            if one.matcher.id_val == "byRegexp"
        ]
        if patterns:
            names = {
                f"{label} {name}"
                for one in given[1]
                if one.panel is panel and one.nodes == ALL
                for label in one.answer.column("metric")
                for name in one.answer.columns
            }
            assert all(any(re.search(pattern, name) for name in names) for pattern in patterns), panel.title
            found += len(patterns)
    assert found == 7


def test_chosen_nodes_are_shown_and_no_others(given: tuple[str, list[Given]]) -> None:
    for one in given[1]:
        if "${node" in one.query.sql and "node" in one.answer.columns:
            # What is unusual may be of no node: readings that nobody can store.
            assert set(one.answer.column("node")) <= {*one.asked.variables["node"], None}, one.panel.title


def check(panel: Panel, query: SqlQuery, answer: Answer, asked: Asked) -> None:
    """Make sure that the rows are what the panel can show: columns, order, labels, plausible values."""
    title, columns = panel.title or "", answer.columns
    assert len(set(columns)) == len(columns), title
    assert panel.field_config is not None
    overrides: dict[str, dict[str, Any]] = {
        str(one.matcher.options): {part.id_val: part.value for part in one.properties}
        for one in panel.field_config.overrides or []
    }
    values: dict[str, list[Any]] = {name: answer.column(name) for name in columns}
    for name, column in values.items():
        unit = str(overrides.get(name, {}).get("unit", panel.field_config.defaults.unit))
        numbers = [float(value) for value in column if isinstance(value, int | float)]
        if unit in PLAUSIBLE and numbers and query.ref_id == "A" and name != "forbruk":
            low, high = PLAUSIBLE[unit]
            assert low <= min(numbers), (title, name, min(numbers))
            assert max(numbers) <= high, (title, name, max(numbers))
        if unit.startswith("time:"):
            assert all(value is None or isinstance(value, datetime) for value in column), (title, name)
    named = {
        str(one.matcher.options)
        for one in panel.field_config.overrides or []
        if one.matcher.id_val == "byName"
    }
    assert named <= set(columns), f"{title}: Grafana leaves out what is said of a column that isn't there"
    for name in named:
        check_words(f"{title}, {name}", overrides[name].get("mappings", []), values[name])
    match panel.type_val:
        case "table":
            assert columns == tuple(overrides), title
        case "timeseries":
            check_series(title, answer, asked)
        case "stat":
            assert len(answer.rows) == 1, title
        case "bargauge":
            assert [type(value) for value in answer.rows[0]] == [str, float] if answer.rows else True, title
        case "barchart":
            assert set(columns[1:]) == set(overrides), title
        case "geomap":
            assert {"latitude", "longitude"} <= set(columns), title
            assert all(59 < value < 61 for value in values["latitude"]), title
        case other:
            raise AssertionError(f"nobody knows how to check a {other}")


def check_words(title: str, mappings: list[Any], values: list[Any]) -> None:
    """Make sure that no key is left that should be shown as a word."""
    words = [one.options for one in mappings if isinstance(one, ValueMap)]
    if words and not any(isinstance(one, RangeMap) for one in mappings):
        keys = {key for options in words for key in options}
        if "database" not in keys:  # besides the names of tables
            assert {str(value) for value in values if value is not None} <= keys, title


def check_series(title: str, answer: Answer, asked: Asked) -> None:
    """Make sure that Grafana can make series of it: sorted, and one value for each time and labels."""
    assert answer.columns[0] == "time", title
    times = answer.column("time")
    assert times == sorted(times), title
    if times:
        # The first window may begin before the range; a window of days by up to a week of Grafana's steps.
        assert asked.since - timedelta(days=8) <= times[0], title
        assert times[-1] <= asked.until, title
    # Of three columns, Grafana makes `metric` the series' name, and no label that a legend could show.
    assert len(answer.columns) != 3 or "metric" not in answer.columns, title
    texts = [at for at, name in enumerate(answer.columns) if name in {"node", "metric", "halls", "reason"}]
    keys = [(row[0], *(row[at] for at in texts)) for row in answer.rows]
    assert len(set(keys)) == len(keys), f"{title}: two values for one time and series"
    numbers = [at for at in range(1, len(answer.columns)) if at not in texts]
    assert numbers, title
    for row in answer.rows:
        assert all(isinstance(row[at], str) for at in texts), title
        assert all(row[at] is None or isinstance(row[at], int | float) for at in numbers), title


def test_places_depend_on_owners_and_nodes_on_places(reader: GrafanaReader) -> None:
    page = next(page for page in pages() if page.uid == "bypuls-nodes")
    variables = {one.name: str(one.query) for one in page.templating.list_val or []}
    owners = reader.run(variables["owner"], Asked(UNTIL, UNTIL, {})).column("__value")
    every = reader.run(variables["place"], Asked(UNTIL, UNTIL, {"owner": owners})).column("__value")
    one = Asked(UNTIL, UNTIL, {"owner": [owners[0]]})
    places = reader.run(variables["place"], one).column("__value")
    assert set(places) < set(every)
    nodes = Asked(UNTIL, UNTIL, {"owner": [owners[0]], "place": places})
    chosen = reader.run(variables["node"], nodes)
    whole = reader.run(variables["node"], Asked(UNTIL, UNTIL, {"owner": owners, "place": every}))
    assert set(chosen.rows) < set(whole.rows)


def test_nodes_that_nobody_registered_can_be_chosen_too(database_url: str) -> None:
    """They enrolled by themselves: they have no owner, no place, and no interval."""
    register(database_url, "air-01", "no2", owner="NILU", place="Lillestrøm stasjon")
    stream = register(database_url, "stranger", "no2")["no2"]
    put(database_url, stream, [NOON - 60_000_000], [17.0])
    with grafana_reader(database_url) as made:
        page = next(page for page in pages() if page.uid == "bypuls-nodes")
        variables = [one for one in page.templating.list_val or [] if one.name != "quantity"]
        values: dict[str, Any] = {"quantity": "no2"}
        for variable in variables:
            asked = Asked(UNTIL - timedelta(hours=1), UNTIL, values)
            values[variable.name] = made.run(str(variable.query), asked).column("__value")
        assert set(values["node"]) == {"air-01", "stranger"}
        asked = Asked(UNTIL - timedelta(hours=1), UNTIL, values)
        shown = {panel.title: made.run(query.sql, asked) for uid, panel, query in PANELS if uid == page.uid}
        assert shown["Målinger"].rows[0][1:] == ("stranger", "stranger", 17.0)
        assert set(shown["Nodene"].column("node")) == {"air-01", "stranger"}
        for rule in RULES:
            answer = made.run(rule.sql, asked)
            labelled([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.uid)
def test_every_rule_gives_tabular_data(reader: GrafanaReader, rule: Any) -> None:
    answer = reader.run(rule.sql, Asked(UNTIL - timedelta(hours=1), UNTIL, {}))
    values = labelled([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])
    if rule.uid != "quarantine-rising":
        assert values


def test_a_value_with_a_quote_chooses_nothing_and_breaks_nothing(reader: GrafanaReader) -> None:
    asked = Asked(
        UNTIL - timedelta(days=1),
        UNTIL,
        {"owner": ["x'); DROP TABLE node; --"], "place": ["o'neill"], "node": ["'"], "quantity": "no2'"},
    )
    for _, panel, query in PANELS:
        answer = reader.run(query.sql, asked)
        if "unusual(" in query.sql:
            assert answer.column("what") == ["Ingen noder i registeret for dette utvalget"]
        elif "${node" in query.sql and panel.type_val not in {"stat", "barchart"}:
            assert answer.rows == [], panel.title


def test_no_panel_takes_much_longer_than_reading_what_it_is_made_of(
    reader: GrafanaReader, everyday: TownDatabase, given: tuple[str, list[Given]]
) -> None:
    """The plain scan: all that the range holds, of all streams, by the primary key, with one mean of it.

    Of panels that tell how things are now it is a month of hours: they look back no further; and
    of those that tell of the year a year. What takes longer is timed again, side by side with the scan, since
    other work may have come between.
    """
    span, found = given
    scans = {name: partial(plain_scan, everyday.url, length) for name, length in RANGES.items()}
    plain = {name: scan() for name, scan in scans.items()}
    slow = []
    for one in found:
        of = "1y" if "exceedances(" in one.query.sql or span == "1y" else "30d"
        of = span if "$__timeFrom()" in one.query.sql else of
        run = partial(reader.run, one.query.sql, one.asked)
        if one.seconds > ALLOWED * plain[of] + LATENCY and not any(
            timed(run) <= ALLOWED * scans[of]() + LATENCY for _ in range(4)
        ):
            slow.append(f"{one.panel.title}, {one.nodes}: {one.seconds:.3f} s; plain scan {plain[of]:.3f} s")
    assert not slow


def plain_scan(url: str, span: timedelta) -> float:
    """Return how many seconds a plain scan of the span takes when it was run before."""
    hourly = span > timedelta(days=3)
    table, moment, value = ("reading_hour", "hour", "mean") if hourly else ("reading", "time", "value")
    where = f"stream_id = ANY(%s) AND {moment} >= %s AND {moment} < %s"
    statement = f"SELECT avg({value}) FROM {table} WHERE {where}"  # noqa: S608  # both ours
    with psycopg.connect(url, autocommit=True) as connection:
        streams = [row[0] for row in connection.execute("SELECT stream_id FROM stream").fetchall()]
        run = partial(connection.execute, statement.encode(), [streams, UNTIL - span, UNTIL])
        run()
        return timed(run)


def timed(run: Any) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def test_the_platforms_panels_show_what_ingest_noted_and_what_lies_in_quarantine(database_url: str) -> None:
    """In the month above nothing ran but the writer, and nothing was wrong."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO intake_minute SELECT at, 1, 60, 600, 3, 1, 2, 10, 5.0, 2.5, 10, 0.2, 0.05"
            " FROM generate_series(%s::timestamptz, %s, '1 minute') AS at",
            [UNTIL - timedelta(hours=2), UNTIL],
        )
        connection.execute(
            "INSERT INTO quarantine (digest, reason, detail, topic, payload, payload_size, received_at,"
            " last_received_at, times) VALUES ('x', 'unit', 'wrong', 'x', 'secret', 6, %(at)s, %(at)s, 7)",
            {"at": UNTIL - timedelta(minutes=10)},
        )
    asked = Asked(UNTIL - timedelta(hours=1), UNTIL, {})
    with grafana_reader(database_url) as platform:
        shown = {
            panel.title: platform.run(query.sql, asked)
            for uid, panel, query in PANELS
            if uid == "bypuls-platform"
        }
    assert all(shown[title].rows for title in NOTHING_WRONG - {"Uvanlig nå"})
    assert set(shown["Lagrede målinger"].column("målinger")) == {10.0}
    assert set(shown["Forsinkelse"].column("middel")) == {0.5}
    assert set(shown["Lagringstid (commit)"].column("størst")) == {0.05}
    assert shown["Karantene etter grunn"].rows[0][:4] == ("unit", "unit", 1, 7)
    assert "secret" not in str(shown)


def test_labels_are_in_norwegian(reader: GrafanaReader) -> None:
    english = re.compile(r"\b(inbound|outbound|entrance|exit|yellow|orange|red|mean)\b")
    for page in pages():
        asked = reader.choose(page, UNTIL - timedelta(days=1), UNTIL)
        for uid, panel, query in PANELS:
            if uid == page.uid and panel.type_val == "timeseries":
                answer = reader.run(query.sql, asked)
                for name in {"metric", "halls", "reason"} & set(answer.columns):
                    wrong = {label for label in answer.column(name) if english.search(label)}
                    assert not wrong, (panel.title, wrong)


def test_the_past_is_told_as_it_was(reader: GrafanaReader) -> None:
    """A rule or panel asked about yesterday doesn't see today."""
    moment = datetime(2025, 11, 18, 6, tzinfo=UTC)
    for _, panel, query in PANELS:
        if "$__timeTo()" not in query.sql or "$__timeFrom()" in query.sql:
            continue
        page = next(page for page in pages() if panel.title in {one.title for one in page.panels or []})
        answer = reader.run(query.sql, reader.choose(page, moment - timedelta(hours=1), moment))
        for name in answer.columns:
            for value in answer.column(name):
                if isinstance(value, datetime):
                    assert value <= moment, (panel.title, name)

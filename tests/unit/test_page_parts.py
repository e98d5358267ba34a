"""The parts of the page that need no browser: words, figures, languages, policy and what is kept."""

import re
import string
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import Request
from reference.small_towns import small_town

from api.kept import FRESH, Kept
from api.page import figures
from api.page.assets import Assets
from api.page.html import takes_gzip
from api.page.language import Language, choose
from api.page.policy import content_policy
from api.page.sentence import states as sentence_states
from api.page.sentence import told
from api.page.town import State, themes
from api.page.words import WORDS
from bypuls.errors import StoreUnavailable
from bypuls.store.catalog import OpenStream
from bypuls.summary import tell

NB, EN = WORDS[Language.NB], WORDS[Language.EN]
FOLDER = Path(figures.__file__).parent


def request(**headers: str) -> Request:
    """A request with these headers."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": pairs})


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("", "nb"),
        ("en", "en"),
        ("en-GB,en;q=0.9,nb;q=0.8", "en"),
        ("nn-NO,en;q=0.8", "nb"),
        ("no, en", "nb"),
        ("de-DE,de;q=0.9,en;q=0.5", "en"),
        ("de-DE", "nb"),
        ("nb;q=0.2,en;q=0.7", "en"),
        ("en;q=0,nb;q=0.1", "nb"),
        ("en;q=x", "nb"),
        (";;q=,,", "nb"),
    ],
)
def test_the_language_is_the_one_that_the_browser_likes_best(accepted: str, expected: str) -> None:
    assert choose(request(accept_language=accepted), None) == expected


def test_what_was_chosen_goes_before_what_the_browser_asks_for() -> None:
    asked = request(accept_language="en", cookie="language=nb")
    assert choose(asked, None) is Language.NB
    assert choose(asked, Language.EN) is Language.EN
    assert choose(request(accept_language="en", cookie="language=xx"), None) is Language.EN


def test_both_languages_have_all_words_with_the_same_places_in_them() -> None:
    assert NB.all.keys() == EN.all.keys()
    for key in NB.all:
        nb, en = ({name for _, name, _, _ in string.Formatter().parse(each.all[key])} for each in (NB, EN))
        assert nb == en, key
        assert NB.all[key].strip() == NB.all[key] != ""


def test_every_word_that_templates_and_scripts_ask_for_is_in_the_table_and_every_one_is_asked_for() -> None:
    files = [*(FOLDER / "templates").iterdir(), *(FOLDER / "static").glob("*.js"), *FOLDER.glob("*.py")]
    text = "\n".join(path.read_text() for path in files if path.name != "words.py")
    asked = set(re.findall(r'words\("(\w+)"', text))
    assert asked <= NB.all.keys()
    named = set(re.findall(r'"(\w+)"', text))
    made = ("basis_", "by_hour_", "every_", "statistic_", "occupancy_", "lamp_state_")
    segments = {"inbound", "outbound", "entrance", "exit"}
    assert {key for key in NB.all if not key.startswith(made)} - named == segments


def test_the_plain_channel_of_a_node_is_its_first_row() -> None:
    now = datetime.now(UTC)
    measured = [
        OpenStream(
            number, f"river/{channel}", "river", channel, channel.rpartition("/")[2], "", "m", 600.0,
            "The town", "Nitelva", 59.95, 11.05, now, 1.0, 0, now, 1.0,
        )
        for number, channel in enumerate(["in/discharge", "out/water_level", "water_level"])
    ]  # fmt: skip
    [entry] = [entry for theme in themes(NB, measured, {}, now) for entry in theme.entries]
    assert [row.parts[0].stream for row in entry.rows] == [
        "river/water_level",
        "river/out/water_level",
        "river/in/discharge",
    ]


def test_what_something_is_told_of_goes_first_in_the_list_the_worst_before_all() -> None:
    now = datetime.now(UTC)
    severities = {"a": "calm", "b": "notice", "c": "silent", "d": "alarm", "e": "warning", "f": "notice"}
    measured = [
        OpenStream(
            number, f"{node}/no2", node, "no2", "no2", "", "ug/m3", 600.0, "The town", node.upper(), 59.95,
            11.05, now, 1.0, 0, now, 1.0,
        )
        for number, node in enumerate(severities)
    ]  # fmt: skip
    states = {node: State(severity, severity, f"{node}/no2") for node, severity in severities.items()}
    [theme] = [each for each in themes(NB, measured, states, now) if each.entries]
    assert [entry.node for entry in theme.entries] == ["d", "e", "b", "f", "a", "c"]


def test_a_value_alone_is_no_state_of_a_node() -> None:
    labels = {
        state.label
        for seed in range(100)
        for state in sentence_states(EN, tell(small_town(seed).snapshot())).values()
    }
    assert {"Calm", "Good air", "Unusually many", "Low pressure"} <= labels
    assert not [label for label in labels if re.fullmatch(r"[\N{MINUS SIGN}\d,.\s]+\D{0,5}", label)]


@pytest.mark.parametrize(
    ("value", "digits", "nb", "en"),
    [
        (0.0, 1, "0,0", "0.0"),
        (-0.04, 1, "0,0", "0.0"),
        (-0.05, 1, "\N{MINUS SIGN}0,1", "\N{MINUS SIGN}0.1"),
        (0.25, 1, "0,3", "0.3"),
        (1234.5, 0, "1\N{NO-BREAK SPACE}235", "1,235"),
        (1234567.891, 2, "1\N{NO-BREAK SPACE}234\N{NO-BREAK SPACE}567,89", "1,234,567.89"),
    ],
)
def test_numbers_are_written_as_each_language_has_them(value: float, digits: int, nb: str, en: str) -> None:
    assert figures.number(NB, value, digits) == nb
    assert figures.number(EN, value, digits) == en


def test_states_are_words_and_directions_have_names() -> None:
    assert figures.reading(NB, "lamp_state", 1.0) == "på"
    assert figures.reading(EN, "occupancy", 0.0) == "free"
    assert figures.reading(NB, "wind_direction", 337.5) == "338° N"
    assert figures.reading(NB, "wind_direction", 225.0) == "225° SV"
    assert figures.reading(EN, "no2", 1.0) == "1.0"


def test_the_readings_behind_a_clause_are_written_as_residents_know_them() -> None:
    rests = [
        rest
        for seed in (*range(100), 836)  # the last has a burst main
        for clause in told(NB, tell(small_town(seed).snapshot()))
        for rest in clause.rests
    ]
    assert {rest.unit for rest in rests} - {"V"} == {
        "", "µg/m³", "°C", "m/s", "mm", "m", "bar", "m³", "m³/h", "dB", "%"
    }  # fmt: skip
    counts = [rest for rest in rests if rest.basis.startswith("så mange målinger")]
    assert counts
    assert all(rest.value.isdigit() and rest.unit == "" for rest in counts)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "nå"), (59, "59 s siden"), (125, "2 min siden"), (7200, "2 t siden"), (3e5, "3 d siden")],
)
def test_ages_are_told_in_the_unit_that_says_most(seconds: float, text: str) -> None:
    assert figures.age(NB, seconds) == text


def test_how_often_something_is_measured_is_told_in_whole_units() -> None:
    told = [figures.interval(EN, each) for each in (None, 1, 90, 60, 300, 3600, 7200)]
    assert told == [
        "unknown",
        "every 1 s",
        "every 90 s",
        "every minute",
        "every 5 min",
        "every hour",
        "every 2 h",
    ]


def test_the_policy_lets_in_pictures_of_the_map_that_is_set_and_nothing_else_of_others() -> None:
    assert "http" not in content_policy(None)
    assert "unsafe" not in content_policy(None)
    tiles = content_policy("https://{s}.tiles.example:8443/map/{z}/{x}/{y}.png")
    assert "img-src 'self' data: https://*.tiles.example:8443;" in tiles
    assert tiles.count("https:") == 1


@pytest.mark.parametrize(
    ("header", "expected"),
    [("gzip, br", True), ("br", False), ("gzip;q=0", False), ("*", True), ("", False), ("GZIP; q=0.5", True)],
)
def test_a_packed_answer_goes_to_those_who_take_it(header: str, expected: bool) -> None:
    assert takes_gzip(request(accept_encoding=header)) is expected


def test_every_file_of_others_stands_beside_its_licence() -> None:
    for folder in (FOLDER / "vendor").iterdir():
        if folder.is_dir():
            assert len((folder / "LICENSE").read_text()) > 500, folder
            assert f"`{folder.name}`" in (FOLDER / "vendor" / "README.md").read_text()


def test_a_file_has_the_same_address_for_as_long_as_all_of_them_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.js").write_text("1")
    first, again = Assets(tmp_path), Assets(tmp_path)
    assert first.url("static/a.js") == again.url("static/a.js")
    (tmp_path / "static" / "b.js").write_text("2")
    assert Assets(tmp_path).url("static/a.js") != first.url("static/a.js")
    with pytest.raises(KeyError):
        first.url("static/b.js")


class Clock:
    """Stands in for time.monotonic."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of what is kept, moved by hand."""
    made = Clock()
    monkeypatch.setattr("api.kept.monotonic", made)
    return made


def test_an_answer_is_made_once_while_it_is_fresh_and_given_to_nobody_later(clock: Clock) -> None:
    kept, made = Kept[int](), iter(range(10))
    assert [kept.get("a", lambda: next(made)) for _ in range(3)] == [0, 0, 0]
    assert kept.get("b", lambda: next(made)) == 1
    clock.now += FRESH - 0.1
    assert kept.get("a", lambda: next(made)) == 0
    clock.now += 0.1
    assert kept.get("a", lambda: next(made)) == 2
    clock.now += 0.1
    assert kept.get("a", lambda: next(made), anew=True) == 3


def test_an_answer_is_not_given_where_there_is_something_newer_to_make_it_of(clock: Clock) -> None:
    kept, made = Kept[int](), iter(range(10))
    assert [kept.get("a", lambda: next(made), of=of) for of in (7, 7, 8, 7, 8)] == [0, 0, 1, 1, 1]


def test_an_answer_that_does_not_last_is_made_anew_for_each_who_comes_later(clock: Clock) -> None:
    kept, made = Kept[str](lasts=bool), iter(["", "", "something", "more"])
    assert [kept.get("a", lambda: next(made)) for _ in range(4)] == ["", "", "something", "something"]


def test_while_the_database_is_away_an_older_answer_is_no_answer(clock: Clock) -> None:
    kept = Kept[str]()
    kept.get("a", lambda: "old")

    def away() -> str:
        raise StoreUnavailable("away")

    clock.now += FRESH
    with pytest.raises(StoreUnavailable):
        kept.get("a", away)


@pytest.mark.parametrize(("lasts", "expected"), [(True, 1), (False, 2)])
def test_one_makes_the_answer_for_all_who_wait_for_it(
    monkeypatch: pytest.MonkeyPatch, lasts: bool, expected: int
) -> None:
    looks: list[float] = []

    def looked() -> float:
        looks.append(time.monotonic())
        return looks[-1]

    monkeypatch.setattr("api.kept.monotonic", looked)
    kept, begun, go = Kept[int](lasts=lambda _: lasts), [], threading.Event()

    def slow() -> int:
        begun.append(1)
        assert go.wait(10)
        return 7

    found: list[int] = []
    waiting = [threading.Thread(target=lambda: found.append(kept.get("a", slow))) for _ in range(5)]
    for thread in waiting:
        thread.start()
    deadline = time.monotonic() + 10
    while len(looks) < 6:  # each as it asks, and the first as it begins
        assert time.monotonic() < deadline
        time.sleep(0.001)
    go.set()
    for thread in waiting:
        thread.join(10)
    assert found == [7] * 5
    # What doesn't last is made once more for the four who came when it had been begun.
    assert len(begun) == expected


def test_who_waits_too_long_for_an_answer_that_another_makes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.kept.PATIENCE", 0.1)
    kept, begun, go = Kept[int](), threading.Event(), threading.Event()

    def hangs() -> int:
        begun.set()
        assert go.wait(10)
        return 7

    maker = threading.Thread(target=lambda: kept.get("a", hangs))
    maker.start()
    assert begun.wait(10)
    with pytest.raises(StoreUnavailable):
        kept.get("a", lambda: 8)
    go.set()
    maker.join(10)
    assert kept.get("a", lambda: 8) == 7


def test_a_failure_is_given_out_too_and_then_tried_again(clock: Clock) -> None:
    kept, tried = Kept[int](), []

    def away() -> int:
        tried.append(1)
        raise StoreUnavailable("away")

    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            kept.get("a", away)
    assert len(tried) == 1
    clock.now += FRESH + 1
    assert kept.get("a", lambda: 7) == 7

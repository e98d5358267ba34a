"""Faults befall the same nodes at the same times whoever asks, and do what they say; packs carry it all."""

import hashlib
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bypuls import senml
from bypuls.channels import of_channel
from bypuls.errors import BypulsError
from bypuls.readings import SECOND
from bypuls.units import SAME, conversion
from simulators import duration
from simulators.latency import Latencies
from simulators.score import score
from simulators.town import plan as plans
from simulators.town import stretches
from simulators.town import town as towns
from simulators.town.faults import FAULTS, Episode, Faults, parse
from simulators.town.journal import VERSION, Journal, LineFault, Recipe, Segment, read
from simulators.town.line import LINE_FAULTS, Line
from simulators.town.packs import packs, stamps, wrong_unit
from simulators.town.scenarios import SCENARIOS, Forces
from simulators.town.town import Block, Group, Town, rounded

START = 1_763_000_000 * SECOND
DAY = 86_400 * SECOND
TOWN = Town(plans.read("lillestrom"), towns.read("lillestrom"), 5, Forces([], START))


def faulty(**rates: float) -> Faults:
    return Faults(TOWN, {name.replace("_", "-"): rate for name, rate in rates.items()})


def first(faults: Faults, channel: str | None = None) -> tuple[Group, Episode]:
    """Return an episode of the only fault there is, of a channel whose last part has this name."""
    for group in TOWN.groups:
        for episode in faults.episodes(group, START, START + 30 * DAY):
            is_wanted = channel is None or (episode.channel or "").endswith(channel)
            if is_wanted and episode.start > START:
                return group, episode
    raise AssertionError("no such episode")


def around(group: Group, episode: Episode, faults: Faults) -> tuple[Block, Block]:
    """Return what a befallen node measures around an episode, without and with its fault."""
    rows, margin = np.array([episode.row]), 20 * group.step
    phase = int(group.phase[episode.row])
    begin = -((phase - episode.start + margin) // group.step) * group.step + phase
    tick = np.arange(begin, episode.end + margin, group.step, dtype=np.int64)[None, :]
    plain = Block(group, rows, tick, rounded(group, TOWN.measure(group, rows, tick)))
    return plain, faults.apply(Block(group, rows, tick, TOWN.measure(group, rows, tick)))


@pytest.mark.parametrize("name", FAULTS)
def test_whoever_asks_for_whichever_stretch_finds_the_same_episodes(name: str) -> None:
    faults = Faults(TOWN, {name: 0.5})
    for group in TOWN.groups:
        whole = list(faults.episodes(group, START, START + 30 * DAY))
        parts = [
            episode
            for day in range(30)
            for episode in faults.episodes(group, START + day * DAY, START + (day + 1) * DAY)
        ]
        keys = {(each.row, each.channel, each.start, each.end, each.size) for each in parts}
        assert keys == {(each.row, each.channel, each.start, each.end, each.size) for each in whole}
        for each in whole:
            assert (each.start - group.phase[each.row]) % group.step == 0  # it begins with a reading
    assert any(True for group in TOWN.groups for _ in faults.episodes(group, START, START + 30 * DAY))


def test_a_stuck_sensor_shows_what_it_showed_first() -> None:
    faults = faulty(stuck=1)
    group, episode = first(faults, "pm2_5")
    plain, fault = around(group, episode, faults)
    within = (plain.tick[0] >= episode.start) & (plain.tick[0] < episode.end)
    assert set(fault.values["pm2_5"][0, within].tolist()) == {plain.values["pm2_5"][0, within][0]}
    assert np.array_equal(fault.values["pm2_5"][0, ~within], plain.values["pm2_5"][0, ~within])
    assert len(set(plain.values["pm2_5"][0, within].tolist())) > 10


def test_a_drift_grows_from_nothing_to_its_size() -> None:
    faults = faulty(drift=1)
    group, episode = first(faults, "air_temperature")
    plain, fault = around(group, episode, faults)
    off = (fault.values["air_temperature"] - plain.values["air_temperature"])[0]
    within = np.flatnonzero((plain.tick[0] >= episode.start) & (plain.tick[0] < episode.end))
    assert abs(off[within[0]]) < 0.2
    assert off[within[-1]] == pytest.approx(episode.size, rel=0.1)
    assert (off[: within[0]] == 0).all()


def test_a_spike_is_one_reading_within_the_range_of_its_quantity() -> None:
    faults = faulty(spike=1)
    for channel in ("no2", "air_temperature", "relative_humidity", "discharge"):
        group, episode = first(faults, channel)
        plain, fault = around(group, episode, faults)
        off = np.abs(fault.values[channel] - plain.values[channel])[0]
        touched = faults.episodes(group, int(plain.tick[0, 0]), int(plain.tick[0, -1]) + 1)
        own = [each for each in touched if each.row == episode.row and each.channel == channel]
        assert np.count_nonzero(off) == len(own)
        assert off.max() > 0.3 * abs(episode.size)


def test_a_node_that_drops_out_sends_nothing_and_a_clock_that_is_wrong_shifts_its_stamps() -> None:
    faults = faulty(dropout=1)
    group, episode = first(faults)
    _, fault = around(group, episode, faults)
    assert fault.sent is not None
    gone = (fault.tick[0] >= episode.start) & (fault.tick[0] < episode.end)
    assert not fault.sent[0, gone].any()
    for name in ("clock-ahead", "clock-behind"):
        faults = Faults(TOWN, {name: 1})
        group, episode = first(faults)
        _, fault = around(group, episode, faults)
        assert fault.skew is not None
        within = (fault.tick[0] >= episode.start) & (fault.tick[0] < episode.end)
        assert set(fault.skew[0, within].tolist()) == {round(episode.size * SECOND)}
        assert (episode.size > 0) == (name == "clock-ahead")
        assert 10 <= abs(episode.size) <= 1_207
        assert episode.size % 10 != 0  # or two true instants of a node could become one


def test_packs_hold_every_reading_with_its_unit_and_true_time_whatever_is_wrong() -> None:
    faults = Faults(TOWN, {name: rate for name, rate in parse(["all=1"]).items() if name in FAULTS})
    for block in map(faults.apply, TOWN.blocks(START, START + 3 * 3_600 * SECOND)):
        made = {pack.node: pack for pack in packs(block)}
        for index, row in enumerate(block.rows.tolist()):
            node = block.group.names[row]
            sent = np.ones(block.tick.shape[1], np.bool_) if block.sent is None else block.sent[index]
            if not sent.any():
                assert node not in made
                continue
            pack = senml.decode(made[node].body)
            assert pack.faults == []
            assert made[node].readings == len(pack.values) == sent.sum() * len(block.group.channels)
            place = 0
            for channel in block.group.channels:
                wrong = block.units.get(channel.name, np.zeros(block.tick.shape, np.bool_))[index][sent]
                for value, at, bad in zip(
                    block.values[channel.name][index][sent].tolist(),
                    stamps(block, channel)[index][sent].tolist(),
                    wrong.tolist(),
                    strict=True,
                ):
                    assert pack.names[place] == channel.name
                    assert pack.values[place] == value
                    assert round((pack.base_time + pack.times[place]) * SECOND) == at
                    unit, known = pack.units[place], of_channel(channel.name).unit or ""
                    if bad:
                        assert unit == wrong_unit(channel)
                        assert conversion(unit, known) is None
                    else:
                        assert conversion(unit or "1", known) == SAME
                    place += 1


def test_a_bad_line_duplicates_damages_and_reorders_but_loses_nothing() -> None:
    told: list[tuple[str, str, int, bytes]] = []
    line = Line(dict.fromkeys(LINE_FAULTS, 1.0), 3, lambda *fault: told.append(fault))
    payloads = [b"[%d]" % number * 20 for number in range(500)]
    arrived = [each for seq, payload in enumerate(payloads) for each in line("node", seq, payload)]
    whole = [each for each in arrived if each in payloads]
    counts = Counter(fault for fault, *_ in told)
    assert len(set(told)) == len(told)
    assert all(node == "node" and payload == payloads[seq] for _, node, seq, payload in told)
    assert set(payloads) - set(whole) <= {payloads[-1]}  # which may wait to be overtaken
    assert len(arrived) - len(whole) == counts["corrupt"] > 20
    assert len(whole) - len(set(whole)) == counts["duplicate"] > 20
    order = [payloads.index(each) for each in whole]
    assert sum(later < earlier for earlier, later in pairwise(order)) >= counts["reordering"] - 1 > 20
    assert Line({}, 3, lambda *_: None)("node", 1, b"[]") == [b"[]"]


@pytest.mark.parametrize("word", ["stuck=0", "stuck=2", "stuck=often", "rust", "="])
def test_faults_that_make_no_sense_are_told(word: str) -> None:
    with pytest.raises(BypulsError, match=r"--fault|there is no fault"):
        parse([word])


def test_faults_are_read_with_their_rates() -> None:
    assert parse([]) == {}
    assert parse(["stuck", "drift", "spike=0.5"]) == {"stuck": 0.4, "drift": 0.1, "spike": 0.5}
    assert parse(["all=0.2", "stuck=0.7"])["stuck"] == 0.7
    assert set(parse(["all"])) == {*FAULTS, *LINE_FAULTS}


@pytest.mark.parametrize(("text", "seconds"), [("30d", 2_592_000), ("1.5h", 5_400), ("10min", 600), ("7", 7)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert duration.microseconds("--history", text) == seconds * SECOND


@pytest.mark.parametrize("text", ["", "soon", "-1d", "3w", "1h30"])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(BypulsError, match=f"--history {text}: give a duration such as 30d"):
        duration.microseconds("--history", text)


def test_percentiles_of_latencies_are_right_to_2_percent() -> None:
    latencies, chance = Latencies(limit=1.0), np.random.default_rng(4)
    seconds = chance.lognormal(-3, 1, 20_000)
    for each in seconds.tolist():
        latencies.add(each, 10)
    for percent in (50, 95, 99):
        assert latencies.percentile(percent) == pytest.approx(np.percentile(seconds, percent), rel=0.021)
    assert latencies.percentile(100) == latencies.longest == seconds.max()
    assert latencies.late == 10 * np.count_nonzero(seconds > 1)
    assert Latencies().percentile(50) == 0


PACK = b'[{"bt":%d,"n":"no2","t":5,"v":1},{"n":"no2","t":-3,"v":1}]' % (START // SECOND)
RECIPE = Recipe("lillestrom", 7, None, None, ["flood"], START, {"stuck": 0.1})


def test_a_journal_tells_what_is_acknowledged_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "new" / "town.jsonl"
    with Journal(path, RECIPE) as journal:
        assert journal.safe_until is None
        journal.span("scenario", START, START + DAY, {"scenario": "flood"})
        journal.safe(Segment(START, START + 5, START, 10, 0))
        journal.bad_line("duplicate", "air-01", 1, PACK)
        journal.bad_line("duplicate", "air-01", 2, PACK)
        journal.safe(Segment(START, START + 9, START, 20, 1))
        journal.bad_line("corrupt", "air-01", 3, PACK)  # and killed before anything of it was acknowledged
    with path.open("ab") as file:
        file.write(b'{"what":"safe","fr')  # killed while it wrote
    with Journal(path, RECIPE) as journal:
        assert journal.safe_until == START + 9
        journal.safe(Segment(START + 9, START + 20, START + 9, 5, 0))
    past = read(path)
    assert past.recipe == RECIPE
    assert [(each.start, each.end, each.readings, each.late) for each in past.segments] == [
        (START, START + 9, 20, 1),
        (START + 9, START + 20, 5, 0),
    ]
    assert [each.fault for each in past.line] == ["duplicate", "duplicate", "corrupt"]
    assert past.line[0] == LineFault("duplicate", "air-01", START - 3 * SECOND, START + 5 * SECOND)


def test_stretches_of_a_history_are_one_segment_in_whatever_order_they_were_sent(tmp_path: Path) -> None:
    path = tmp_path / "town.jsonl"
    with Journal(path, RECIPE) as journal:
        journal.safe(Segment(START + 60, START + 90, START + 90, 3))
        journal.safe(Segment(START, START + 40, START + 60, 4, 1))
    assert [(each.start, each.end) for each in read(path).segments] == [
        (START, START + 40),
        (START + 60, START + 90),
    ]
    with Journal(path, RECIPE) as journal:
        assert stretches.missing(journal.segments, START + 10, START + 99) == [
            (START + 40, START + 60),
            (START + 90, START + 99),
        ]
        journal.safe(Segment(START + 40, START + 60, START + 60, 2))
        journal.safe(Segment(START + 90, START + 120, START + 99, 5))
    # The gap was sent by another run, and all of it is history until START + 99.
    assert read(path).segments[-1].end == START + 120
    assert read(path).segments[-1].live == START + 99
    assert sum(each.readings for each in read(path).segments) == 14
    assert stretches.missing(read(path).segments, START, START + 120) == []


def test_the_last_hours_are_sent_first_and_then_the_last_day() -> None:
    hour = DAY // 24
    now = START + 7 * DAY
    assert stretches.newest_first([(START, now)], now) == [
        (now - 3 * hour, now),
        (now - DAY, now - 3 * hour),
        (START, now - DAY),
    ]
    gaps = [(now - 30 * hour, now - 28 * hour), (now - 4 * hour, now - 2 * hour)]
    assert stretches.newest_first(gaps, now) == [
        (now - 3 * hour, now - 2 * hour),
        (now - 4 * hour, now - 3 * hour),
        (now - 30 * hour, now - 28 * hour),
    ]
    assert stretches.newest_first([], now) == []


def test_scenarios_and_faults_are_told_once_and_one_simulation_writes_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "town.jsonl"
    for _ in range(2):
        with Journal(path, RECIPE) as journal:
            for start in (START, START, START + 5):
                journal.span("fault", start, start + DAY, {"fault": "stuck", "size": 0.1})
            journal.span("scenario", START, START + DAY, {"scenario": "flood", "shows": ["a"]})
            with (
                pytest.raises(BypulsError, match="another simulation writes the journal"),
                Journal(path, RECIPE),
            ):
                pass
    whats = [json.loads(line)["what"] for line in path.read_text().splitlines()]
    assert sorted(whats) == ["fault", "fault", "scenario", "town"]


def test_a_journal_of_another_town_or_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "town.jsonl"
    with Journal(path, RECIPE):
        pass
    other = Recipe("lillestrom", 8, None, None, ["flood"], START, {"stuck": 0.1})
    with pytest.raises(BypulsError, match="another town: seed is 7 there and 8 here"):
        Journal(path, other)
    for content, sentence in (
        ("", "tells of no town"),
        ("{}\n", "line 1: this is no line of a journal"),
        ("[1]\n", "line 1: "),
        ('{"what":"town"}\n', "line 1: this is no line"),
    ):
        path.write_text(content)
        with pytest.raises(BypulsError, match=sentence):
            read(path)
    with pytest.raises(BypulsError, match="can't be read"):
        read(tmp_path / "nowhere")


def test_a_journal_of_an_older_version_is_neither_scored_nor_continued(tmp_path: Path) -> None:
    path = tmp_path / "town.jsonl"
    with Journal(path, RECIPE) as journal:
        journal.safe(Segment(START, START + 9, START, 20))
    old = path.read_text().replace(f'"version":{VERSION}', '"version":1')
    path.write_text(old)
    for attempt in (
        lambda: read(path),
        lambda: Journal(path, RECIPE),
        lambda: score(path, "http://127.0.0.1:9"),
    ):
        with pytest.raises(BypulsError, match=r"town.jsonl is a journal of version 1; only"):
            attempt()
    assert path.read_text() == old


def test_the_version_of_journals_rises_when_a_recipe_makes_other_readings() -> None:
    """Such a journal would score everything as wrong: raise VERSION, and put the new digest here."""
    town = Town(plans.read("lillestrom"), towns.read("lillestrom"), 7, Forces(list(SCENARIOS), START + DAY))
    faults, found = Faults(town, dict.fromkeys(FAULTS, 0.5)), hashlib.sha256()
    for group in town.groups:
        rows = np.arange(len(group.names))
        tick = np.broadcast_to(START + np.arange(40) * DAY // 8, (len(rows), 40))
        block = faults.apply(Block(group, rows, tick, town.measure(group, rows, tick)))
        for channel in group.channels:
            found.update(np.ascontiguousarray(block.values[channel.name]).tobytes())
            found.update(stamps(block, channel).tobytes())
    assert (VERSION, found.hexdigest()[:16]) == (3, "851b516b0613a662")

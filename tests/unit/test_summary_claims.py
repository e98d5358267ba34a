"""What the summary says of towns of chance is what was read of them: every number, and every claim."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.small_towns import HOUR, MINUTE, NOW, SmallTown, small_town

from bypuls.summary import Summary, tell
from bypuls.summary.clauses import Clause, How, clock
from bypuls.summary.rules import RULES
from bypuls.summary.snapshot import Sensor, Threshold

SEEDS = st.integers(0, 1 << 32)
_NUMBER = re.compile(r"\d[\d.,:\N{NO-BREAK SPACE}]*(?:kl\. \d\d:\d\d)?")
_CLASSES = {"pm2_5": (30, 50, 150), "pm10": (60, 120, 400), "no2": (100, 200, 400), "o3": (100, 180, 240)}


def numbers_in(town: SmallTown, text: str) -> list[str]:
    """Return the numbers that stand in a text, names of places, of components and of units aside."""
    # The longest first: Sted 1 is the beginning of Sted 12.
    places = sorted({sensor.place for sensor in town.sensors}, key=lambda place: (-len(place), place))
    for name in (*places, "PM10", "PM2,5", "PM2.5"):
        text = text.replace(name, "")
    text = re.sub(r"(\d+\.\d+\. kl\.|\d+ (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec))\s", "", text)
    return [
        found.rstrip(".,:\N{NO-BREAK SPACE}") for found in re.findall(r"\d[\d.,:\N{NO-BREAK SPACE}]*", text)
    ]


@settings(max_examples=100)
@given(SEEDS)
def test_every_number_of_a_sentence_is_found_in_the_readings_it_links_to(seed: int) -> None:
    town = small_town(seed)
    for clause in tell(town.snapshot()).clauses:
        for evidence in clause.evidence:
            assert evidence.value == pytest.approx(town.value(evidence)), (clause.id, evidence)
            assert evidence.end <= NOW + HOUR or "usual" in evidence.statistic
        for number in clause.numbers:
            named = [clause.evidence[place] for place in number.readings]
            exact = town.number(number, named)
            assert number.value == pytest.approx(exact)
            for language in ("nb", "en"):
                assert shown(number.text[language], language, exact, number.how), (number, exact)
        for language in ("nb", "en"):
            said = [
                number.text[language].split()[-1] if number.how is How.END else number.text[language]
                for number in clause.numbers
            ]
            assert [each.lstrip("\N{MINUS SIGN}") for each in said] == numbers_in(town, clause.text[language])


def shown(text: str, language: str, exact: float, how: How) -> bool:
    """Tell whether a text is the number, rounded to the decimals that it has."""
    if how is How.END:
        return text == clock(round(exact), NOW, language)
    plain: str = text.replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", "")
    plain = plain.replace(",", ".") if language == "nb" else plain.replace(",", "")
    _, _, decimals = plain.partition(".")
    half: float = 0.5 / 10.0 ** len(decimals)
    return abs(float(plain) - exact) <= half + 1e-9


def last_hour(town: SmallTown, quantity: str) -> dict[str, float]:
    """Return the means of the last hour by stream, where three quarters of what can have come are there."""
    found = {}
    for sensor in town.sensors:
        readings = town.between(sensor.stream, NOW - HOUR, NOW)
        expected = 1 if sensor.interval is None else round(3_600 / sensor.interval)
        recent = readings and NOW - readings[-1][0] <= max(3 * (sensor.interval or 2_400) * 1e6, 900e6)
        if (
            sensor.quantity == quantity
            and readings
            and recent
            and len(readings) >= 0.75 * max(expected - 2, 1)
        ):
            found[sensor.stream] = sum(value for _, value in readings) / len(readings)
    return found


def air_classes(town: SmallTown) -> dict[str, int]:
    """Return the class of each station's worst component."""
    classes: dict[str, int] = {}
    for quantity, bounds in _CLASSES.items():
        for stream, mean in last_hour(town, quantity).items():
            node = stream.split("/")[0]
            classes[node] = max(classes.get(node, 1), 1 + sum(mean >= bound for bound in bounds))
    return classes


def of(clause: Clause, statistic: str) -> list[float]:
    return [each.value or 0 for each in clause.evidence if each.statistic == statistic]


def claims_air(number: int) -> Callable[[SmallTown, Clause], bool]:
    def holds(town: SmallTown, clause: Clause) -> bool:
        classes = air_classes(town)
        if clause.since is not None and not is_since(town, clause, number):
            return False
        return classes[clause.nodes[0]] == number == max(classes.values())

    return holds


def is_since(town: SmallTown, clause: Clause, number: int) -> bool:
    """Tell whether each hour that ends with a reading from then on has the class, and none just before."""
    stream = clause.evidence[0].stream
    bound = _CLASSES[stream.split("/")[1]][number - 2]
    reached = {
        time: sum(value for _, value in hour) / len(hour) >= bound
        for time, _ in town.between(stream, NOW - 23 * HOUR, NOW)
        if (hour := town.between(stream, time - HOUR + 1, time + 1))
    }
    before = [time for time in reached if time < (clause.since or 0)]
    later = [so for time, so in reached.items() if time >= (clause.since or 0)]
    return all(later) and not reached[before[-1]]


def claims_good(town: SmallTown, clause: Clause) -> bool:
    classes = air_classes(town)
    good = sum(number == 1 for number in classes.values())
    counted = [good, len(classes)] if len(classes) == 1 or 0 < good < len(classes) else [len(classes)]
    all_of_them = "alle" in clause.text["nb"], "ikke" in clause.text["nb"]
    if all_of_them != (good == len(classes) > 1, good == 0 and len(classes) > 1):
        return False
    return [number.value for number in clause.numbers] == counted


def claims_level(level: str) -> Callable[[SmallTown, Clause], bool]:
    def holds(town: SmallTown, clause: Clause) -> bool:
        [stream] = {each.stream for each in clause.evidence}
        reached = [t.level for t in town.thresholds[stream] if t.value < town.readings[stream][-1][1]]
        return reached[-1] == level

    return holds


@dataclass(frozen=True)
class Gauge:
    """A gauge by its readings: `rise` in m/h, None where the hours aren't there; the levels it is over."""

    stream: str
    node: str
    rise: float | None
    over: list[str]


def gauges(town: SmallTown) -> list[Gauge]:
    """Return the gauges of which something new comes."""
    found = []
    for sensor in town.sensors:
        if sensor.quantity != "water_level" or not town.readings[sensor.stream]:
            continue
        time, newest = town.readings[sensor.stream][-1]
        if NOW - time > (1_800e6 if sensor.interval else 7_200e6):
            continue
        least = (3, 5) if sensor.interval else (1, 1)  # of six readings; of the last hour four may have come
        hours = [
            [value for _, value in town.between(sensor.stream, NOW - since * HOUR, NOW - (since - 1) * HOUR)]
            for since in (1, 3)
        ]
        known = all(len(hour) >= few for hour, few in zip(hours, least, strict=True))
        now, before = (sum(hour) / max(len(hour), 1) for hour in hours)
        over = [each.level for each in town.thresholds.get(sensor.stream, []) if each.value < newest]
        found.append(Gauge(sensor.stream, sensor.node, (now - before) / 2 if known else None, over))
    return found


def claims_rise(town: SmallTown, clause: Clause) -> bool:
    [gauge] = [each for each in gauges(town) if each.stream == clause.evidence[0].stream]
    return gauge.rise is not None and gauge.rise >= 0.04


def claims_quiet(town: SmallTown, clause: Clause) -> bool:
    every = sum(sensor.quantity == "water_level" for sensor in town.sensors)
    rises = [each.rise for each in gauges(town) if each.rise is not None]
    counted = [number.value for number in clause.numbers if number.how is How.STREAMS]
    if counted != ([len(rises), every] if len(rises) < every else []):
        return False
    return max(rises) < 0.04 and not any(each.over for each in gauges(town))


def claims_silence(town: SmallTown, clause: Clause) -> bool:
    return all(
        sensor.time is None or NOW - sensor.time > 15 * 60e6
        for sensor in town.sensors
        if sensor.node in clause.nodes and sensor.quantity != "battery_voltage"
    )


def few(town: SmallTown, stream: str) -> float:
    """Return three quarters of what can have come of a stream's last hour."""
    [interval] = [each.interval for each in town.sensors if each.stream == stream]
    return 0.75 * (3_600 / (interval or 3_600) - 2)


def lasting(town: SmallTown, clause: Clause) -> float:
    """Return the mean of the last ten minutes."""
    [stream] = {each.stream for each in clause.evidence}
    values = [value for _, value in town.between(stream, NOW - 600_000_000, NOW)]
    return sum(values) / len(values)


CLAIMS: dict[str, Callable[[SmallTown, Clause], bool]] = {
    "town.empty": lambda town, _: not any(town.readings.values()),
    "town.stale": lambda town, _: all(
        sensor.time is None or NOW - sensor.time > 15 * 60e6 for sensor in town.sensors
    ),
    "silent": claims_silence,
    "patchy": lambda town, clause: all(each.n < few(town, each.stream) for each in clause.evidence),
    "air.very_high": claims_air(4),
    "air.high": claims_air(3),
    "air.moderate": claims_air(2),
    "air.good": claims_good,
    "air.cause.fireworks": lambda _, clause: of(clause, "max")[0] >= 70,
    "air.cause.inversion": lambda town, clause: (
        sum(of(clause, "sum")) == 0
        and (wind := last_hour(town, "wind_speed")) != {}
        and sum(wind.values()) / len(wind) < 1
        and (warmth := last_hour(town, "air_temperature")) != {}
        and sum(warmth.values()) / len(warmth) < 3
    ),
    "air.cause.road_dust": lambda _, clause: sum(of(clause, "sum")) >= 800,
    "river.red": claims_level("red"),
    "river.orange": claims_level("orange"),
    "river.yellow": claims_level("yellow"),
    "river.rising": claims_rise,
    "river.quiet": claims_quiet,
    "pipe.drop": lambda _, clause: of(clause, "usual_p10")[0] - of(clause, "mean")[0] >= 0.6,
    "pipe.burst": lambda _, clause: (
        of(clause, "usual_p10")[0] - of(clause, "mean")[0] >= 0.6
        and of(clause, "rate")[0] >= 1.25 * of(clause, "usual_p90")[0]
    ),
    "noise.high": lambda town, clause: of(clause, "max")[0] >= max(70, of(clause, "usual_p90")[0] + 15)
    and lasting(town, clause) >= of(clause, "usual_p90")[0] + 5,
    "people.many": lambda _, clause: of(clause, "sum")[0] >= 1.5 * of(clause, "usual_p90")[0],
    "vehicles.many": lambda _, clause: of(clause, "sum")[0] >= 1.5 * of(clause, "usual_p90")[0],
    "parking.full": lambda _, clause: clause.numbers[0].value >= 0.95 * clause.numbers[1].value,
    "bins.full": lambda town, clause: all(
        sensor.value is not None and sensor.value >= 90
        for sensor in town.sensors
        if sensor.quantity == "fill_level" and sensor.node in clause.nodes
    ),
    "rain.heavy": lambda _, clause: of(clause, "sum")[0] >= 4,
    "wind.strong": lambda _, clause: of(clause, "mean")[0] >= 10.8,
    "weather.now": lambda town, _: last_hour(town, "air_temperature") != {},
}  # fmt: skip


def test_a_full_car_park_matters_as_much_on_the_map_as_in_the_sentence() -> None:
    full = 0
    for seed in range(300):
        summary = tell(small_town(seed).snapshot())
        states = {state.node: state for state in summary.nodes}
        for clause in summary.clauses:
            if clause.id == "parking.full":
                [state] = [states[node] for node in clause.nodes]
                assert state.level == clause.severity, (seed, state.label)
                full += state.label.en.startswith("0 of")
    assert full > 0


@settings(max_examples=200)
@given(SEEDS)
def test_nothing_is_claimed_that_the_readings_do_not_show(seed: int) -> None:
    town = small_town(seed)
    summary = tell(town.snapshot())
    for clause in summary.clauses:
        assert CLAIMS[clause.id](town, clause), clause
    assert summary.stale == ("town.stale" in {clause.id for clause in summary.clauses})


@settings(max_examples=400)
@given(SEEDS)
def test_a_river_over_a_threshold_is_told_whatever_is_missing_of_the_hours_before(seed: int) -> None:
    town = small_town(seed)
    summary = tell(town.snapshot())
    told = {clause.id for clause in summary.clauses}
    levels = {state.node: state.level for state in summary.nodes}
    for gauge in gauges(town):
        if gauge.over:
            assert f"river.{gauge.over[-1]}" in told
            assert "river.quiet" not in told
            assert levels[gauge.node] == (3 if gauge.over[-1] == "yellow" else 4)
        else:
            assert (levels[gauge.node] in (None, 2)) if gauge.rise is None else levels[gauge.node], gauge


def test_the_towns_of_chance_have_gauges_over_red_that_have_just_restarted_and_gauges_nobody_can_judge() -> (
    None
):
    towns = [small_town(seed) for seed in range(400)]
    found = [gauge for town in towns for gauge in gauges(town) if gauge.rise is None]
    assert sum("red" in gauge.over for gauge in found) >= 10
    assert sum(not gauge.over for gauge in found) >= 20
    texts = [
        clause for town in towns for clause in tell(town.snapshot()).clauses if clause.id == "river.quiet"
    ]
    assert {len(clause.numbers) for clause in texts} >= {0, 1, 3}  # three: at how many of them it is known


@cache
def summaries() -> list[Summary]:
    return [tell(small_town(seed).snapshot()) for seed in range(1_500)]


def test_the_towns_of_chance_give_every_rule_something_to_say() -> None:
    told = {clause.id for summary in summaries() for clause in summary.clauses}
    assert told == {rule.id for rule in RULES} == set(CLAIMS)


def test_words_agree_with_their_numbers() -> None:
    texts = [
        clause.text[language]
        for summary in summaries()
        for clause in summary.clauses
        for language in ("nb", "en")
    ]
    for right in (
        "mangler fra 1 målepunkt for", "missing from 1 station for", "av 1 stasjon.", "of 1 station.",
        "avfallsbeholdere er nesten fulle.", "waste bins are nearly full.",
        "1 av 1 avfallsbeholder er nesten full.", "1 of 2 waste bins is nearly full.",
    ):  # fmt: skip
        assert any(right in text for text in texts), right
    wrong = (
        r"(?<![\d,.])1 (målepunkter|stations|stasjoner|avfallsbeholdere|waste bins)"
        r"|(?<![\d,.])1 (av|of) \d+ .* (fulle|are nearly)"
    )
    assert [text for text in texts if re.search(wrong, text)] == []


@settings(max_examples=100)
@given(SEEDS)
def test_what_is_bad_is_told_first_and_every_node_has_a_state(seed: int) -> None:
    town = small_town(seed)
    summary = tell(town.snapshot())
    assert [state.node for state in summary.nodes] == sorted({sensor.node for sensor in town.sensors})
    levels = {state.node: state.level for state in summary.nodes}
    for clause in summary.clauses:
        if clause.id in ("silent", "town.stale", "town.empty"):
            continue
        for node in clause.nodes:
            level = levels[node]
            assert level is None or level >= clause.severity, (clause, node)
    first = [clause.severity for clause in summary.clauses][:1]
    assert first == [summary.severity] * len(first)
    assert summary.told("nb") == " ".join(clause.text["nb"] for clause in summary.clauses)


def test_the_plain_channel_of_a_node_stands_for_it_unless_another_one_is_worse() -> None:
    high = {"node/out/water_level": [Threshold("red", 1.5)]}
    for thresholds, label, stream in (
        ({}, "1,00 m", "node/water_level"),
        (high, "Over rød grense", "node/out/water_level"),
    ):
        town = SmallTown(thresholds=thresholds)
        for channel, value in (("out/water_level", 2.0), ("water_level", 1.0)):
            name = f"node/{channel}"
            town.readings[name] = [(NOW - number * 10 * MINUTE - 1, value) for number in range(30, -1, -1)]
            town.sensors.append(
                Sensor(name, "node", "Nitelva", "water_level", "", "m", 600.0, None, None, NOW - 1, value)
            )
        [state] = tell(town.snapshot()).nodes
        assert (state.label.nb, state.stream) == (label, stream)


def test_a_town_without_streams_says_so() -> None:
    summary: Summary = tell(SmallTown().snapshot())
    assert [clause.id for clause in summary.clauses] == ["town.empty"]
    assert summary.told("en") == "No measurements have come in yet."

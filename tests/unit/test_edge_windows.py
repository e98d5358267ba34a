"""What an agent makes of samples: vectors, and a slow obvious twin."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from reference.edge_windows import points as obvious

from bypuls import senml
from bypuls.channels import of_channel
from bypuls.quantities import QUANTITIES, Kind
from edge.pi.channel import STATISTICS, Channel
from edge.pi.packing import MOST_READINGS, encode, packs_of
from edge.pi.windows import Point, Windows

FOLDER = Path(__file__).parents[1] / "vectors" / "edge"
VECTORS = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))]
every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])

Values = dict[tuple[str, str, int], float]


def resolved(payload: bytes) -> Values:
    """Return the readings of a pack: name, unit and time, and their value."""
    pack = senml.decode(payload)
    assert pack.faults == []
    units = [unit or pack.base_unit for unit in pack.units]
    times = [round((pack.base_time + time) * 1e6) for time in pack.times]
    keys = list(zip([pack.base_name + name for name in pack.names], units, times, strict=True))
    assert len(set(keys)) == len(keys), "two values for one instant"
    return dict(zip(keys, pack.values, strict=True))


def channels_of(vector: dict[str, Any]) -> list[Channel]:
    return [
        Channel(
            each["channel"],
            each.get("unit") or QUANTITIES[each["quantity"]].unit,
            round(each["interval"] * 1e6),
            tuple(each["statistics"]),
        )
        for each in vector["channels"]
    ]


def made_of(vector: dict[str, Any], cuts: int = 1) -> list[Point]:
    """Return what the agent makes of the samples, looked at `cuts` times on the way."""
    windows = Windows(channels_of(vector))
    points: list[Point] = []
    samples = vector["samples"]
    for number, (name, time, value) in enumerate(samples):
        assert windows.add(name, round(time * 1e6), value)
        if number % max(1, len(samples) // cuts) == 0:
            ends = windows.ends(round(time * 1e6))
            points += windows.finished(ends)
            windows.discard(ends)
    ends = windows.ends(None)
    points += windows.finished(ends)
    windows.discard(ends)
    assert windows.held() == 0
    return points


def values(points: list[Point]) -> Values:
    found = {(point.name, point.unit, point.time): point.value for point in points}
    assert len(found) == len(points)
    return found


@every_vector
def test_the_vectors_say_what_the_obvious_twin_makes_of_them(vector: dict[str, Any]) -> None:
    twin = {(name, unit, time): value for name, unit, time, value in obvious(vector)}
    assert resolved(json.dumps(vector["pack"]).encode()) == pytest.approx(twin, rel=1e-12)
    assert sorted((name, time) for name, _, time in twin) == [(n, t) for n, t, _ in vector["readings"]]


@every_vector
@pytest.mark.parametrize("cuts", [1, 5, 1_000])
def test_the_agent_makes_of_the_samples_what_the_vector_says(vector: dict[str, Any], cuts: int) -> None:
    points = made_of(vector, cuts)
    [pack] = packs_of(points)
    made = resolved(encode(pack, "log", 1, []))
    assert made == pytest.approx(resolved(json.dumps(vector["pack"]).encode()), rel=1e-6)


def test_there_is_a_vector_for_every_kind() -> None:
    kinds = {of_channel(each["channel"]).kind for vector in VECTORS for each in vector["channels"]}
    assert kinds == set(Kind)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("seed", range(5))
def test_random_samples_of_many_channels_become_what_the_twin_makes_of_them(kind: Kind, seed: int) -> None:
    chance = random.Random(seed)
    quantity = next(each for each in QUANTITIES.values() if each.kind is kind)
    low, high = max(quantity.low, -10), min(quantity.high, 1_000)
    names = [f"{place}/{quantity.key}" for place in "abc"]
    lengths = [0.25, 10, 60]
    samples: list[list[Any]] = []
    for name in names:
        time = 1_780_000_000.0
        for _ in range(chance.randrange(1, 200)):
            time = round(time + chance.choice([0.001, 0.1, 1, 7.5, 300]), 3)
            samples.append([name, time, float(chance.choice([low, high, chance.uniform(low, high)]))])
            if kind is Kind.STATE:
                samples[-1][2] = float(chance.random() < 0.5)
    samples.sort(key=lambda sample: sample[1])
    vector = {
        "channels": [
            {"channel": name, "quantity": quantity.key, "interval": length, "statistics": STATISTICS[kind]}
            for name, length in zip(names, lengths, strict=True)
        ],
        "samples": samples,
    }
    twin = {(name, unit, time): value for name, unit, time, value in obvious(vector)}
    made = values(made_of(vector, cuts=7))
    assert made.keys() == twin.keys()
    for key, value in made.items():
        apart = value - twin[key]
        if kind is Kind.CIRCULAR and "." not in key[0]:
            apart = (apart + 180) % 360 - 180
        assert abs(apart) <= 1e-9 * (1 + abs(value)), key


def test_the_phase_shifts_every_window_by_as_much() -> None:
    windows = Windows([Channel("no2", "ug/m3", 10_000_000)], phase=3)
    for second in (5, 15, 25):
        windows.add("no2", second * 1_000_000 + 3, 1.0)
    ends = windows.ends(20_000_003)
    assert [point.time for point in windows.finished(ends)] == [3, 10_000_003]
    assert windows.horizon() == 30_000_003


def test_many_readings_become_several_packs_in_order_of_time() -> None:
    points = [Point("no2", "ug/m3", 7_000_000 * (1_300 - number), 1.0) for number in range(1_300)]
    packs = list(packs_of(points))
    assert [len(pack) for pack in packs] == [MOST_READINGS, MOST_READINGS, 300]
    assert [point for pack in packs for point in pack] == sorted(points, key=lambda point: point.time)


def test_the_largest_pack_stays_below_the_limit_of_the_wire() -> None:
    points = [
        Point("n" * 128, "µ" * 32, 1_780_000_000_000_001 + 86_399_999_999 * (i % 2), -1.2345678901234567e-300)
        for i in range(MOST_READINGS)
    ]
    gap = [(2**60 + i, 2**60 + i) for i in range(0, 2_000, 2)]
    assert len(encode(points, "log", 2**60, gap)) < senml.MAX_PAYLOAD


def test_a_pack_without_readings_has_a_number_and_a_gap() -> None:
    assert encode([], "k3f9a2", 7, [(1, 3)]) == b'[{"log":"k3f9a2","seq":7,"gap":[[1,3]]}]'


def test_times_keep_their_microseconds_on_the_wire() -> None:
    points = [
        Point("no2", "ug/m3", 1_795_450_000_000_000 + offset, 1.0) for offset in (0, 1, 999, 86_399_999_999)
    ]
    assert [time for _, _, time in resolved(encode(points, "log", 1, []))] == [point.time for point in points]

"""The simulated town is a pure function of seed and time, in the right units and within what is plausible."""

import tomllib
from datetime import UTC, datetime

import numpy as np
import pytest

from bypuls import units
from bypuls.channels import of_channel
from bypuls.quantities import Kind
from bypuls.readings import SECOND, TimeArray
from bypuls.senml import decode, encode_json
from simulators import rhythm, sun, town
from simulators.noise import Noise

DAY = 86_400


def instants(start: str, seconds: float, step: float) -> TimeArray:
    first = int(datetime.fromisoformat(start).timestamp()) * SECOND
    return np.arange(first, first + int(seconds * SECOND), round(step * SECOND), dtype=np.int64)


YEAR = instants("2026-01-01T00:00:00+00:00", 365 * DAY, 1_800)


@pytest.mark.parametrize("node", town.NODES)
@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_every_value_of_a_year_is_plausible(node: str, seed: int) -> None:
    for channel, values in town.state(node, seed, YEAR, 60.0).items():
        quantity = of_channel(channel).quantity
        assert quantity is not None
        assert values.shape == YEAR.shape
        assert values.dtype == np.float64
        assert quantity.low <= values.min()
        assert values.max() <= quantity.high
        if quantity.kind is Kind.STATE:
            assert set(values.tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("node", town.NODES)
def test_any_instant_is_the_same_by_itself_as_among_others(node: str) -> None:
    together = town.state(node, 7, YEAR[:500], 30.0)
    for position in (0, 123, 499):
        alone = town.state(node, 7, YEAR[position : position + 1], 30.0)
        assert {channel: values[0] for channel, values in alone.items()} == {
            channel: values[position] for channel, values in together.items()
        }


@pytest.mark.parametrize("node", sorted(set(town.NODES) - {"light-01"}))  # lamps follow the sun alone
def test_another_seed_gives_another_town(node: str) -> None:
    one, other = (town.state(node, seed, YEAR, 60.0) for seed in (1, 2))
    assert all((one[channel] != other[channel]).any() for channel in one)


def test_two_nodes_of_a_kind_differ() -> None:
    bays = town.state("parking-01", 1, YEAR, 60.0)
    assert len({tuple(values.tolist()) for values in bays.values()}) == len(bays)


@pytest.mark.parametrize(("node", "channel"), [("light-01", "energy"), ("water-01", "water_volume")])
@pytest.mark.parametrize(
    "around", ["2026-10-25T00:00:00+00:00", "2026-12-31T12:00:00+00:00", "2026-03-29T00:00:00+00:00"]
)
def test_meters_never_fall_at_new_year_or_when_summer_time_changes(
    node: str, channel: str, around: str
) -> None:
    values = town.state(node, 3, instants(around, DAY, 1), 1.0)[channel]
    assert (np.diff(values) >= 0).all()
    assert values[-1] > values[0]


def test_the_meters_agree_with_the_power_and_with_a_mean_flow_of_9_cubic_metres_an_hour() -> None:
    light = town.state("light-01", 1, YEAR, 60.0)
    used = light["power"][:-1].sum() * 0.5 / 1_000
    assert light["energy"][-1] - light["energy"][0] == pytest.approx(used, rel=0.01)
    water = town.state("water-01", 1, YEAR, 60.0)["water_volume"]
    assert (water[-1] - water[0]) / ((len(YEAR) - 1) / 2) == pytest.approx(9, rel=0.01)


def test_it_is_warmer_in_july_and_in_the_afternoon() -> None:
    temperature = town.state("weather-01", 1, YEAR, 60.0)["air_temperature"]
    month = np.array([datetime.fromtimestamp(time / 1e6, UTC).month for time in YEAR.tolist()])
    assert temperature[month == 7].mean() > temperature[month == 1].mean() + 15
    hour = YEAR // (3_600 * SECOND) % 24
    assert temperature[hour == 14].mean() > temperature[hour == 3].mean() + 2


def test_a_year_has_the_rain_and_the_wind_directions_of_the_region() -> None:
    every_minute = instants("2026-01-01T00:00:00+00:00", 365 * DAY, 60)
    weather = town.state("weather-01", 1, every_minute, 60.0)
    assert 500 < weather["rainfall"].sum() < 1_500
    directions = np.histogram(weather["wind_direction"], bins=8, range=(0, 360))[0]
    assert directions.min() > 0
    assert directions[4] + directions[5] > directions.sum() / 4  # most often from the south-west


def test_fine_dust_is_a_part_of_the_dust() -> None:
    for node in ("air-01", "air-02"):
        air = town.state(node, 1, YEAR, 60.0)
        assert (air["pm2_5"] <= air["pm10"]).all()


def test_counts_are_whole_and_grow_with_the_interval() -> None:
    week = instants("2026-06-01T00:00:00+02:00", 7 * DAY, 60)
    by_minute = town.state("traffic-01", 1, week, 60.0)["vehicle_count"]
    by_half_minute = town.state("traffic-01", 1, week, 30.0)["vehicle_count"]
    assert (by_minute == np.floor(by_minute)).all()
    assert by_minute.sum() == pytest.approx(2 * by_half_minute.sum(), rel=0.02)


def test_the_rush_keeps_to_the_clock_on_the_wall() -> None:
    for summer_or_winter in ("2026-06-03T00:00:00+02:00", "2026-01-14T00:00:00+01:00"):
        day = instants(summer_or_winter, DAY, 60)
        busiest = int(np.argmax(rhythm.traffic(day)[: 12 * 60]))
        assert busiest == pytest.approx(7.6 * 60, abs=15)


def test_the_sun_is_where_an_almanac_has_it() -> None:
    noon = "11:16:00+00:00"  # 12 h less the longitude; the equation of time is left out
    assert sun.elevation(instants(f"2026-06-21T{noon}", 1, 1))[0] == pytest.approx(53.5, abs=0.3)
    assert sun.elevation(instants(f"2026-12-21T{noon}", 1, 1))[0] == pytest.approx(6.6, abs=0.3)
    assert sun.elevation(instants(f"2026-03-20T{noon}", 1, 1))[0] == pytest.approx(30, abs=1.5)
    # Oslo's shortest and longest day: 5 h 54 min and 18 h 50 min, sunrise to sunset at -0.83 degrees.
    days = np.floor(sun.solar_time(instants("2026-12-21T12:00:00+00:00", 1, 1)))
    assert 24 * sun.daylight(days, -0.83)[0] == pytest.approx(5.9, abs=0.1)
    assert 24 * sun.daylight(days + 182, -0.83)[0] == pytest.approx(18.83, abs=0.1)


def test_noise_is_uniform_and_its_waves_are_as_steep_as_promised_and_no_steeper() -> None:
    noise = Noise(5)
    numbers = noise.uniform("name", np.arange(100_000))
    assert 0 <= numbers.min() < numbers.max() < 1
    assert np.histogram(numbers, bins=10, range=(0, 1))[0] == pytest.approx([10_000] * 10, rel=0.05)
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.02
    assert abs(np.corrcoef(numbers, noise.uniform("other", np.arange(100_000)))[0, 1]) < 0.02
    wave = noise.wave("name", instants("2026-01-01T00:00:00+00:00", 30 * DAY, 10), 3_600)
    assert np.abs(wave).max() <= 1.733
    assert np.abs(np.diff(wave)).max() <= 5.2 * 10 / 3_600
    assert wave.mean() == pytest.approx(0, abs=0.15)


@pytest.mark.parametrize("node", town.NODES)
def test_a_pack_carries_known_units_and_true_times(node: str) -> None:
    ticks = instants("2026-06-01T10:00:00+02:00", 180, 60)
    pack = decode(encode_json(town.records(node, 1, ticks, 60.0)))
    assert pack.faults == []
    state, before = town.state(node, 1, ticks, 60.0), town.state(node, 1, ticks - 60 * SECOND, 60.0)
    seen: dict[str, list[tuple[int, float]]] = {channel: [] for channel in state}
    for name, unit, time, value in zip(pack.names, pack.units, pack.times, pack.values, strict=True):
        quantity = of_channel(name).quantity
        assert quantity is not None
        assert (
            (unit == "")
            if quantity.kind is Kind.STATE
            else units.conversion(unit, quantity.unit) == units.SAME
        )
        seen[name].append((round((pack.base_time + time) * SECOND), value))
    for channel, values in seen.items():
        quantity = of_channel(channel).quantity
        assert quantity is not None
        # A value that stands for a window is stamped with the window's start, which is one interval ago.
        windowed = quantity.kind in (Kind.TOTAL, Kind.ENERGETIC)
        expected = (before if windowed else state)[channel].tolist()
        times = (ticks - windowed * 60 * SECOND).tolist()
        assert values == list(zip(times, expected, strict=True))


def test_the_registry_agrees_with_the_town() -> None:
    registry = {node["node"]: node for node in tomllib.loads(town.REGISTRY.read_text())["node"]}
    assert list(registry) == list(town.NODES)
    for name, node in registry.items():
        assert [stream["channel"] for stream in node["stream"]] == list(town.state(name, 0, YEAR[:1], 60.0))
        interval = town.INTERVAL * town.NODES[name].every
        assert {stream["expected_interval"] for stream in node["stream"]} == {interval}
        assert 59.9 < node["latitude"] < 60.1
        assert 10.9 < node["longitude"] < 11.3

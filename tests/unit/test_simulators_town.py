"""The simulated town is a pure function of seed and time, in the right units and within what is plausible."""

from collections import defaultdict
from datetime import datetime
from functools import lru_cache

import numpy as np
import pytest

from bypuls.channels import of_channel
from bypuls.errors import BypulsError
from bypuls.quantities import Kind
from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators.town import chance, rhythm, rivers, sun
from simulators.town import plan as plans
from simulators.town import town as towns
from simulators.town.scenarios import SCENARIOS, Forces
from simulators.town.scene import Scene
from simulators.town.town import Group, Town, rounded

DAY = 86_400
PLAN = plans.read("lillestrom")
NODES = towns.nodes_of(PLAN)
KINDS = sorted({node.kind for node in NODES})


def instants(start: str, seconds: float, step: float) -> TimeArray:
    first = round(datetime.fromisoformat(start).timestamp()) * SECOND
    return np.arange(first, first + round(seconds * SECOND), round(step * SECOND), dtype=np.int64)


YEAR = np.concatenate(
    [instants("2026-01-01T00:00:00+00:00", DAY, 3_600) + day * DAY * SECOND for day in range(0, 365, 6)]
)
"""The hours of every sixth day: a day's weather takes milliseconds to make."""


@lru_cache
def town(seed: int = 1, scenario: str = "everyday", at: int = 0) -> Town:
    return Town(PLAN, NODES, seed, Forces([scenario], at))


def group_of(one: Town, kind: str) -> Group:
    return next(group for group in one.groups if group.kind == kind)


def measured(one: Town, kind: str, ticks: TimeArray) -> dict[str, FloatArray]:
    """Return what all nodes of a kind's first group measure at these instants, five days at a time."""
    group = group_of(one, kind)
    rows, parts = np.arange(len(group.names)), defaultdict(list)
    piece = max(round(DAY * SECOND / (ticks[1] - ticks[0])), 1)
    for begin in range(0, len(ticks), piece):
        tick = np.broadcast_to(ticks[begin : begin + piece], (len(rows), len(ticks[begin : begin + piece])))
        for channel, values in rounded(group, one.measure(group, rows, tick)).items():
            parts[channel].append(values)
    return {channel: np.concatenate(values, axis=1) for channel, values in parts.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_of_a_year_is_plausible_and_has_its_sensors_resolution(kind: str) -> None:
    group = group_of(town(), kind)
    values = measured(town(), kind, YEAR)
    assert list(values) == [channel.name for channel in group.channels]
    for channel in group.channels:
        meaning, column = of_channel(channel.name), values[channel.name]
        assert meaning.quantity is not None
        assert column.shape == (len(group.names), len(YEAR))
        assert column.dtype == np.float64
        assert meaning.quantity.low <= column.min()
        assert column.max() <= meaning.quantity.high
        assert np.array_equal(column, np.round(column, channel.decimals))
        if meaning.quantity.kind is Kind.STATE:
            assert set(column.ravel().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("kind", KINDS)
def test_any_instant_is_the_same_by_itself_as_among_others_and_after_a_restart(kind: str) -> None:
    group, ticks = group_of(town(7), kind), instants("2026-02-03T22:10:00+00:00", 5 * DAY, 1_000)
    together = measured(town(7), kind, ticks)
    again = Town(PLAN, NODES, 7, Forces([], 0))  # with no history at all
    for position in (0, 123, len(ticks) - 1):
        tick = np.full((len(group.names), 1), ticks[position])
        alone = rounded(group, again.measure(group_of(again, kind), np.arange(len(group.names)), tick))
        for channel, values in alone.items():
            assert values[:, 0].tolist() == together[channel][:, position].tolist(), channel


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"light"}))  # lamps follow the sun
def test_another_seed_gives_another_town(kind: str) -> None:
    one, other = (measured(town(seed), kind, YEAR[:240]) for seed in (1, 2))
    assert all((one[channel] != other[channel]).any() for channel in one)


@pytest.mark.parametrize("kind", KINDS)
def test_two_nodes_of_a_kind_differ(kind: str) -> None:
    for channel, values in measured(town(), kind, YEAR[:240]).items():
        if channel != "lamp_state":
            assert len({tuple(row) for row in values.tolist()}) == len(values), channel


@pytest.mark.parametrize(("kind", "channel"), [("light", "energy"), ("water-meter", "water_volume")])
@pytest.mark.parametrize(
    "around", ["2026-10-25T00:00+00:00", "2026-12-31T12:00+00:00", "2026-03-29T00:00+00:00"]
)
def test_meters_never_fall_at_new_year_or_when_summer_time_changes(
    kind: str, channel: str, around: str
) -> None:
    values = measured(town(3, "burst-main", int(YEAR[0])), kind, instants(around, DAY, 10))[channel]
    assert (np.diff(values) >= 0).all()
    assert (values[:, -1] > values[:, 0]).all()


def test_the_meters_agree_with_the_power_and_with_the_mean_flow() -> None:
    light = measured(town(), "light", instants("2026-01-01T00:00+00:00", 60 * DAY, 1_200))
    used = light["power"][:, :-1].sum(axis=1) / 3_000
    np.testing.assert_allclose(light["energy"][:, -1] - light["energy"][:, 0], used, rtol=0.01)
    water, meters = measured(town(), "water-meter", YEAR)["water_volume"], group_of(town(), "water-meter")
    flow = (water[:, -1] - water[:, 0]) / ((YEAR[-1] - YEAR[0]) / SECOND / 3_600)
    np.testing.assert_allclose(flow, meters.sites["mean_flow"][:, 0], rtol=0.01)


@pytest.mark.parametrize(
    ("day", "morning", "night"),
    [
        ("2026-01-14T00:00+01:00", 7, 2),
        ("2026-06-10T00:00+02:00", 7, 2),
        ("2026-12-25T00:00+01:00", 10, 2),  # a Friday
        ("2026-06-13T00:00+02:00", 10, 2),  # a Saturday
    ],
)
def test_water_is_used_by_the_clock_on_the_wall_and_later_on_a_free_day(
    day: str, morning: int, night: int
) -> None:
    volume = rhythm.consumed(instants(day, DAY + 1, 3_600))
    by_hour = np.diff(volume)
    assert len(by_hour) == 24
    assert np.argmax(by_hour[:13]) == morning
    assert np.argmin(by_hour) in (night, night + 1)
    assert by_hour.min() < 0.5 * by_hour.mean() < by_hour.mean() < 0.7 * by_hour.max()
    clock = rhythm.Clock(instants(day, DAY, 3_600) + 1_800 * SECOND)
    np.testing.assert_allclose(rhythm.consumption(clock), by_hour, rtol=0.03)


@pytest.mark.parametrize(
    ("midnight", "hours"), [("2026-03-29T00:00+01:00", 23), ("2026-10-25T00:00+02:00", 25)]
)
def test_the_days_on_which_the_clock_is_changed_use_water_in_all_their_hours(
    midnight: str, hours: int
) -> None:
    minutes = instants(midnight, hours * 3_600 + 1, 60)
    by_hour = np.diff(rhythm.consumed(minutes)).reshape(hours, 60).sum(axis=1)
    usual = np.diff(rhythm.consumed(instants("2026-06-14T00:00+02:00", DAY + 1, 3_600)))
    by_clock = rhythm.Clock(minutes[:-1:60]).hour.astype(int)
    np.testing.assert_allclose(by_hour, usual[by_clock], rtol=1e-9)
    after = rhythm.consumed(minutes[-1:] + 3_600 * SECOND) - rhythm.consumed(minutes[-1:])
    monday = np.diff(rhythm.consumed(instants("2026-06-15T00:00+02:00", 3_601, 3_600)))
    np.testing.assert_allclose(after, monday, rtol=1e-9)


def test_no_meter_is_negative_since_the_rivers_begin() -> None:
    first = rivers.START + np.arange(2) * 3_600 * SECOND
    assert (measured(town(), "light", first)["energy"] > 0).all()
    assert (measured(town(), "water-meter", first)["water_volume"] > 0).all()


@pytest.mark.parametrize("monday", ["2026-01-12T00:00+01:00", "2026-06-08T00:00+02:00"])
@pytest.mark.parametrize(
    ("kind", "in_", "out"),
    [
        ("traffic", "inbound/vehicle_count", "outbound/vehicle_count"),
        ("bicycle", "inbound/bicycle_count", "outbound/bicycle_count"),
        ("visitors", "entrance/people_count", "exit/people_count"),
    ],
)
def test_what_goes_in_comes_out_on_the_same_day_and_later(kind: str, in_: str, out: str, monday: str) -> None:
    week = instants(monday, 7 * DAY, 300)
    one = Town(PLAN, towns.nodes_of(PLAN, interval=300), 1, Forces(["fair"], int(week[600])))
    counts = measured(one, kind, week + 300 * SECOND)  # of the five minutes before
    came, went = (counts[way].sum(axis=0).reshape(7, -1) for way in (in_, out))
    # Platoons of cars, and whole numbers of few bicycles, make the difference.
    np.testing.assert_allclose(went.sum(axis=1), came.sum(axis=1), rtol=0.04, atol=50)
    assert abs(went.sum() - came.sum()) < max(0.015 * came.sum(), 120)
    workdays = slice(0, 5)
    morning, evening = slice(7 * 12, 9 * 12), slice(15 * 12, 17 * 12)
    assert came[workdays, morning].sum() >= went[workdays, morning].sum()
    assert went[workdays, evening].sum() > 1.15 * came[workdays, evening].sum()


def test_lamps_burn_while_the_sun_is_down() -> None:
    ticks = instants("2026-11-20T00:00:00+00:00", 3 * DAY, 600)
    lamps, height = measured(town(), "light", ticks)["lamp_state"], sun.elevation(ticks, PLAN.at)
    assert (lamps[:, height < -4] == 1).all()
    assert (lamps[:, height > -2] == 0).all()


def test_it_is_warmer_in_july_and_in_the_afternoon_and_it_rains_as_in_the_region() -> None:
    weather = measured(town(), "weather", YEAR)
    temperature = weather["air_temperature"][0]
    month = YEAR.astype("datetime64[us]").astype("datetime64[M]").astype(int) % 12
    assert temperature[month == 6].mean() > temperature[month == 0].mean() + 15
    hour = YEAR // (3_600 * SECOND) % 24
    assert temperature[hour == 14].mean() > temperature[hour == 3].mean() + 2
    every_ten_minutes = instants("2026-01-01T00:00:00+00:00", 365 * DAY, 600)
    rain = measured(town(), "weather", every_ten_minutes)["rainfall"][0]
    assert 500 < rain.sum() < 1_300
    directions = np.histogram(weather["wind_direction"], bins=8, range=(0, 360))[0]
    assert directions.min() > 0
    assert directions[4] + directions[5] > directions.sum() / 4  # most often from the south-west


def test_dirt_follows_traffic_wind_and_cold() -> None:
    air, scene = measured(town(), "air", YEAR), town().scene
    at = [scene.at(YEAR[begin : begin + 24]) for begin in range(0, len(YEAR), 24)]
    wind, traffic, cold = (
        np.concatenate([each(what) for each in at]) for what in ("wind", "traffic", "stoves")
    )
    for channel, cause in (("no2", traffic), ("no2", -wind), ("pm2_5", -wind), ("pm2_5", cold), ("o3", wind)):
        assert np.corrcoef(air[channel][1], cause)[0, 1] > 0.1, channel
    assert (air["pm2_5"] <= air["pm10"] + 0.1).all()
    # Studded tyres, and dust on dry roads: more that is coarse in March than in July.
    month = YEAR.astype("datetime64[us]").astype("datetime64[M]").astype(int) % 12
    coarse = (air["pm10"] - air["pm2_5"])[1]
    assert coarse[month == 2].mean() > 1.2 * coarse[month == 6].mean()


def test_rivers_answer_rain_with_delay_and_snow_melts_in_spring() -> None:
    scene, days = Scene(PLAN, 3, Forces([], 0)), instants("2025-09-01T00:00+00:00", 365 * DAY, DAY)
    leira, snow = scene.rivers.discharge("leira", days), scene.rivers.snow(days)
    assert snow[130:190].mean() > 10
    assert snow[-60:].max() == 0
    month = days.astype("datetime64[us]").astype("datetime64[M]").astype(int) % 12
    spring = (month == 3) | (month == 4)
    assert leira[spring].mean() > 2 * leira[~spring].mean()
    flood, usual = (Scene(PLAN, 3, Forces([name], int(days[60]))) for name in ("flood", "everyday"))
    hours = instants("2025-10-24T00:00+00:00", 14 * DAY, 3_600)
    rise = {
        name: flood.rivers.discharge(name, hours) - usual.rivers.discharge(name, hours)
        for name in PLAN.rivers
    }
    rain = np.argmax(flood.forces.storm(hours))
    assert 6 < np.argmax(rise["leira"]) - rain < 48
    assert np.argmax(rise["leira"]) + 12 < np.argmax(rise["glomma"])
    fall = rise["leira"][np.argmax(rise["leira"]) + 24 :]
    assert (np.diff(fall) < 0.5).all()  # recession


def test_the_rush_keeps_to_the_clock_on_the_wall_and_to_norwegian_holidays() -> None:
    for summer_or_winter in ("2026-06-03T00:00:00+02:00", "2026-01-14T00:00:00+01:00"):
        clock = rhythm.Clock(instants(summer_or_winter, DAY, 60))
        assert int(np.argmax(rhythm.traffic(clock)[: 12 * 60])) == pytest.approx(7.6 * 60, abs=15)
    for free in ("2026-05-17", "2026-04-02", "2026-05-14", "2026-12-25", "2026-05-01"):
        clock = rhythm.Clock(instants(f"{free}T07:30+02:00", 60, 60))
        assert clock.sunday.all(), free
        assert rhythm.traffic(clock)[0] < 0.3
    assert not rhythm.Clock(instants("2026-05-18T07:30+02:00", 60, 60)).free.any()


def test_counts_are_whole_and_grow_with_the_interval() -> None:
    week = instants("2026-06-01T00:00:00+02:00", 7 * DAY, 300)
    slow = Town(PLAN, towns.nodes_of(PLAN, interval=600), 1, Forces([], 0))
    five, ten = (measured(one, "traffic", week)["inbound/vehicle_count"] for one in (town(), slow))
    assert (five == np.floor(five)).all()
    np.testing.assert_allclose(ten.sum(axis=1), 2 * five.sum(axis=1), rtol=0.03)


def test_the_sun_is_where_an_almanac_has_it() -> None:
    noon = "11:16:00+00:00"  # 12 h less the longitude
    assert sun.elevation(instants(f"2026-06-21T{noon}", 1, 1), PLAN.at)[0] == pytest.approx(53.5, abs=0.3)
    assert sun.elevation(instants(f"2026-12-21T{noon}", 1, 1), PLAN.at)[0] == pytest.approx(6.6, abs=0.3)
    assert sun.elevation(instants(f"2026-03-20T{noon}", 1, 1), PLAN.at)[0] == pytest.approx(30, abs=1.5)
    # The sun is ahead of the clock, or behind it, by so many minutes.
    for day, minutes in (("02-11", -14.2), ("05-14", 3.7), ("07-26", -6.5), ("11-03", 16.4), ("12-25", 0)):
        then = instants(f"2026-{day}T12:00:00+00:00", 1, 1)
        assert sun.equation_of_time(then)[0] == pytest.approx(minutes, abs=0.6)
        noon_of_day = instants(f"2026-{day}T11:15:48+00:00", 1, 1) - round(minutes * 60 * SECOND)
        near = noon_of_day + np.arange(-60, 61) * 60 * SECOND
        assert near[np.argmax(sun.elevation(near, PLAN.at))] == pytest.approx(noon_of_day[0], abs=90 * SECOND)
    # Oslo's shortest and longest day: 5 h 54 min and 18 h 50 min, sunrise to sunset at -0.83 degrees.
    days = np.floor(sun.solar_time(instants("2026-12-21T12:00:00+00:00", 1, 1), PLAN.at))
    assert 24 * sun.daylight(days, -0.83, PLAN.at)[0] == pytest.approx(5.9, abs=0.1)
    assert 24 * sun.daylight(days + 182, -0.83, PLAN.at)[0] == pytest.approx(18.83, abs=0.1)


def test_chance_is_uniform_or_normal_and_its_waves_are_as_steep_as_promised_and_no_steeper() -> None:
    key, other = chance.keys(5, ["name"]), chance.keys(5, ["other"])
    numbers = chance.uniform(key, np.arange(100_000))
    assert 0 <= numbers.min() < numbers.max() < 1
    assert np.histogram(numbers, bins=10, range=(0, 1))[0] == pytest.approx([10_000] * 10, rel=0.05)
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.02
    assert abs(np.corrcoef(numbers, chance.uniform(other, np.arange(100_000)))[0, 1]) < 0.02
    normal = chance.normal(key, np.arange(100_000))
    assert normal.mean() == pytest.approx(0, abs=0.02)
    assert normal.std() == pytest.approx(1, abs=0.02)
    assert np.quantile(normal, [0.16, 0.84]) == pytest.approx([-1, 1], abs=0.03)
    wave = chance.wave(key, instants("2026-01-01T00:00:00+00:00", 30 * DAY, 10), 3_600)
    assert np.abs(wave).max() <= 1.733
    assert np.abs(np.diff(wave)).max() <= 5.2 * 10 / 3_600
    assert wave.mean() == pytest.approx(0, abs=0.15)


def test_every_node_has_a_place_an_owner_and_intervals_that_the_registry_takes() -> None:
    assert len({node.node for node in NODES}) == len(NODES) == 85
    for node in NODES:
        entry = node.registered()
        assert entry.owner is not None
        assert entry.owner.endswith("(simulated)")
        assert 59.85 < node.latitude < 60.1
        assert 10.9 < node.longitude < 11.4
        assert {stream.expected_interval for stream in entry.stream} == {node.interval}
        assert 10 <= node.interval <= 3_600
    assert {stream.open_data for node in NODES for stream in node.registered().stream} == {True, False}


RAELINGEN = np.array(
    [
        (59.9274, 11.0882), (59.9374, 11.0729), (59.9451, 11.0582), (59.9530, 11.0364), (59.9548, 11.0253),
        (59.9502, 11.0211), (59.9429, 11.0227), (59.9401, 11.0124), (59.9354, 11.0138), (59.9378, 11.0191),
        (59.9303, 11.0290),
    ]
)  # fmt: skip
"""The north of the municipality across the Nitelva, to about 60 m, after Kartverket's borders."""


def test_no_node_stands_across_the_river_in_the_neighbouring_municipality() -> None:
    for node in NODES:
        corners = RAELINGEN - [node.latitude, node.longitude]
        (south, west), (north, east) = corners.T, np.roll(corners, -1, axis=0).T
        crossed = (south > 0) != (north > 0)
        to_the_east = west[crossed] - south[crossed] * (east - west)[crossed] / (north - south)[crossed] > 0
        assert to_the_east.sum() % 2 == 0, node.node


def test_a_town_is_multiplied_plausibly() -> None:
    many = towns.read("lillestrom", 1_000)
    assert many[:85] == NODES
    assert len({node.node for node in many}) == 1_000
    copies = many[85:]
    assert all(abs(copy.latitude - NODES[number % 85].latitude) < 0.02 for number, copy in enumerate(copies))
    for number, copy in enumerate(copies):
        like, kept = NODES[number % 85], {"height", "static", "share", "river", "exposure", "days_to_full"}
        assert copy.place == copy.registered().place == f"{like.place} {number // 85 + 2}"
        for name, value in copy.parameters.items():
            own = like.parameters[name]
            assert value == own if name in kept or own == 0 else 0.7 * own <= value < own, (copy.node, name)
        moved = (copy.latitude, copy.longitude) != (like.latitude, like.longitude)
        assert moved == (copy.kind != "river"), copy.node
    assert len(towns.read("lillestrom", 14)) == len(KINDS)
    assert {node.kind for node in towns.read("lillestrom", 14)} == set(KINDS)
    with pytest.raises(BypulsError, match="0 nodes were asked for"):
        towns.read("lillestrom", 0)
    with pytest.raises(BypulsError, match="there is no town 'oslo'; known are lillestrom"):
        towns.read("oslo")


def test_a_stretch_of_time_is_cut_into_blocks_without_gaps_or_overlaps() -> None:
    one, start, step = town(), int(YEAR[250]) + 123, 977 * SECOND
    whole = [
        (name, int(tick))
        for block in one.blocks(start, start + 40 * step)
        for name, ticks in zip([block.group.names[row] for row in block.rows], block.tick, strict=True)
        for tick in ticks.tolist()
    ]
    pieces = [
        (block.group.names[row], tick)
        for piece in range(40)
        for block in one.blocks(start + piece * step, start + (piece + 1) * step)
        for row, ticks in zip(block.rows.tolist(), block.tick, strict=True)
        for tick in ticks.tolist()
    ]
    assert len(set(whole)) == len(whole)
    assert sorted(whole) == sorted(pieces)
    expected = sum(40 * 977 / node.interval for node in NODES)
    assert len(whole) == pytest.approx(expected, abs=len(NODES))


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_scenario_shows_where_it_says_and_leaves_the_time_before_alone(name: str) -> None:
    at = int(instants("2026-11-18T12:00+00:00", 1, 1)[0])
    one, usual = town(7, name, at), town(7)
    begin, end = one.scene.forces.span(name)
    for shown in PLAN.shows[name]:
        stream, _, statistic = shown.partition(":")
        node, _, channel = stream.partition("/")
        group = next(group for group in one.groups if node in group.names)
        row = np.array([group.names.index(node)])
        now = np.arange(begin, end, group.step)[None, :]
        before = now[:, :100] - 5 * DAY * SECOND
        with_it, without = (each.measure(group, row, now)[channel][0] for each in (one, usual))
        if statistic == "increase":
            with_it, without = np.diff(with_it), np.diff(without)
        if statistic in ("min", "mean"):
            fold = np.min if statistic == "min" else np.mean
            assert fold(with_it) < 0.75 * fold(without), shown
        else:
            assert with_it.max() > 1.3 * without.max(), shown
        if name != "flood":
            then, usually = (each.measure(group, row, before)[channel] for each in (one, usual))
            assert np.array_equal(then, usually)


def test_a_scenario_that_is_not_known_is_told_with_those_that_are() -> None:
    with pytest.raises(BypulsError, match="there is no scenario 'war'; known are everyday, inversion, flood"):
        Forces(["war"], 0)

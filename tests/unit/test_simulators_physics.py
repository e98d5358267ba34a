"""Weather, sun, rivers, traffic and air of the simulated town hang together as in life."""

import numpy as np
import pytest

from bypuls.readings import SECOND
from simulators.town import chance, rhythm, sun
from simulators.town import town as towns
from simulators.town.scenarios import Forces
from simulators.town.scene import Scene
from simulators.town.town import Town
from testbed.town_values import DAY, PLAN, YEAR, instants, measured, town


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

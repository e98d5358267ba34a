"""The simulated meters rise with what is used, by the clock on the wall."""

import numpy as np
import pytest

from bypuls.readings import SECOND
from simulators.town import rhythm, rivers
from testbed.town_values import DAY, YEAR, group_of, instants, measured, town


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

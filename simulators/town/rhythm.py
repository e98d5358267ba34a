"""When people are about: shares of the busiest hour, by the clock on the wall and Norwegian holidays."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np
from numpy.typing import NDArray

from bypuls.readings import SECOND, FloatArray, TimeArray

OSLO = ZoneInfo("Europe/Oslo")
HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND
_NORWAY = holidays.country_holidays("NO")
_EPOCH = date(1970, 1, 1)
_WEEK_HOURS = 168.0

_METER_EPOCH = 1_577_836_800 * SECOND  # 2020-01-01, when the meters were mounted
_METER_STEPS = 168 * 60


class Clock:
    """The clock on the wall at given instants; its arrays have their shape.

    `hour` of the civil day, 0 to 24; `free`: Saturday, Sunday or a public holiday; `sunday`: no shops either.
    """

    def __init__(self, time: TimeArray) -> None:
        hours, where = np.unique(time // HOUR, return_inverse=True)
        shift = np.array([_offset(hour) for hour in hours.tolist()])[where.reshape(time.shape)]
        local = time + shift
        self.hour: FloatArray = local % DAY / HOUR
        self.day: NDArray[np.int64] = local // DAY
        days, where = np.unique(self.day, return_inverse=True)
        kinds = np.array([_kind(day) for day in days.tolist()])[where.reshape(time.shape)]
        self.free: NDArray[np.bool_] = kinds > 0
        self.sunday: NDArray[np.bool_] = kinds > 1
        self.weekday: NDArray[np.int64] = (self.day + 3) % 7


def midnight(time: int) -> int:
    """Return the start of the civil day in Oslo in which an instant lies, microseconds since 1970."""
    local = datetime.fromtimestamp(time / SECOND, OSLO)
    return round(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * SECOND


def traffic(clock: Clock) -> FloatArray:
    """Return how much traffic there is, 0.03 to about 1.3; 1 at the rush of a usual working day."""
    hour = clock.hour
    work = bump(hour, 7.6, 0.8) + bump(hour, 15.9, 1.2) + 0.5 * bump(hour, 12, 3) + 0.3 * bump(hour, 19.5, 2)
    # Out of town on Fridays, back on Sundays.
    work += 0.2 * (clock.weekday == 4) * bump(hour, 15.5, 2)
    free = 0.65 * bump(hour, 14, 3.5) + 0.15 * bump(hour, 21, 2)
    return 0.03 + np.where(clock.free, free * np.where(clock.sunday, 0.75, 1), work)


def strolling(clock: Clock) -> FloatArray:
    """Return how many people are out on foot, 0.01 to about 1.2."""
    hour = clock.hour
    work = 0.9 * bump(hour, 7.7, 0.7) + bump(hour, 16.2, 1.1) + 0.4 * bump(hour, 12, 2.5)
    free = np.where(clock.sunday, 0.4, 0.8) * bump(hour, 14, 3)
    return 0.01 + np.where(clock.free, free, work + 0.2 * bump(hour, 20, 2))


def commuting(clock: Clock) -> FloatArray:
    """Return which share of the commuters' parking is taken, 0.05 to 0.95."""
    hour = clock.hour
    work = 0.95 * bump(hour, 12, 3.6)
    return np.clip(0.05 + np.where(clock.free, 0.25 * bump(hour, 14, 3.5), work), 0, 0.95)


def shopping(clock: Clock) -> FloatArray:
    """Return which share of the shoppers' parking is taken, 0.03 to 0.8."""
    hour = clock.hour
    work = 0.35 * bump(hour, 12, 3) + 0.55 * bump(hour, 17.5, 1.8)
    return np.clip(
        0.03 + np.where(clock.sunday, 0.1, np.where(clock.free, 0.8 * bump(hour, 13.5, 2.6), work)), 0, 0.8
    )


def evening(clock: Clock) -> FloatArray:
    """Return how many stoves are lit, 0 to about 1, most at half past eight in the evening."""
    lit = bump(clock.hour, 20.5, 2.9) + 0.25 * bump(clock.hour, 8, 2)
    return lit * np.where(clock.free, 1.15, 0.95)


def consumed(time: TimeArray) -> FloatArray:
    """Return the water used since 2020, in hours of mean use; it rises slowly by night, and never falls."""
    weeks = _meter_weeks(time)
    whole = np.floor(weeks)
    part = np.interp(weeks - whole, np.linspace(0, 1, _METER_STEPS + 1), _CUMULATIVE)
    hours: FloatArray = (whole + part) * _WEEK_HOURS
    return hours


def consumption(time: TimeArray) -> FloatArray:
    """Return how much water is used, relative to the mean: 0.35 by night, about 2 in the morning."""
    return _shape(_meter_weeks(time) % 1 * _WEEK_HOURS) / _MEAN


def bump(hour: FloatArray, centre: float, width: float) -> FloatArray:
    """Return a bell around an hour of the day, 1 at its centre."""
    distance = (hour - centre + 12) % 24 - 12
    return np.exp(-0.5 * (distance / width) ** 2)


@lru_cache(100_000)
def _offset(hour: int) -> int:
    offset = datetime.fromtimestamp(hour * 3600, OSLO).utcoffset()
    return round((offset or timedelta()).total_seconds()) * SECOND


@lru_cache(10_000)
def _kind(day: int) -> int:
    """Tell a working day (0), a Saturday (1), and a Sunday or public holiday (2)."""
    then = _EPOCH + timedelta(days=day)
    if then in _NORWAY or then.weekday() == 6:
        return 2
    return int(then.weekday() == 5)


def _meter_weeks(time: TimeArray) -> FloatArray:
    # UTC+1 all year: a meter that followed the civil clock would run backwards when summer time ends.
    return (time - _METER_EPOCH + HOUR) / HOUR / _WEEK_HOURS


def _shape(hour: FloatArray) -> FloatArray:
    """Return water use at an hour of the week that begins on a Wednesday."""
    weekend = (hour >= 72) & (hour < 120)
    morning = np.where(weekend, 0.9 * bump(hour % 24, 10, 2), bump(hour % 24, 7.3, 1.2))
    return 0.3 + morning + 0.4 * bump(hour % 24, 13, 3) + 0.9 * bump(hour % 24, 19, 2.3)


_STEPS = _shape((np.arange(_METER_STEPS) + 0.5) / 60)
_MEAN = float(_STEPS.mean())
_CUMULATIVE = np.concatenate([[0.0], np.cumsum(_STEPS / _STEPS.sum())])

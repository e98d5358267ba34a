"""When people are about: shares of the busiest hour, by the clock on the wall and Norwegian holidays."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np
from numpy.typing import NDArray

from bypuls.readings import SECOND, FloatArray, TimeArray

OSLO = ZoneInfo("Europe/Oslo")
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
_NORWAY = holidays.country_holidays("NO")
_EPOCH = date(1970, 1, 1)

STAY = 2.5
"""Hours that a visitor stays in a hall."""

_METER_EPOCH = 1_546_297_200 * SECOND  # 2019-01-01 in Oslo, when the meters were mounted


class Clock:
    """The clock on the wall at given instants; its arrays have their shape.

    `hour` of the civil day, 0 to 24; `free`: Saturday, Sunday or a public holiday; `sunday`: no shops either;
    `away`: which share of those who would work have a holiday of their own.
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
        self.away: FloatArray = np.array([_away(day) for day in days.tolist()])[where.reshape(time.shape)]


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
    work *= 1 - 0.8 * clock.away
    free = 0.65 * bump(hour, 14, 3.5) + 0.15 * bump(hour, 21, 2)
    return 0.03 + np.where(clock.free, free * np.where(clock.sunday, 0.75, 1), work)


def tide(clock: Clock) -> FloatArray:
    """Return what `traffic` has more of into town than out of it; over a day it comes to nothing."""
    hour = clock.hour
    # Bells of the same area, each on its rush: who goes in of a morning goes out in the afternoon.
    work = 0.4 * (bump(hour, 7.6, 0.8) - 0.8 / 1.2 * bump(hour, 15.9, 1.2)) * (1 - 0.8 * clock.away)
    free = 0.1 * (bump(hour, 12.5, 3) - bump(hour, 15.5, 3))
    return np.where(clock.free, free, work)


def trains(clock: Clock) -> FloatArray:
    """Return in which share of ten-minute slots a train passes; none does from one to five in the night."""
    hour = clock.hour
    work = 0.6 + 0.4 * np.maximum(bump(hour, 7.6, 1.2), bump(hour, 16, 1.5))
    runs = np.clip(2 * (hour - 5), 0, 1) + np.clip(2 * (1 - hour), 0, 1)
    return np.where(clock.free, 0.55, work) * runs


def opening(hour: FloatArray) -> FloatArray:
    """Return how full a hall is at an hour of the day, 0 to 1."""
    return bump(hour, 12.7, 2.4) * ((hour > 8.5) & (hour < 18.5))


def entering(hour: FloatArray) -> FloatArray:
    """Return how many visitors come into a hall at an hour of the day, 0 to 1.2; from half past eight."""
    return 1.2 * bump(hour, 11.6, 2) * ((hour > 8.5) & (hour < 16))


def leaving(hour: FloatArray) -> FloatArray:
    """Return how many visitors go: those who came STAY hours ago."""
    return entering(hour - STAY)


def strolling(clock: Clock) -> FloatArray:
    """Return how many people are out on foot, 0.01 to about 1.2."""
    hour = clock.hour
    work = 0.9 * bump(hour, 7.7, 0.7) + bump(hour, 16.2, 1.1) + 0.4 * bump(hour, 12, 2.5)
    free = np.where(clock.sunday, 0.4, 0.8) * bump(hour, 14, 3)
    return 0.01 + np.where(clock.free, free, work * (1 - 0.6 * clock.away) + 0.2 * bump(hour, 20, 2))


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
    """Return the water used since 2019, in hours of mean use; it rises slowly by night, and never falls.

    It follows the clock on the wall. The days on which that changes have 23 or 25 hours, all of which count.
    """
    days = _water_days(int(str(np.datetime64(int(time.max()), "us"))[:4]) + 1)
    since = np.maximum(time, _METER_EPOCH)
    day = np.searchsorted(days.start, since, side="right") - 1
    minutes = (since - days.start[day]) / MINUTE
    kinds, within = days.kind[day], np.empty(time.shape)
    for kind in np.unique(kinds).tolist():
        mine, course = kinds == kind, _course(kind)
        within[mine] = np.interp(minutes[mine], np.arange(len(course)), course)
    used: FloatArray = days.before[day] + within
    return used


def consumption(clock: Clock) -> FloatArray:
    """Return how much water is used, relative to the mean: 0.35 by night, about 2 in the morning."""
    free, work = (_water(clock.hour, free=free) / _mean_use(free) for free in (True, False))
    return np.where(clock.free, free, work)


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


@lru_cache(10_000)
def _away(day: int) -> float:
    """Tell the general holiday in July, and the days between Christmas and New Year."""
    then = _EPOCH + timedelta(days=day)
    if (then.month, then.day) >= (12, 22):
        return 0.5
    return 0.4 if 28 <= then.isocalendar().week <= 30 else 0.0


@dataclass(frozen=True, slots=True)
class _Days:
    """Civil days since 2019: when each begins (microseconds), its kind (see `_course`), hours used before."""

    start: TimeArray
    kind: NDArray[np.int64]
    before: FloatArray


@lru_cache(4)
def _water_days(year: int) -> _Days:
    """Return the days until the end of a year."""
    first, end = (date(each, 1, 1) for each in (2019, year + 1))
    dates = [first + timedelta(days=number) for number in range((end - first).days + 1)]
    midnights = [datetime(each.year, each.month, each.day, tzinfo=OSLO).timestamp() for each in dates]
    start = np.array(midnights, np.int64) * SECOND
    hours = np.diff(start) // HOUR
    # Only 23 and 25 hours have a clock that is changed.
    free = np.array([_kind((each - _EPOCH).days) > 0 for each in dates[:-1]])
    kind = hours * 2 + free
    used = np.array([_course(each)[-1] for each in kind.tolist()])
    return _Days(start[:-1], kind, np.concatenate([[0.0], np.cumsum(used)[:-1]]))


@lru_cache(6)
def _course(kind: int) -> FloatArray:
    """Return the hours of mean use since midnight at each minute of a day of `kind`: twice its hours, plus 1
    if it is free."""
    length, free = kind // 2, bool(kind % 2)
    hour = (np.arange(length * 60) + 0.5) / 60
    if length != 24:
        # At two o'clock an hour is left out, or at three one comes again.
        hour = np.where(hour > (2 if length == 23 else 3), hour + 24 - length, hour)
    return np.concatenate([[0.0], np.cumsum(_water(hour, free=free) / _mean_use(free) / 60)])


@lru_cache(2)
def _mean_use(free: bool) -> float:
    return float(_water((np.arange(1_440) + 0.5) / 60, free=free).mean())


def _water(hour: FloatArray, *, free: bool) -> FloatArray:
    """Return how much water is used at an hour of the civil day; later of a morning when people are free."""
    morning = 0.9 * bump(hour, 10, 2) if free else bump(hour, 7.3, 1.2)
    return 0.3 + morning + 0.4 * bump(hour, 13, 3) + 0.9 * bump(hour, 19, 2.3)

"""When people are about: shares of the busiest hour, by the clock on the wall."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from bypuls.readings import SECOND, FloatArray, TimeArray

_OSLO = ZoneInfo("Europe/Oslo")
_HOUR = 3_600 * SECOND
_WEEK_HOURS = 168.0
_MONDAY = 72.0  # hours from 1970-01-01, a Thursday, back to the start of its week

_METER_EPOCH = 1_577_836_800 * SECOND  # 2020-01-01, when the meters were mounted
_METER_STEPS = 168 * 60


def traffic(time: TimeArray) -> FloatArray:
    """Return how much traffic there is, 0.03 to about 1.3."""
    hour, weekend = _civil(time)
    work = (
        _bump(hour, 7.6, 0.8) + _bump(hour, 15.9, 1.2) + 0.5 * _bump(hour, 12, 3) + 0.3 * _bump(hour, 19.5, 2)
    )
    free = 0.65 * _bump(hour, 14, 3.5) + 0.15 * _bump(hour, 21, 2)
    return 0.03 + np.where(weekend, free, work)


def strolling(time: TimeArray) -> FloatArray:
    """Return how many people are out on foot, 0.01 to about 1.2."""
    hour, weekend = _civil(time)
    work = 0.9 * _bump(hour, 7.7, 0.7) + _bump(hour, 16.2, 1.1) + 0.4 * _bump(hour, 12, 2.5)
    free = 0.7 * _bump(hour, 14, 3)
    return 0.01 + np.where(weekend, free, work + 0.2 * _bump(hour, 20, 2))


def parking(time: TimeArray) -> FloatArray:
    """Return the chance that a bay at the station is taken, 0.08 to 0.95."""
    hour, weekend = _civil(time)
    return np.clip(0.08 + np.where(weekend, 0.4 * _bump(hour, 14, 3.5), 0.95 * _bump(hour, 12, 3.5)), 0, 0.95)


def evening(time: TimeArray) -> FloatArray:
    """Return how many stoves are lit, 0 to 1, highest at half past eight in the evening."""
    hour, _ = _civil(time)
    return _bump(hour, 20.5, 2.5)


def consumption(time: TimeArray) -> FloatArray:
    """Return how much water is used, relative to the mean, 0.3 to about 2."""
    return _shape(_meter_weeks(time) % 1 * _WEEK_HOURS) / _MEAN


def consumed(time: TimeArray) -> FloatArray:
    """Return the integral of `consumption` since 2020, in hours of mean consumption; it never falls."""
    weeks = _meter_weeks(time)
    whole = np.floor(weeks)
    part = np.interp(weeks - whole, np.linspace(0, 1, _METER_STEPS + 1), _CUMULATIVE)
    hours: FloatArray = (whole + part) * _WEEK_HOURS
    return hours


def _civil(time: TimeArray) -> tuple[FloatArray, FloatArray]:
    """Return the hour of the civil day in Oslo, 0 to 24, and whether it is Saturday or Sunday."""
    hours, where = np.unique(time // _HOUR, return_inverse=True)
    offsets = [datetime.fromtimestamp(hour * 3600, _OSLO).utcoffset() for hour in hours.tolist()]
    shift = np.array([offset.total_seconds() / 3600 for offset in offsets if offset is not None])
    local = time / _HOUR + shift[where.reshape(time.shape)]
    return local % 24, (local + _MONDAY) % _WEEK_HOURS >= 120


def _bump(hour: FloatArray, centre: float, width: float) -> FloatArray:
    distance = (hour - centre + 12) % 24 - 12
    return np.exp(-0.5 * (distance / width) ** 2)


def _meter_weeks(time: TimeArray) -> FloatArray:
    # UTC+1 all year: a meter that followed the civil clock would run backwards when summer time ends.
    return (time - _METER_EPOCH + _HOUR) / _HOUR / _WEEK_HOURS


def _shape(hour: FloatArray) -> FloatArray:
    """Return water use at an hour of the week that begins on a Wednesday."""
    weekend = (hour >= 72) & (hour < 120)
    morning = np.where(weekend, 0.9 * _bump(hour % 24, 10, 2), _bump(hour % 24, 7.3, 1.2))
    return 0.3 + morning + 0.4 * _bump(hour % 24, 13, 3) + 0.9 * _bump(hour % 24, 19, 2.3)


_STEPS = _shape((np.arange(_METER_STEPS) + 0.5) / 60)
_MEAN = float(_STEPS.mean())
_CUMULATIVE = np.concatenate([[0.0], np.cumsum(_STEPS / _STEPS.sum())])

"""The sun over Lillestrøm, to about a degree: one declination a day, and no equation of time."""

import numpy as np

from bypuls.readings import SECOND, FloatArray, TimeArray

LATITUDE, LONGITUDE = 59.953, 11.0495
YEAR = 365.2425
_DAY = 86_400.0
_OBLIQUITY = 23.44


def day_of_year(time: TimeArray) -> FloatArray:
    """Return days since the start of the year, 0 to 365.24, right to about a day."""
    days: FloatArray = time / (SECOND * _DAY) % YEAR
    return days


def solar_time(time: TimeArray) -> FloatArray:
    """Return solar days since 1970: a whole number is midnight, the sun is highest half a day later."""
    days: FloatArray = time / (SECOND * _DAY) + LONGITUDE / 360
    return days


def elevation(time: TimeArray) -> FloatArray:
    """Return the sun's height over the horizon, in degrees."""
    day = np.floor(solar_time(time))
    hour_angle = 2 * np.pi * (solar_time(time) - day - 0.5)
    declination, latitude = _declination(day), np.radians(LATITUDE)
    polar, equatorial = np.sin(latitude) * np.sin(declination), np.cos(latitude) * np.cos(declination)
    degrees: FloatArray = np.degrees(np.arcsin(polar + equatorial * np.cos(hour_angle)))
    return degrees


def daylight(day: FloatArray, height: FloatArray | float) -> FloatArray:
    """Return for which share of these solar days, 0 to 1, the sun stands higher than `height` degrees."""
    declination, latitude = _declination(day), np.radians(LATITUDE)
    polar, equatorial = np.sin(latitude) * np.sin(declination), np.cos(latitude) * np.cos(declination)
    share: FloatArray = np.arccos(np.clip((np.sin(np.radians(height)) - polar) / equatorial, -1, 1)) / np.pi
    return share


def _declination(day: FloatArray) -> FloatArray:
    return np.radians(-_OBLIQUITY * np.cos(2 * np.pi * (day + 10) / YEAR))

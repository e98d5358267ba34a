"""The sun over a town, to about a degree: one declination a day."""

import numpy as np

from bypuls.readings import SECOND, FloatArray, TimeArray
from simulators.town.plan import Place

YEAR = 365.2425
_DAY = 86_400.0
_OBLIQUITY = 23.44


def day_of_year(time: TimeArray) -> FloatArray:
    """Return days since the start of the year, 0 to 365.24, right to about a day."""
    days: FloatArray = time / (SECOND * _DAY) % YEAR
    return days


def solar_time(time: TimeArray, place: Place) -> FloatArray:
    """Return solar days since 1970: a whole number is midnight, the sun is highest half a day later."""
    days: FloatArray = time / (SECOND * _DAY) + place[1] / 360 + equation_of_time(time) / 1_440
    return days


def equation_of_time(time: TimeArray) -> FloatArray:
    """Return by how many minutes the sun is ahead of a clock, -14.3 in February to 16.4 in November.

    Spencer: Fourier series representation of the position of the sun, Search 2 (1971) 172.
    """
    angle = 2 * np.pi * day_of_year(time) / YEAR
    once = 0.001868 * np.cos(angle) - 0.032077 * np.sin(angle)
    twice = -0.014615 * np.cos(2 * angle) - 0.04089 * np.sin(2 * angle)
    minutes: FloatArray = 229.18 * (0.000075 + once + twice)
    return minutes


def elevation(time: TimeArray, place: Place) -> FloatArray:
    """Return the sun's height over the horizon, in degrees."""
    solar = solar_time(time, place)
    day = np.floor(solar)
    hour_angle = 2 * np.pi * (solar - day - 0.5)
    declination, latitude = _declination(day), np.radians(place[0])
    polar, equatorial = np.sin(latitude) * np.sin(declination), np.cos(latitude) * np.cos(declination)
    degrees: FloatArray = np.degrees(np.arcsin(polar + equatorial * np.cos(hour_angle)))
    return degrees


def daylight(day: FloatArray, height: FloatArray | float, place: Place) -> FloatArray:
    """Return for which share of these solar days, 0 to 1, the sun stands higher than `height` degrees."""
    declination, latitude = _declination(day), np.radians(place[0])
    polar, equatorial = np.sin(latitude) * np.sin(declination), np.cos(latitude) * np.cos(declination)
    share: FloatArray = np.arccos(np.clip((np.sin(np.radians(height)) - polar) / equatorial, -1, 1)) / np.pi
    return share


def _declination(day: FloatArray) -> FloatArray:
    return np.radians(-_OBLIQUITY * np.cos(2 * np.pi * (day + 10) / YEAR))

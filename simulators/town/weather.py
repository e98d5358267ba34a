"""The weather over the town, as functions of instants: fronts, temperature, rain, wind, mixing of the air."""

from functools import cached_property

import numpy as np

from bypuls.readings import FloatArray, TimeArray
from simulators.town import chance, sun
from simulators.town.chance import Keys
from simulators.town.plan import Place
from simulators.town.scenarios import Forces

_HOUR, _DAY = 3_600.0, 86_400.0


class Weather:
    """The weather at `time`, int64, microseconds since 1970 (UTC); all its arrays have that shape."""

    def __init__(self, place: Place, key: Keys, time: TimeArray, forces: Forces) -> None:
        self._place = place
        self._key = key
        self._forces = forces
        self.time = time

    def _smooth(self, what: str, period: float) -> FloatArray:
        return chance.smooth(chance.of(self._key, what), self.time, period)

    @cached_property
    def season(self) -> FloatArray:
        """Phase of the year, in radians; 0 at New Year."""
        return 2 * np.pi * sun.day_of_year(self.time) / sun.YEAR

    @cached_property
    def sun_height(self) -> FloatArray:
        """Height of the sun, in degrees."""
        return sun.elevation(self.time, self._place)

    @cached_property
    def calm(self) -> FloatArray:
        """How still the scenario holds the air, 0 to 1."""
        return self._forces.calm(self.time)

    @cached_property
    def storm(self) -> FloatArray:
        """The scenario's rain, in mm/h."""
        return self._forces.storm(self.time)

    @cached_property
    def front(self) -> FloatArray:
        """How much of a weather front there is; rain begins at 1."""
        return self._smooth("front", 14 * _HOUR) * (1 - self.calm) - self.calm + np.minimum(self.storm, 1.5)

    @cached_property
    def cloud(self) -> FloatArray:
        """Cloud cover, 0 to 1."""
        return np.clip(0.5 + 0.55 * self.front, 0, 1)

    @cached_property
    def air_mass(self) -> FloatArray:
        """Temperature without its daily course, in °C: season, and the weather of the week."""
        week = 4.2 * self._smooth("air", 4 * _DAY) - 5 * self.calm
        usual = 5.4 - 11.2 * np.cos(self.season - 0.35) + week
        return usual + self._forces.mild(self.time) * np.maximum(10 - usual, 0)

    @cached_property
    def temperature(self) -> FloatArray:
        """Air temperature at 110 m above the sea, in °C, warmest in the afternoon and under a clear sky."""
        noon = np.sin(np.radians(np.maximum(90 - self._place[0] - 23.4 * np.cos(self.season + 0.17), 0)))
        course = np.cos(2 * np.pi * (sun.solar_time(self.time, self._place) - 15 / 24))
        return self.air_mass + (1 + 5.5 * noon) * (1 - 0.65 * self.cloud) * course

    @cached_property
    def humidity(self) -> FloatArray:
        """Relative humidity, in %: the dew point stays while the temperature has its daily course."""
        dew_point = self.air_mass - 0.8 - 6.5 * (1 - self.cloud)
        share = 100 * _vapour_pressure(dew_point) / _vapour_pressure(self.temperature)
        # The more it nears 100, the more of it becomes dew.
        return np.clip(np.where(share > 90, 90 + 9.5 * np.tanh((share - 90) / 9.5), share), 15, 100)

    @cached_property
    def pressure(self) -> FloatArray:
        """Air pressure at the level of the sea, in hPa."""
        return 1012 + 9 * self._smooth("pressure", 4 * _DAY) - 4 * self.front + 12 * self.calm

    @cached_property
    def rain(self) -> FloatArray:
        """Intensity of rain, or of snow as water, in mm/h."""
        showers = np.maximum(0.6 + 0.6 * self._smooth("showers", 1_200), 0)
        return 3 * np.maximum(self.front - self.storm - 1, 0) * showers + self.storm * (0.5 + 0.8 * showers)

    @cached_property
    def wind(self) -> FloatArray:
        """Wind speed at 10 m, as its mean over some minutes, in m/s."""
        slow = 0.42 * self._smooth("wind/days", 2.5 * _DAY) + 0.5 * self._smooth("wind", 7 * _HOUR)
        by_day = 0.5 * np.sin(np.radians(np.maximum(self.sun_height, 0))) + 0.06 * (self.sun_height > 0)
        return np.exp(0.62 + slow + by_day - 1.9 * self.calm + 0.25 * np.minimum(self.storm, 2))

    @cached_property
    def veer(self) -> FloatArray:
        """Where the wind comes from, in degrees, without bounds: 370 is 10."""
        return 205 + 110 * self._smooth("veer", 1.5 * _DAY)

    @cached_property
    def stable(self) -> FloatArray:
        """How much of an inversion there is, 0 to about 1: clear windless nights, and frost that stays."""
        night = np.clip((4 - self.sun_height) / 14, 0, 1)
        by_night = night * (1 - 0.7 * self.cloud) * np.exp(-self.wind / 2.2)
        frost = np.clip(-self.air_mass / 16, 0, 0.5)
        return np.clip(by_night + frost * np.exp(-self.wind / 3) + 0.6 * self.calm, 0, 1.6)

    @cached_property
    def stagnation(self) -> FloatArray:
        """How badly the air is mixed: about 1, 0.3 in a gale and 3 or 4 under an inversion."""
        layer = np.exp(0.42 * self._smooth("layer", 11 * _HOUR))
        return layer * (0.45 + 2.6 * self.stable) / (0.35 + 0.33 * self.wind)

    @cached_property
    def haze(self) -> FloatArray:
        """Fine dust that the air brings with it from far away, in µg/m³."""
        far = 0.95 * self._smooth("haze", 2.4 * _DAY) + 0.62 * self._smooth("haze/hours", 17 * _HOUR)
        washed = 1 / (1 + 0.35 * np.maximum(self.front - 0.7, 0))
        # Farms and fires far away in summer and winter, and less of it in the washed air between.
        season = 0.16 * np.cos(2 * (self.season - 3.2))
        return np.exp(1.04 + far + season) * washed


def _vapour_pressure(temperature: FloatArray) -> FloatArray:
    """Return the saturation vapour pressure over water, in hPa, by Magnus (WMO-No. 8, annex 4.B)."""
    return 6.112 * np.exp(17.62 * temperature / (243.12 + temperature))

"""What the whole town shares at given instants, weather and traffic; each is computed when first needed."""

from functools import cached_property

import numpy as np

from bypuls.readings import FloatArray, TimeArray
from simulators import rhythm, sun
from simulators.noise import Noise

_HOUR, _DAY = 3_600.0, 86_400.0


class Scene:
    """The town at `time`, int64 (n,), microseconds since 1970 (UTC); all its arrays are float64 (n,)."""

    def __init__(self, noise: Noise, time: TimeArray) -> None:
        self.noise = noise
        self.time = time

    @cached_property
    def season(self) -> FloatArray:
        """Phase of the year, in radians; 0 at New Year."""
        return 2 * np.pi * sun.day_of_year(self.time) / sun.YEAR

    @cached_property
    def sun_height(self) -> FloatArray:
        """Height of the sun, in degrees."""
        return sun.elevation(self.time)

    @cached_property
    def traffic(self) -> FloatArray:
        """Traffic, 1 at the rush of a usual working day."""
        return rhythm.traffic(self.time)

    @cached_property
    def front(self) -> FloatArray:
        """How much of a weather front there is; rain begins at 1."""
        return self.noise.smooth("front", self.time, 14 * _HOUR)

    @cached_property
    def cloud(self) -> FloatArray:
        """Cloud cover, 0 to 1."""
        return np.clip(0.5 + 0.55 * self.front, 0, 1)

    @cached_property
    def air_mass(self) -> FloatArray:
        """Temperature without its daily course, in °C: season and the weather of the week."""
        return 5.8 - 10.8 * np.cos(self.season - 0.35) + 3.5 * self.noise.smooth("air", self.time, 4 * _DAY)

    @cached_property
    def temperature(self) -> FloatArray:
        """Air temperature, in °C, warmest at three in the afternoon and under a clear sky."""
        noon = np.sin(np.radians(np.maximum(90 - sun.LATITUDE - 23.4 * np.cos(self.season + 0.17), 0)))
        course = np.cos(2 * np.pi * (sun.solar_time(self.time) - 15 / 24))
        wander = 0.12 * self.noise.smooth("air/minutes", self.time, 900)
        return self.air_mass + (1 + 5.5 * noon) * (1 - 0.65 * self.cloud) * course + wander

    @cached_property
    def humidity(self) -> FloatArray:
        """Relative humidity, in %: the dew point stays while the temperature has its daily course."""
        dew_point = self.air_mass - 0.8 - 6.5 * (1 - self.cloud)
        return np.clip(100 * _vapour_pressure(dew_point) / _vapour_pressure(self.temperature), 15, 100)

    @cached_property
    def pressure(self) -> FloatArray:
        """Air pressure at the station, 110 m above the sea, in hPa."""
        return 999 + 9 * self.noise.smooth("pressure", self.time, 4 * _DAY) - 4 * self.front

    @cached_property
    def rain(self) -> FloatArray:
        """Intensity of the rain, in mm/h."""
        showers = np.maximum(0.6 + 0.6 * self.noise.smooth("showers", self.time, 1200), 0)
        return 4 * np.maximum(self.front - 1, 0) * showers

    @cached_property
    def wind(self) -> FloatArray:
        """Wind speed, in m/s."""
        slow, gusts = (
            self.noise.smooth("wind", self.time, 10 * _HOUR),
            self.noise.smooth("gusts", self.time, 120),
        )
        return np.exp(
            0.55
            + 0.5 * slow
            + 0.4 * (self.sun_height > 0) * np.sin(np.radians(self.sun_height))
            + 0.18 * gusts
        )

    @cached_property
    def wind_direction(self) -> FloatArray:
        """Where the wind comes from, in degrees, 0 to 360."""
        slow, fast = (
            self.noise.smooth("veer", self.time, 1.5 * _DAY),
            self.noise.smooth("sway", self.time, 90),
        )
        return (205 + 110 * slow + 9 * fast) % 360

    @cached_property
    def stagnation(self) -> FloatArray:
        """How badly the air is mixed, about 0.3 to 2.5: calm and frost keep the dirt near the ground."""
        return (1 + 0.05 * np.maximum(4 - self.air_mass, 0)) / (0.5 + self.wind / 2)


def _vapour_pressure(temperature: FloatArray) -> FloatArray:
    """Return the saturation vapour pressure over water, in hPa, by Magnus (WMO-No. 8, annex 4.B)."""
    return 6.112 * np.exp(17.62 * temperature / (243.12 + temperature))

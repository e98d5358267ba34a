"""How fast each quantity can change, and how long it can stay the same: the limits of the quality checks."""

from dataclasses import dataclass
from math import nan

import numpy as np

from bypuls.numeric.checks import ChangeLimits


@dataclass(frozen=True, slots=True)
class LimitOfChange:
    """The limits of one quantity, in its unit; NaN where nobody could say.

    Between two readings `elapsed` seconds apart, a change above `noise + per_minute * elapsed / 60` is
    too fast. A value that lasts for `stuck_hours` is stuck, unless it is `rest`, where the quantity may stay.
    """

    key: str
    per_minute: float = nan
    noise: float = nan
    stuck_hours: float = nan
    rest: float = nan


# The rates of temperature, humidity, pressure and wind are those above which a one-minute value is wrong by
# WMO's Guidelines on Quality Control Procedures for Data from Automatic Weather Stations (Zahumensky, 2004).
# They doubt an hour without change; aggregates leave stuck values out, so the hours here are longer, above
# the longest runs in the shipped recordings (7 h of temperature, 6 h of wind). All else is judgement.
# Gases, particles, sound, power and pressure in pipes jump by nature (a lorry, fireworks, a pump): no rate.
# Water stands still for days, a lamp draws the same power all night, a vane rests in a calm: never stuck.
_ROWS = [
    LimitOfChange("air_temperature", per_minute=3, noise=1, stuck_hours=12),
    LimitOfChange("water_temperature", per_minute=1, noise=1),
    LimitOfChange("road_temperature", per_minute=5, noise=3, stuck_hours=12, rest=0),  # 0: ice that melts
    LimitOfChange("relative_humidity", per_minute=15, noise=5, stuck_hours=24, rest=100),
    LimitOfChange("air_pressure", per_minute=2, noise=1, stuck_hours=12),
    LimitOfChange("wind_speed", per_minute=20, noise=20, stuck_hours=12, rest=0),
    LimitOfChange("water_level", per_minute=1, noise=0.2),
    LimitOfChange("no2", stuck_hours=24, rest=0),
    LimitOfChange("pm10", stuck_hours=24, rest=0),
    LimitOfChange("pm2_5", stuck_hours=24, rest=0),
    LimitOfChange("o3", stuck_hours=24, rest=0),
    LimitOfChange("so2", stuck_hours=24, rest=0),
    LimitOfChange("co", stuck_hours=24, rest=0),
    LimitOfChange("sound_level", stuck_hours=6),
]

LIMITS: dict[str, LimitOfChange] = {row.key: row for row in _ROWS}

_ROW_OF = {key: row for row, key in enumerate(LIMITS, 1)}


def row_of(key: str | None) -> int:
    """Return the row of `table` for a quantity's key; row 0, without limits, where there is no such key."""
    return _ROW_OF.get(key, 0) if key else 0


def table() -> ChangeLimits:
    """Return all limits as columns, in the quantities' units and in seconds."""
    rows = [LimitOfChange(""), *_ROWS]
    return ChangeLimits(
        rate=np.array([row.per_minute / 60 for row in rows]),
        noise=np.array([row.noise for row in rows], np.float64),
        stuck=np.array([row.stuck_hours * 3600 for row in rows]),
        rest=np.array([row.rest for row in rows], np.float64),
    )

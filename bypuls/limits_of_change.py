"""How fast each quantity can change, and how long it can stay the same: the limits of the quality checks."""

from dataclasses import dataclass
from math import nan

import numpy as np

from bypuls.numeric.checks import ChangeLimits


@dataclass(frozen=True, slots=True)
class LimitOfChange:
    """The limits of one quantity, in its unit; NaN where nobody could say.

    Between two readings `elapsed` seconds apart, a change above `noise + per_minute * elapsed / 60` is
    too fast. A single value further than `most` from the last ones is a spike, however slowly they come. A
    value that lasts for `stuck_hours` is stuck, unless it lies within `around` of `rest`, where the quantity
    may stay.
    """

    key: str
    per_minute: float = nan
    noise: float = nan
    most: float = nan
    stuck_hours: float = nan
    rest: float = nan
    around: float = 0.0


# The rates of temperature, humidity, pressure and wind are those above which a one-minute value is wrong by
# WMO's Guidelines on Quality Control Procedures for Data from Automatic Weather Stations (Zahumensky, 2004).
# They doubt an hour without change; aggregates leave stuck values out, so the hours here are longer, above
# the longest runs in the shipped recordings (7 h of temperature, 6 h of wind). All else is judgement.
# Gases, particles, sound and pressure in pipes jump by nature (a lorry, fireworks, a pump): no rate. But what
# lies further off than these can is a spike: `most` is above what the fireworks and floods in the recordings
# bring from one reading to the next. A load is switched and a bin emptied: any value may follow any other, or
# itself. Water rests under ice. Rivers and vanes may stand still, but not for days.
_ROWS = [
    LimitOfChange("air_temperature", per_minute=3, noise=1, most=13, stuck_hours=12),
    LimitOfChange("water_temperature", per_minute=1, noise=1, most=4, stuck_hours=96, rest=0, around=0.5),
    # 0: ice that melts
    LimitOfChange("road_temperature", per_minute=5, noise=3, most=20, stuck_hours=12, rest=0),
    LimitOfChange("relative_humidity", per_minute=15, noise=5, most=35, stuck_hours=24, rest=100),
    LimitOfChange("air_pressure", per_minute=2, noise=1, most=20, stuck_hours=12),
    LimitOfChange("wind_speed", per_minute=20, noise=20, most=25, stuck_hours=12, rest=0),
    LimitOfChange("wind_direction", stuck_hours=72),
    LimitOfChange("water_level", per_minute=1, noise=0.2, most=1.5, stuck_hours=96),
    LimitOfChange("discharge", most=600, stuck_hours=96, rest=0),
    LimitOfChange("pipe_pressure", most=4, stuck_hours=48),
    LimitOfChange("no2", most=300, stuck_hours=24, rest=0),
    LimitOfChange("pm10", most=450, stuck_hours=24, rest=0),
    LimitOfChange("pm2_5", most=350, stuck_hours=24, rest=0),
    LimitOfChange("o3", most=150, stuck_hours=24, rest=0),
    LimitOfChange("so2", most=500, stuck_hours=24, rest=0),
    LimitOfChange("co", most=20_000, stuck_hours=24, rest=0),
    LimitOfChange("sound_level", most=50, stuck_hours=6),
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
        most=np.array([row.most for row in rows], np.float64),
        stuck=np.array([row.stuck_hours * 3600 for row in rows]),
        rest=np.array([row.rest for row in rows], np.float64),
        around=np.array([row.around for row in rows], np.float64),
    )

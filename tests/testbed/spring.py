"""Forty days of readings of every kind, around a change of clocks, with their rollups."""

from time import time_ns
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from bypuls.maintenance.service import Maintenance
from bypuls.quality import Flag
from bypuls.readings import SECOND
from bypuls.settings import DatabaseSettings, MaintainSettings
from testbed.filling import NEW_YEAR, put, register

HOUR = 3600 * SECOND
MARCH = NEW_YEAR + 59 * 24 * HOUR
"""2026-03-01T00:00:00Z; clocks in Oslo are put forward on the 29th."""

RANGE = {"start": "2026-03-01T23:00:00Z", "end": "2026-04-08T22:00:00Z"}
"""Civil days in Oslo that have readings all day."""

_generator = np.random.default_rng(5)


def _times() -> NDArray[np.int64]:
    """Return every ten minutes, a third of them missing, so 2 hours of the 5th and 60 from the 10th on."""
    step, size = 600 * SECOND, 40 * 144
    time = MARCH + np.arange(size) * step + _generator.integers(0, 60 * SECOND, size)
    hour = (time - MARCH) // HOUR
    gone = (_generator.random(size) < 0.3) | np.isin(hour, [100, 101]) | ((hour >= 216) & (hour < 276))
    return time[~gone]


TIME = _times()
FLAGS = np.where(_generator.random(len(TIME)) < 0.05, Flag.SPIKE, 0).astype(np.int16)
VALUES: dict[str, NDArray[np.float64]] = {
    "no2": _generator.normal(20, 5, len(TIME)),
    "wind_direction": _generator.normal(350, 40, len(TIME)) % 360,
    "sound_level": _generator.normal(55, 8, len(TIME)),
    "rainfall": _generator.exponential(0.2, len(TIME)).round(1),
    "energy": np.cumsum(_generator.exponential(1, len(TIME))) % 900,
    "lamp_state": _generator.integers(0, 2, len(TIME)).astype(np.float64),
}


def fill(url: str) -> None:
    """Put two nodes into a database, and sum all of it up."""
    air = register(url, "air-01", *VALUES, "empty", "one", "wrong", "now", latitude=59.953, longitude=11.0495)
    for channel, values in VALUES.items():
        put(url, air[channel], TIME, values, FLAGS)
    put(url, air["one"], [MARCH + 24 * HOUR], [7.5])
    put(url, air["wrong"], TIME[:100], VALUES["no2"][:100], np.full(100, Flag.OUT_OF_RANGE))
    present = time_ns() // 1000
    put(url, air["now"], [present - age * SECOND for age in range(3600, 0, -10)])
    place: dict[str, Any] = {"latitude": 59.95, "longitude": 11.06}
    other = register(url, "air-02", "no2", "wind_direction", "sound_level", "no2.max", **place)
    put(url, other["no2"], TIME[::2], VALUES["no2"][::2] + 10)
    put(url, other["wind_direction"], TIME, (20 - VALUES["wind_direction"]) % 360)
    put(url, other["sound_level"], TIME, VALUES["sound_level"] + 10)
    _tell_interval(url)
    job = Maintenance(DatabaseSettings.model_validate({"url": url}), MaintainSettings())
    job.rebuild(MARCH // HOUR - 48, present // HOUR + 1)
    job.make_rollups()
    job.close()


def fill_unflagged(url: str) -> None:
    """Put only the readings that count into a database, and no rollups.

    `fast/no2` says that it has a reading every 10 ms, so that 300 million are expected.
    """
    air = register(url, "air-01", *VALUES, "fast/no2")
    put(url, air["fast/no2"], TIME[FLAGS == 0], VALUES["no2"][FLAGS == 0])
    for channel, values in VALUES.items():
        put(url, air[channel], TIME[FLAGS == 0], values[FLAGS == 0])
    _tell_interval(url)


def _tell_interval(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE stream SET expected_interval ="
            " CASE channel WHEN 'now' THEN 10 WHEN 'fast/no2' THEN 0.01 ELSE 600 END"
            " WHERE channel NOT IN ('one', 'empty')"
        )

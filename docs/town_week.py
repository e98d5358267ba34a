"""Draws docs/town-week.png, a week of the simulated town: `.venv/bin/python docs/town_week.py`."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.dates import DateFormatter, DayLocator, HourLocator
from matplotlib.patches import Patch

from bypuls.readings import FloatArray
from simulators.town import plan as plans
from simulators.town import rhythm
from simulators.town import town as towns
from simulators.town.scenarios import Forces
from simulators.town.town import Town, rounded

START = datetime(2026, 3, 2, tzinfo=rhythm.OSLO)
HALF_HOUR = 1_800_000_000
Fold = Callable[[FloatArray], FloatArray]


def mean(values: FloatArray) -> FloatArray:
    """Return what is drawn of the values of each half-hour, (336, n)."""
    return values.mean(axis=1)


def hourly(values: FloatArray) -> FloatArray:
    """Return the sum of each hour, for both of its halves."""
    return np.repeat(values.reshape(len(values) // 2, -1).sum(axis=1), 2)


def energetic(values: FloatArray) -> FloatArray:
    """Return the equivalent level."""
    return 10 * np.log10((10 ** (values / 10)).mean(axis=1))


def increase(values: FloatArray) -> FloatArray:
    """Return what a meter rises by, an hour."""
    return np.diff(values[:, 0], append=np.nan) * 2


PANELS: list[tuple[str, str, str, Fold]] = [
    ("traffic-01/inbound/vehicle_count", "Cars into town", "cars an hour", hourly),
    ("bicycle-02/inbound/bicycle_count", "Bicycles into town", "bicycles an hour", hourly),
    ("air-02/no2", "Nitrogen dioxide by the road", "µg/m³", mean),
    ("air-06/pm2_5", "Fine dust (PM2.5)", "µg/m³", mean),
    ("noise-01/sound_level", "Noise at the station", "dB", energetic),
    ("weather-01/air_temperature", "Air temperature", "°C", mean),
    ("wind-02/wind_speed", "Wind", "m/s", mean),
    ("weather-01/rainfall", "Rain", "mm an hour", hourly),
    ("leira-01/discharge", "The river Leira", "m³/s", mean),
    ("water-01/water_volume", "Water drawn in the centre", "m³ an hour", increase),
    ("parking-01", "Cars parked at the station", "of 16", mean),
    ("fair-02/entrance/people_count", "Visitors of a fair hall", "an hour", hourly),
    ("light-03/power", "Street lights on a circuit", "W", mean),
    ("waste-02/fill_level", "A waste bin", "% full", mean),
]


def measured(town: Town, stream: str) -> FloatArray:
    """Return a stream's values of the week by half-hours; of a whole node, the sum of its channels."""
    node, _, channel = stream.partition("/")
    group = next(group for group in town.groups if node in group.names)
    rows = np.array([group.names.index(node)])
    begin = round(START.timestamp()) * 1_000_000
    step = min(group.step, HALF_HOUR)
    parts = []
    for day in range(7):
        tick = begin + day * 48 * HALF_HOUR + np.arange(0, 48 * HALF_HOUR, step, dtype=np.int64)[None, :]
        values = rounded(group, town.measure(group, rows, tick))
        parts.append(values[channel][0] if channel else sum(values.values())[0])
    return np.concatenate(parts).reshape(336, -1)


town = Town(plans.read("lillestrom"), towns.read("lillestrom"), 7, Forces(["fair"], 1_772_800_000_000_000))
times = [START + timedelta(minutes=30 * half) for half in range(336)]
figure, axes = plt.subplots(len(PANELS), 1, figsize=(9.5, 14), sharex=True, layout="constrained")
for (stream, title, unit, fold), axis in zip(PANELS, axes, strict=True):
    axis.plot(times, fold(measured(town, stream)), color="#0072b2", linewidth=0.9)
    axis.set_ylabel(f"{title}\n{unit}", rotation=0, ha="right", va="center")
    axis.axvspan(START + timedelta(days=5), START + timedelta(days=7), color="#f0e6c8", linewidth=0)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="x", color="#d0d0d0", linewidth=0.6)
    axis.locator_params(axis="y", nbins=3)
    axis.margins(x=0, y=0.12)
axes[-1].xaxis.set_major_locator(DayLocator(tz=rhythm.OSLO))
axes[-1].xaxis.set_major_formatter(plt.NullFormatter())
axes[-1].xaxis.set_minor_locator(HourLocator(byhour=[12], tz=rhythm.OSLO))
axes[-1].xaxis.set_minor_formatter(DateFormatter("%A\n%-d %B", tz=rhythm.OSLO))
axes[-1].tick_params(axis="x", which="minor", length=0)
figure.legend(handles=[Patch(color="#f0e6c8", label="weekend")], loc="outside lower right", frameon=False)
figure.suptitle(
    "A week of the simulated town: March 2026, seed 7, with a fair from Wednesday (time in Norway)"
)
figure.savefig(Path(__file__).with_name("town-week.png"), dpi=90, metadata={"Date": None})

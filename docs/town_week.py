"""Draws docs/town-week.png, a week of the simulated town; needs matplotlib beside Bypuls."""

from datetime import UTC, datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from simulators.town import plan as plans
from simulators.town import town as towns
from simulators.town.scenarios import Forces
from simulators.town.town import Town, rounded

START = datetime(2026, 3, 2, tzinfo=UTC)
STREAMS = {
    "traffic-01/inbound/vehicle_count": "vehicles",
    "air-02/no2": "NO2, µg/m³",
    "air-01/pm2_5": "PM2.5, µg/m³",
    "weather-01/air_temperature": "°C",
    "weather-01/wind_speed": "wind, m/s",
    "weather-01/rainfall": "rain, mm",
    "leira-01/discharge": "Leira, m³/s",
    "noise-03/sound_level": "noise, dB",
    "water-01/water_volume": "water, m³/h",
    "fair-02/entrance/people_count": "visitors",
    "light-03/power": "lamps, W",
    "waste-02/fill_level": "bin, %",
}

town = Town(plans.read("lillestrom"), towns.read("lillestrom"), 7, Forces([], 0))
begin = round(START.timestamp()) * 1_000_000
figure, axes = plt.subplots(len(STREAMS), 1, figsize=(9, 11), sharex=True, layout="constrained")
for (stream, label), axis in zip(STREAMS.items(), axes, strict=True):
    node, _, channel = stream.partition("/")
    group = next(group for group in town.groups if node in group.names)
    rows = np.array([group.names.index(node)])
    tick = np.arange(begin, begin + 7 * 86_400_000_000, group.step, dtype=np.int64)
    parts = [
        rounded(group, town.measure(group, rows, part[None, :]))[channel][0] for part in np.split(tick, 7)
    ]
    values = np.concatenate(parts)
    days = tick.astype("datetime64[us]")
    if channel == "water_volume":
        days, values = days[1:], np.diff(values) / group.step * 3_600_000_000
    axis.plot(days, values, color="#0072b2", linewidth=0.7)
    axis.set_ylabel(label, rotation=0, ha="right", va="center")
    axis.spines[["top", "right"]].set_visible(False)
    axis.locator_params(axis="y", nbins=3)
figure.suptitle("A week of the simulated town, from Monday (UTC): seed 7, March 2026")
figure.savefig(Path(__file__).with_name("town-week.png"), metadata={"Date": None})

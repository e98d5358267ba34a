"""Draws docs/daily-means.svg from the series API: `.venv/bin/python docs/daily_means.py`.

It needs `make up` running, and what the README did before: the replay, and what is known of its stations.
"""

import json
from datetime import datetime
from pathlib import Path
from urllib.request import urlopen

import matplotlib.pyplot as plt

API = "http://127.0.0.1:8080/api/v1"
STATIONS = {"valand": "Våland, Stavanger", "klosterhaugen": "Klosterhaugen, Bergen"}

asked = "&".join(f"stream={node}/pm2_5" for node in STATIONS)
span = "start=2020-12-31T23:00:00Z&end=2021-12-31T23:00:00Z"
with urlopen(f"{API}/series?{asked}&{span}&every=day&agg=mean&min_coverage=0.85") as answer:
    table = json.load(answer)

figure, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
days = [datetime.fromisoformat(time) for time in table["time"]]
for series, colour in zip(table["streams"], ("#0072b2", "#d55e00"), strict=True):
    means = [float("nan") if mean is None else mean for mean in series["values"]["mean"]]
    axes.plot(days, means, label=STATIONS[series["stream"].split("/")[0]], color=colour, linewidth=1)
axes.set(
    ylabel="PM2.5, µg/m³", ylim=(0, None), title="Daily means of 2021 (civil days, at least 85 % coverage)"
)
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)
figure.savefig(Path(__file__).with_name("daily-means.svg"), metadata={"Date": None})

"""Draws the dashboards from their own queries, thresholds and layout: a stand-in for Grafana's eyes.

    PYTHONPATH=tests python docs/dashboard_pictures.py DATABASE_URL 2025-11-20T12:00Z FOLDER

writes FOLDER/bypuls-city.png and so on, from a database with readings. Needs matplotlib beside Bypuls.
"""

import re
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import matplotlib.pyplot as plt
import psycopg
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from PIL import Image

from dashboards.collection import pages
from dashboards.query import SharedResult
from testbed.grafana_macros import Asked, expand

NAMED = ("metric", "halls", "reason")
TOWN = ZoneInfo("Europe/Oslo")
SINCE = {"now-6h": timedelta(hours=6), "now-24h": timedelta(days=1), "now-7d": timedelta(days=7)}
PALETTE = ("#0072B2", "#D98000", "#009E73", "#B83A00", "#56B4E9", "#7B2D8E", "#8C8C8C", "#C0A000")


def main(url: str, until: datetime, folder: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET ROLE bypuls_grafana")
        for page in pages():
            asked = chosen(connection, page, until)
            path = folder / f"{page.uid}.png"
            draw(connection, page, asked).savefig(path, dpi=80)
            Image.open(path).convert("RGB").quantize(96).save(path, optimize=True)


def chosen(connection, page, until):
    values = {}
    for variable in page.templating.list_val or []:
        asked = Asked(until - SINCE[page.time.from_val], until, values)
        found = [row[1] for row in connection.execute(expand(variable.query, asked)).fetchall()]
        values[variable.name] = found if variable.multi else variable.current.value
    return Asked(until - SINCE[page.time.from_val], until, values, points=600)


def draw(connection, page, asked):
    placed = [panel for panel in page.panels if panel.type_val not in {"row", "alertlist"}]
    rows = max(panel.grid_pos.y + panel.grid_pos.h for panel in page.panels)
    figure = plt.figure(figsize=(20, rows * 0.42 + 0.6), layout=None)
    figure.text(0.01, 1 - 0.2 / (rows * 0.42 + 0.6), page.title, fontsize=16, va="center", weight="bold")
    for panel in page.panels:
        place = panel.grid_pos
        top = 1 - (0.5 + place.y * 0.42) / (rows * 0.42 + 0.6)
        if panel.type_val == "row":
            figure.text(0.01, top - 0.3 / (rows * 0.42 + 0.6), panel.title, fontsize=13, weight="bold")
        if panel not in placed:
            continue
        height = (place.h * 0.42 - 0.75) / (rows * 0.42 + 0.6)
        bottom = top - (place.h * 0.42 - 0.42) / (rows * 0.42 + 0.6)
        if panel.type_val == "timeseries":  # its legend is below
            bottom, height = bottom + 0.3 * height, 0.7 * height
        axis = figure.add_axes((place.x / 24 + 0.035, bottom, place.w / 24 - 0.05, height))
        unit = panel.field_config.defaults.unit.removeprefix("suffix:")
        axis.set_title(f"{panel.title} [{unit}]", fontsize=10, loc="left")
        results = []
        targets = panel.targets
        if isinstance(targets[0], SharedResult):
            number = targets[0].to_json()["panelId"]
            targets = next(other for other in page.panels if other.id_val == number).targets
        for target in targets:
            cursor = connection.execute(expand(target.sql, asked))
            results.append(([column.name for column in cursor.description], cursor.fetchall()))
        if not results[0][1]:
            axis.text(0.5, 0.5, panel.field_config.defaults.no_value, ha="center", transform=axis.transAxes)
            axis.set_axis_off()
            continue
        DRAWN[panel.type_val](axis, panel, results, asked)
    return figure


def colour_of(panel, value, thresholds=None):
    steps = (thresholds or panel.field_config.defaults.thresholds).steps
    found = [step.color for step in steps if step.value is None or value >= step.value][-1]
    return "white" if found == "transparent" else found


def text_of(value, mappings):
    for mapping in mappings or []:
        if hasattr(mapping.options, "get"):
            found = mapping.options.get(f"{value:.0f}" if isinstance(value, float) else str(value))
            if found is not None:
                return found.text
        elif hasattr(mapping.options, "match"):
            if value is None:
                return mapping.options.result.text
        elif value is not None and mapping.options.from_val <= value <= mapping.options.to:
            return mapping.options.result.text
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, datetime):
        return value.astimezone(TOWN).strftime("%d.%m. %H:%M")
    return "" if value is None else str(value)


def figure_(axis: Axes, panel, results, asked) -> None:
    names, rows = results[0]
    told = overrides(panel)
    field = panel.options.reduce_options.fields
    if field:
        names, rows = [field.strip("/^$")], [[max(row[names.index(field.strip("/^$"))] for row in rows)]]
    for number, (name, value) in enumerate(zip(names, rows[0], strict=True)):
        thresholds = told.get(name, {}).get("thresholds")
        colour = colour_of(panel, value, thresholds) if value is not None else "#8C8C8C"
        left, width = number / len(names), 1 / len(names)
        axis.add_patch(plt.Rectangle((left, 0), width, 1, facecolor=colour, edgecolor="white"))
        text = text_of(value, panel.field_config.defaults.mappings)
        if name in told:
            text = f"{told[name]['displayName']}\n{text}"
        dark = sum(int(colour[at : at + 2], 16) for at in (1, 3, 5)) < 400
        where = (left + width / 2, 0.5)
        axis.annotate(text, where, ha="center", va="center", fontsize=15, color="white" if dark else "black")
    axis.set_xticks([])
    axis.set_yticks([])


def series(axis: Axes, panel, results, asked) -> None:
    custom = panel.field_config.defaults.custom
    told = {name: one["color"]["fixedColor"] for name, one in overrides(panel).items() if "color" in one}
    for dashed, (names, rows) in enumerate(results):
        values = [name for name in names if name not in {"time", "node", *NAMED}]
        lines = {}
        for row in rows:
            one = dict(zip(names, row, strict=True))
            for name in values:
                of = [one[label] for label in NAMED if label in one]
                key = " ".join(of if of and len(values) == 1 else [*of, name])
                lines.setdefault(key, ([], []))
                lines[key][0].append(one["time"].astimezone(TOWN))
                lines[key][1].append(one[name])
        for number, (key, (times, shown)) in enumerate(sorted(lines.items())):
            colour = told.get(key, PALETTE[number % len(PALETTE)])
            if dashed:
                level = next(colour for name, colour in told.items() if re.search(name.strip("/"), key))
                axis.plot(times, shown, color=level, linestyle="--", linewidth=0.8)
            elif custom.draw_style == "bars":
                between = min(((b - a) for a, b in pairwise(times)), default=timedelta(hours=1))
                axis.bar(times, shown, color=colour, alpha=0.5, width=between * 0.8, align="edge", label=key)
            else:
                axis.plot(times, shown, color=colour, linewidth=0.8, label=key)
    if custom.thresholds_style is not None:
        high = axis.get_ylim()[1]
        for step in panel.field_config.defaults.thresholds.steps:
            if step.value is not None and step.value < high * 1.5:
                axis.axhline(step.value, color=step.color, linestyle="--", linewidth=1.2)
    defaults = panel.field_config.defaults
    if custom.scale_distribution is not None:
        axis.set_yscale("log")
    if defaults.min_val is not None:
        axis.set_ylim(bottom=defaults.min_val)
    if defaults.max_val is not None:
        axis.set_ylim(top=defaults.max_val)
    if custom.axis_soft_max is not None:
        axis.set_ylim(top=max(axis.get_ylim()[1], custom.axis_soft_max))
    axis.set_xlim(asked.since, asked.until)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(AutoDateLocator(tz=TOWN), tz=TOWN))
    axis.legend(fontsize=6, ncols=3, loc="upper left", bbox_to_anchor=(0, -0.1), frameon=False)
    axis.tick_params(labelsize=7)


def overrides(panel):
    found = panel.field_config.overrides or []
    return {one.matcher.options: {part.id_val: part.value for part in one.properties} for one in found}


def table(axis: Axes, panel, results, asked) -> None:
    names, rows = results[0]
    told = {
        one.matcher.options: {p.id_val: p.value for p in one.properties}
        for one in panel.field_config.overrides
    }
    shown = rows[: panel.grid_pos.h * 2 - 4]
    cells = [
        [text_of(value, told[name].get("mappings")) for name, value in zip(names, row, strict=True)]
        for row in shown
    ]
    colours = [
        [
            colour_of(panel, value, told[name]["thresholds"])
            if "thresholds" in told[name] and value is not None
            else "white"
            for name, value in zip(names, row, strict=True)
        ]
        for row in shown
    ]
    made = axis.table(
        cellText=cells,
        cellColours=colours,
        colLabels=[told[name]["displayName"] for name in names],
        loc="upper left",
    )
    made.auto_set_font_size(False)
    made.set_fontsize(6)
    made.auto_set_column_width(range(len(names)))
    axis.text(1, 1.02, f"{len(rows)} rows", transform=axis.transAxes, ha="right", fontsize=7)
    axis.set_axis_off()


def ranking(axis: Axes, panel, results, asked) -> None:
    rows = results[0][1][::-1]
    axis.barh(
        [row[0] for row in rows], [row[1] for row in rows], color=[colour_of(panel, row[1]) for row in rows]
    )
    axis.set_xlim(panel.field_config.defaults.min_val, panel.field_config.defaults.max_val)
    axis.tick_params(axis="y", labelsize=7, pad=-5, direction="in")
    for label in axis.get_yticklabels():
        label.set_horizontalalignment("left")


def stacked(axis: Axes, panel, results, asked) -> None:
    names, rows = results[0]
    told = {
        one.matcher.options: {p.id_val: p.value for p in one.properties}
        for one in panel.field_config.overrides
    }
    bottom = [0.0] * len(rows)
    for at, name in enumerate(names[1:], 1):
        values = [float(row[at] or 0) for row in rows]
        axis.bar(
            [row[0] for row in rows],
            values,
            bottom=bottom,
            color=told[name]["color"]["fixedColor"],
            label=told[name]["displayName"],
        )
        bottom = [one + other for one, other in zip(bottom, values, strict=True)]
    axis.legend(fontsize=7, ncols=4)
    axis.tick_params(labelsize=7)
    axis.tick_params(axis="x", rotation=20)


def places(axis: Axes, panel, results, asked) -> None:
    names, rows = results[0]
    style = panel.options.layers[0].config["style"]["color"]["field"]
    for row in rows:
        one = dict(zip(names, row, strict=True))
        colour, size = colour_of(panel, one[style]), (6 + 8 * one[style] / 3) ** 2
        axis.scatter(one["longitude"], one["latitude"], color=colour, s=size, edgecolor="black")
    axis.set_aspect(2.0)
    axis.tick_params(labelsize=7)


DRAWN = {
    "stat": figure_,
    "timeseries": series,
    "table": table,
    "bargauge": ranking,
    "barchart": stacked,
    "geomap": places,
}

if __name__ == "__main__":
    main(sys.argv[1], datetime.fromisoformat(sys.argv[2]), Path(sys.argv[3]))

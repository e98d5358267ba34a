"""Vann og flom: rivers against their thresholds, rain, and the pressure and flow of the water network."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import panels, units
from dashboards.colours import (
    BLUE,
    ORANGE,
    RIVER_NAMES,
    RIVER_STEPS,
    VERMILION,
    steps,
    words,
)
from dashboards.page import NODE_OF_ROW, NODE_OF_SERIES, page
from dashboards.panels import Column, Told
from dashboards.query import curve, rows
from dashboards.variables import HOURS, NOW, RANGE, STEPS, node, owner, place

UID = "bypuls-water"
MEASURED = ("water_level", "discharge", "rainfall", "pipe_pressure", "water_volume")


def dashboard() -> Dashboard:
    """Return the dashboard of rivers, rain and the water network."""
    return page(
        UID,
        "Vann og flom",
        "Rivers against the thresholds registered for each gauge, rain, and the water network. A threshold "
        "of ours is no "
        "warning of NVE: those are on varsom.no.",
        [
            "Elver",
            panels.places(
                Told(
                    "Målere",
                    "all markers blue: below the thresholds.",
                    "a gauge above its yellow, orange or red threshold.",
                    "click a marker for its node; compare with varsom.no.",
                    "Ingen elvemålinger siste døgn",
                ),
                rows(
                    "latitude, longitude, level, place, value, rise_per_hour, node",
                    f"river_now({NOW})",
                    where="quantity = 'water_level' AND latitude IS NOT NULL",
                    order="level",  # what is drawn last lies on top
                ),
                "level",
                units.COUNT,
                RIVER_STEPS,
                RIVER_NAMES,
                headings={
                    "level": "Nivå",
                    "place": "Måler",
                    "value": "Vannstand",
                    "rise_per_hour": "Stiger",
                    "node": "Node",
                },
                measures={"value": (units.LEVEL, 2), "rise_per_hour": (units.METRES_PER_HOUR, 3)},
                link=NODE_OF_ROW,
                width=10,
                height=10,
            ),
            panels.listing(
                Told(
                    "Elvene nå",
                    "below yellow, falling or steady.",
                    "above a threshold, or rising fast: the lowest rivers of the town answer within hours "
                    "of rain.",
                    "look at the curves; tell the emergency staff before red.",
                    "Ingen elvemålinger siste døgn",
                ),
                f"river_now({NOW})",
                {
                    "place": Column("Måler", link=NODE_OF_ROW),
                    "quantity": Column("Størrelse", mappings=words(units.NAMES), width=100),
                    "level": Column(
                        "Nivå", units.COUNT, thresholds=RIVER_STEPS, mappings=RIVER_NAMES, width=110
                    ),
                    "value": Column("Verdi", units.COUNT, width=80),
                    "unit": Column("Enhet", mappings=words(units.SIGNS), width=65),
                    "rise_per_hour": Column("Stiger per time", units.COUNT, 3, width=110),
                    "yellow": Column("Gul", units.COUNT, width=75),
                    "orange": Column("Oransje", units.COUNT, width=75),
                    "red": Column("Rød", units.COUNT, width=75),
                    "time": Column("Målt", units.MOMENT, width=105),
                    "node": Column("Node", hidden=True),
                },
                order="quantity DESC, level DESC, place",
                width=14,
                height=10,
            ),
            panels.series(
                Told(
                    "Vannstand",
                    "below the dashed lines.",
                    "above a dashed line, the threshold of that gauge. Levels of different gauges can't be "
                    "compared.",
                    "choose one node to see its thresholds clearly.",
                    "Ingen vannstander i tidsrommet",
                ),
                curve(f"series('water_level', {STEPS})"),
                units.LEVEL,
                lines=curve(f"threshold_lines('water_level', {RANGE})"),
                decimals=2,
                link=NODE_OF_SERIES,
            ),
            panels.series(
                Told(
                    "Vannføring",
                    "below the dashed lines, which stand for return periods where they are registered.",
                    "above one: a flow that comes only once in so many years.",
                    "look at the rise. Glomma answers days after rain, the others within hours (log axis).",
                    "Ingen vannføringer i tidsrommet",
                ),
                curve(f"series('discharge', {STEPS})"),
                units.DISCHARGE,
                lines=curve(f"threshold_lines('discharge', {RANGE})"),
                decimals=0,
                logarithmic=True,
                link=NODE_OF_SERIES,
            ),
            panels.series(
                Told(
                    "Stigning, vannstand",
                    "between -0.02 and 0.02 m/h.",
                    "above 0.05 m/h for hours: a flood is on its way.",
                    "see how far the level is from its thresholds, and how much rain still falls.",
                    "Ingen vannstander i tidsrommet",
                ),
                curve(f"rise('water_level', {STEPS})"),
                units.METRES_PER_HOUR,
                thresholds=steps(BLUE, (0.05, ORANGE), (0.1, VERMILION)),
                shown=0.06,
                decimals=3,
                link=NODE_OF_SERIES,
            ),
            panels.series(
                Told(
                    "Nedbør",
                    "dry, or a few mm/h.",
                    "above 10 mm/h, or rain for days: streets and small rivers fill.",
                    "look at the rivers' rise; clear grates and culverts.",
                    "Ingen nedbørmålinger i tidsrommet; velg en værstasjon",
                ),
                curve(f"rate('rainfall', {HOURS})"),
                units.DOSE,
                shown=2,
                decimals=1,
                least=0,
                link=NODE_OF_SERIES,
            ),
            "Vannledningene",
            panels.series(
                Told(
                    "Ledningstrykk",
                    "steady, lower by some tenths of a bar in the morning and evening.",
                    "a sudden fall that stays: a burst main, or a pump that stopped.",
                    "look at the flow of the same zone below: pressure down and flow up is a burst.",
                    "Ingen trykkmålinger i tidsrommet",
                ),
                curve(f"series('pipe_pressure', {STEPS})"),
                units.PRESSURE,
                decimals=2,
                link=NODE_OF_SERIES,
            ),
            panels.series(
                Told(
                    "Tegn på rørbrudd",
                    "the pressure within 0.3 bar of what is usual at that hour, the flow (dotted) around 1.",
                    "pressure more than 0.5 bar below, and flow above 1.5 times: a burst main. "
                    "Flow alone: garden watering, a fire, a fair.",
                    "see the runbook pipe-burst.",
                    "Ingen trykkmålere med en vannmåler i nærheten, eller ingen målinger fra uken før",
                ),
                rows(
                    "time, node, metric, drop AS trykkfall, flow_factor AS forbruk",
                    f"burst({STEPS})",
                    order="time",
                ),
                units.PRESSURE,
                name="${__field.labels.metric} ${__field.name}",
                thresholds=steps(BLUE, (0.5, VERMILION)),
                right=("forbruk", units.TIMES, "forbruk mot vanlig"),
                decimals=2,
                link=NODE_OF_SERIES,
            ),
            panels.series(
                Told(
                    "Vannforbruk",
                    "two peaks a day, and little at night.",
                    "flow that doesn't fall at night, or doubles: a leak.",
                    "compare with the night flow of the weeks before.",
                    "Ingen vannmålere i dette utvalget",
                ),
                curve(f"rate('water_volume', {HOURS})"),
                units.FLOW,
                decimals=0,
                least=0,
                link=NODE_OF_SERIES,
            ),
            panels.series(
                Told(
                    "Nattforbruk (kl. 02–04)",
                    "the same every night, a small part of the day's flow.",
                    "a step up that stays: water leaks somewhere in that zone.",
                    "send out leak detection in the zone that stepped up.",
                    "Ingen hele netter med målinger i tidsrommet",
                ),
                curve(f"night_flow({RANGE})"),
                units.FLOW,
                decimals=1,
                least=0,
                link=NODE_OF_SERIES,
            ),
        ],
        [owner(), place(), node(MEASURED)],
        since="now-7d",
    )

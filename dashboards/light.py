"""Gatelys, energi og avfall."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import panels, units
from dashboards.colours import (
    BLUE,
    CLEAR,
    GREY,
    ORANGE,
    VERMILION,
    YELLOW,
    names,
    steps,
)
from dashboards.page import NODE_OF_ROW, NODE_OF_SERIES, page
from dashboards.panels import Column, Told
from dashboards.query import curve
from dashboards.variables import HOURS, NOW, QUARTERS, RANGE, STEPS, node, owner, place

UID = "bypuls-light"
MEASURED = ("lamp_state", "power", "energy", "fill_level")
LIT = names(("Av", "På"), (GREY, YELLOW))
WRONG = names(("Som de andre", "Avviker"), (CLEAR, ORANGE))


def dashboard() -> Dashboard:
    """Return the dashboard of street lights, energy and waste."""
    return page(
        UID,
        "Gatelys, energi og avfall",
        "Which groups of lamps are lit though they shouldn't, what they use, and which bins are to be "
        "emptied.",
        [
            "Gatelys og energi",
            panels.listing(
                Told(
                    "Lampegrupper nå",
                    "all like the others: lit in the dark, out by day.",
                    "a group that differs from most: a broken photocell or relay, or a fuse.",
                    "send its owner a job with the group's name.",
                    "Ingen gatelys i dette utvalget",
                ),
                f"lamps({NOW})",
                {
                    "place": Column("Gruppe", link=NODE_OF_ROW),
                    "lit": Column(
                        "Lys",
                        units.COUNT,
                        mappings=LIT,
                        thresholds=steps(GREY, (1, YELLOW)),
                        width=90,
                        sql="lit::int",
                    ),
                    "wrong": Column(
                        "Tilstand",
                        units.COUNT,
                        mappings=WRONG,
                        thresholds=steps(CLEAR, (1, ORANGE)),
                        width=130,
                        sql="coalesce(wrong, false)::int",
                    ),
                    "power": Column("Effekt", units.POWER, 0, width=100),
                    "time": Column("Målt", units.MOMENT, width=120),
                    "node": Column("Node", width=90),
                },
                order="wrong DESC, place",
                width=12,
                height=10,
            ),
            panels.series(
                Told(
                    "Andel av tiden lyset er på",
                    "100 % at night, 0 by day, all together.",
                    "one group that stays on by day or off at night.",
                    "see the list beside.",
                    "Ingen gatelys i dette utvalget",
                ),
                curve(f"series('lamp_state', {QUARTERS})"),
                units.SHARE,
                least=0,
                most=1,
                link=NODE_OF_SERIES,
                height=10,
            ),
            panels.series(
                Told(
                    "Effekt",
                    "steady while lit, dimmed late at night.",
                    "a step down while lit: lamps are broken. Power by day: see the list above.",
                    "compare with the number of lamps in the group.",
                    "Ingen effektmålinger i tidsrommet",
                ),
                curve(f"series('power', {STEPS})"),
                units.POWER,
                decimals=0,
                least=0,
                link=NODE_OF_SERIES,
            ),
            panels.series(
                Told(
                    "Energi per døgn",
                    "more in winter than in summer, nearly the same from one day to the next.",
                    "a day much above its neighbours: lights that stayed on.",
                    "find the group, and when, in Effekt.",
                    "Ingen energimålere i dette utvalget",
                ),
                curve(f"energy_days('energy', {RANGE})"),
                units.WORK,
                bars=True,
                stacked=True,
                decimals=0,
                least=0,
                link=NODE_OF_SERIES,
            ),
            "Avfall",
            panels.listing(
                Told(
                    "Beholdere",
                    "below 75 %, with days left.",
                    "above 90 %, or less than a day left.",
                    "put it on today's round; a level that never falls is a sensor that sees dirt.",
                    "Ingen avfallssensorer i dette utvalget",
                ),
                f"waste({NOW})",
                {
                    "place": Column("Beholder", link=NODE_OF_ROW),
                    "fill": Column(
                        "Fylt",
                        units.PERCENT,
                        0,
                        steps(CLEAR, (75, YELLOW), (90, ORANGE), (97, VERMILION)),
                        width=90,
                    ),
                    "days_to_full": Column("Full om", units.DAYS, 1, width=110),
                    "rise_per_day": Column("Fylles", units.PER_DAY, 0, width=110),
                    "emptied_at": Column("Tømt", units.MOMENT, width=120),
                    "time": Column("Målt", units.MOMENT, width=120),
                    "node": Column("Node", width=90),
                },
                order="days_to_full NULLS LAST, fill DESC",
                width=12,
                height=10,
            ),
            panels.series(
                Told(
                    "Fyllingsgrad",
                    "a saw: filling for days, then emptied.",
                    "flat at the top: not emptied; flat anywhere else: a stuck sensor.",
                    "see the list beside.",
                    "Ingen avfallssensorer i dette utvalget",
                ),
                curve(f"series('fill_level', {HOURS})"),
                units.PERCENT,
                thresholds=steps(BLUE, (90, ORANGE)),
                decimals=0,
                least=0,
                most=100,
                link=NODE_OF_SERIES,
                height=10,
            ),
        ],
        [owner(), place(), node(MEASURED)],
        since="now-7d",
        refresh="5m",
    )

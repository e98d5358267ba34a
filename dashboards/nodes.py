"""Noder: which nodes are silent, weak, late or wrong."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import panels, units
from dashboards.colours import (
    BLUE,
    CLEAR,
    ORANGE,
    VERMILION,
    YELLOW,
    steps,
    words,
)
from dashboards.page import link, page
from dashboards.panels import Column, Told
from dashboards.query import curve, rows
from dashboards.variables import NOW, RANGE, STEPS, node, owner, place, quantity

UID = "bypuls-nodes"
STATUS = f"node_status({NOW})"
NONE = "Ingen noder i registeret for dette utvalget"
COUNTED = {
    "nodes": "count(*)",
    "silent": "count(*) FILTER (WHERE dashboard.silent_for(silent_seconds, interval_seconds) > 0)",
    "covered": "count(*) FILTER (WHERE coverage_today < 0.85)",
    "clocks": "count(*) FILTER (WHERE abs(clock_offset_seconds) > greatest(60, 2 * interval_seconds))",
    "packs": "count(*) FILTER (WHERE missing_packs + dropped_packs > 0)",
    "flagged": "count(*) FILTER (WHERE flagged_share > 0.05)",
}


def dashboard() -> Dashboard:
    """Return the dashboard of the nodes themselves."""
    return page(
        UID,
        "Noder",
        "The nodes themselves: last seen, battery, signal, coverage, lost packs, clocks, and what the "
        "quality checks flag.",
        [
            panels.figures(
                Told(
                    "Nodene i tall",
                    "all but the first are 0.",
                    "silent for 3 intervals (15 min where the registry has none) and ten minutes more; too "
                    "little coverage today to compare with legal limits; a newest reading more than a minute "
                    "off from its arrival; packs missing or dropped; above 5 % of the last 3 hours flagged.",
                    "sort the list below by that column.",
                    NONE,
                ),
                rows(", ".join(f"{what} AS {name}" for name, what in COUNTED.items()), STATUS),
                units.COUNT,
                {
                    "nodes": ("Noder", steps(BLUE)),
                    "silent": ("Tier", steps(BLUE, (1, YELLOW), (5, ORANGE), (20, VERMILION))),
                    "covered": ("Dekning under 85 % i dag", steps(BLUE, (1, YELLOW), (5, ORANGE))),
                    "clocks": ("Feil klokke", steps(BLUE, (1, YELLOW), (5, ORANGE))),
                    "packs": ("Mistede pakker", steps(BLUE, (1, YELLOW), (5, ORANGE))),
                    "flagged": ("Mye flagget", steps(BLUE, (1, YELLOW), (5, ORANGE))),
                },
            ),
            panels.listing(
                Told(
                    "Nodene",
                    "silent for less than one interval, coverage near 100 %, battery above 3.2 V, signal "
                    "above -110 dBm.",
                    "coloured cells. An interval is taken for 15 min, and coverage isn't known, where the "
                    "registry has none: nodes enrolled on sight.",
                    "call the owner; click a node to see its readings below; register the interval.",
                    NONE,
                ),
                STATUS,
                {
                    "node": Column("Node", link=link(UID, "node=${__data.fields.node}"), width=120),
                    "place": Column("Sted"),
                    "owner": Column("Eier", width=240),
                    "state": Column("Tilstand", mappings=words(units.STATES), width=105),
                    "last_seen": Column("Sist sett", units.MOMENT, width=110),
                    "silent_intervals": Column(
                        "Stille (intervaller)",
                        units.COUNT,
                        1,
                        steps(CLEAR, (3, YELLOW), (10, ORANGE), (100, VERMILION)),
                        width=110,
                    ),
                    "coverage_today": Column(
                        "Dekning i dag",
                        units.SHARE,
                        0,
                        steps(VERMILION, (0.5, ORANGE), (0.85, CLEAR)),
                        width=90,
                    ),
                    "battery": Column(
                        "Batteri",
                        units.VOLTAGE,
                        2,
                        steps(VERMILION, (3.0, ORANGE), (3.2, CLEAR)),
                        width=90,
                    ),
                    "signal": Column(
                        "Signal", units.SIGNAL, 0, steps(VERMILION, (-120, ORANGE), (-110, CLEAR)), width=90
                    ),
                    "missing_packs": Column("Mangler", units.COUNT, 0, steps(CLEAR, (1, ORANGE)), width=80),
                    "dropped_packs": Column("Kastet", units.COUNT, 0, steps(CLEAR, (1, ORANGE)), width=80),
                    "clock_offset_seconds": Column("Klokke", units.FRACTIONS, 0, width=95),
                    "flagged_share": Column(
                        "Flagget", units.SHARE, 1, steps(CLEAR, (0.05, ORANGE)), width=85
                    ),
                    "excluded_share": Column(
                        "Utelatt", units.SHARE, 1, steps(CLEAR, (0.01, ORANGE)), width=85
                    ),
                },
                order="silent_intervals DESC NULLS LAST, node",
                height=14,
            ),
            panels.series(
                Told(
                    "Noder etter dekning per døgn",
                    "all in the upper part: 85 % and more.",
                    "nodes below 85 %: their days can't be compared with a legal limit.",
                    "many at once is the platform or the network, one is the node: see the list above.",
                    "Ingen noder med kjent intervall har målt i tidsrommet",
                ),
                rows(
                    'time, count(*) FILTER (WHERE coverage < 0.5)::float8 AS "under 50 %", '
                    'count(*) FILTER (WHERE coverage >= 0.5 AND coverage < 0.85)::float8 AS "50–85 %", '
                    'count(*) FILTER (WHERE coverage >= 0.85)::float8 AS "85 % og mer"',
                    f"coverage({RANGE})",
                    where="coverage IS NOT NULL",
                    group="time",
                    order="time",
                ),
                units.COUNT,
                name="${__field.name}",
                colours={"under 50 %": VERMILION, "50–85 %": ORANGE, "85 % og mer": BLUE},
                bars=True,
                stacked=True,
                decimals=0,
                least=0,
                width=16,
            ),
            panels.ranking(
                Told(
                    "Flagget siste 24 timer",
                    "well below 1 % of the readings.",
                    "much stuck or out_of_range: broken sensors; much gap: a bad network; much clock: nodes "
                    "with a wrong time.",
                    "find the nodes in the list above, by their flagged share.",
                    "Ingen målinger siste 24 timer",
                ),
                rows("flag, share AS value", f"flag_counts({NOW})", order="share DESC, flag"),
                units.SHARE,
                names=("flag", words(units.FLAGS)),
                thresholds=steps(BLUE, (0.01, YELLOW), (0.05, ORANGE)),
                decimals=2,
                least=0,
            ),
            "Målinger av valgt størrelse: ${quantity:text}",
            panels.series(
                Told(
                    "Målinger",
                    "like the days before, and like the neighbours.",
                    "flat lines, jumps, gaps.",
                    "choose a node and a quantity above; zoom in for single readings.",
                    "De valgte nodene måler ikke denne størrelsen; velg en annen",
                ),
                curve(f"series('${{quantity}}', {STEPS})"),
                units.COUNT,
                width=24,
                height=10,
            ),
        ],
        [owner(), place(), node(), quantity("battery_voltage")],
        since="now-7d",
    )

"""Byen i dag: whether anything is unusual, where, and since when."""

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards import panels, units
from dashboards.alert_rule import RUNBOOKS
from dashboards.colours import (
    AIR_STEPS,
    BLUE,
    ORANGE,
    RIVER_NAMES,
    RIVER_STEPS,
    SEVERITY_NAMES,
    SEVERITY_STEPS,
    VERMILION,
    YELLOW,
    air_names,
    steps,
    words,
)
from dashboards.nodes import COUNTED
from dashboards.page import NODE_OF_ROW, link, page
from dashboards.panels import Column, Told
from dashboards.query import rows
from dashboards.variables import NOW, node, owner, place

UID = "bypuls-city"

NO_ANSWER = "Ikke noe svar fra databasen"
RUNBOOK_OF_ROW = f"/{RUNBOOKS}#${{__data.fields.kind}}"


def dashboard() -> Dashboard:
    """Return the overview that operators open in the morning."""
    unusual = _unusual()
    return page(
        UID,
        "Byen i dag",
        "Is anything unusual in the town, where, and since when? Each part links to the details.",
        [
            panels.summary(
                Told(
                    "Byen nå",
                    "nothing unusual.",
                    "the worst of what is listed below: look, act or urgent.",
                    "read the list below from the top; each line links to its node and to what to do.",
                    NO_ANSWER,
                ),
                unusual,
                "severity",
                units.COUNT,
                SEVERITY_STEPS,
                SEVERITY_NAMES,
                width=5,
            ),
            panels.figure(
                Told(
                    "Verste luft siste time",
                    "low; on cold, still winter mornings moderate beside roads.",
                    "high or very high: people with asthma, heart or lung disease notice it.",
                    "open Luft, see which station and component; inform the municipality's doctor when it "
                    "lasts.",
                    "Ingen stasjon har en time med nok målinger de siste 3 timene",
                ),
                rows("max(class) AS value", f"air_now({NOW})"),
                units.COUNT,
                thresholds=AIR_STEPS,
                mappings=air_names(),
                link=link("bypuls-air"),
                width=5,
            ),
            panels.figure(
                Told(
                    "Elvene nå",
                    "all gauges below their thresholds.",
                    "a gauge is above one of the thresholds registered for it. That is no warning of NVE: "
                    "see varsom.no.",
                    "open Vann og flom; compare with NVE's warnings and tell the emergency staff.",
                    "Ingen elvemålinger siste døgn",
                ),
                rows("max(level) AS value", f"river_now({NOW})"),
                units.COUNT,
                thresholds=RIVER_STEPS,
                mappings=RIVER_NAMES,
                link=link("bypuls-water"),
                width=5,
            ),
            panels.figure(
                Told(
                    "Noder som tier",
                    "none, or a few known ones.",
                    "nodes have sent nothing for 3 of their intervals (15 min where the registry has none) "
                    "and ten minutes more; many at once is the network, the broker or the power.",
                    "open Noder and sort by silence; open Plattform when many fell silent together.",
                    "Ingen noder i registeret for dette utvalget",
                ),
                rows(f"{COUNTED['silent']} AS value", f"node_status({NOW})"),
                units.COUNT,
                thresholds=steps(BLUE, (1, YELLOW), (5, ORANGE), (20, VERMILION)),
                link=link("bypuls-nodes"),
                width=5,
            ),
            panels.figure(
                Told(
                    "Siden siste måling",
                    "some seconds, or as long as the nodes take from one report to the next.",
                    "a quarter of an hour: nothing at all arrives any more. The list below tells it after "
                    "five minutes more than usual.",
                    "open Plattform: is ingest running, does the broker answer? Start what has stopped.",
                    "Det er ikke kommet noen måling ennå",
                ),
                rows("seconds AS value", "lag_now($__timeTo())"),
                units.SECONDS,
                thresholds=steps(BLUE, (900, YELLOW), (1800, ORANGE), (3600, VERMILION)),
                link=link("bypuls-platform"),
                width=4,
            ),
            unusual,
            panels.places(
                Told(
                    "Kart",
                    "all markers blue.",
                    "yellow, orange and red markers have something unusual.",
                    "hover over a marker for what it is; click it for its node.",
                    "Ingen noder med kjent plassering i dette utvalget",
                ),
                rows(
                    "latitude, longitude, severity, what, place, value, node",
                    f"map({NOW})",
                    where="latitude IS NOT NULL",
                    order="severity",  # what is drawn last lies on top
                ),
                "severity",
                units.COUNT,
                SEVERITY_STEPS,
                SEVERITY_NAMES,
                headings={
                    "severity": "Alvor",
                    "what": "Hva",
                    "place": "Sted",
                    "value": "Verdi",
                    "node": "Node",
                },
                link=NODE_OF_ROW,
                width=9,
            ),
            panels.listing(
                Told(
                    "Luft siste hele time",
                    "class low at all stations.",
                    "class high or very high; a station's class is that of its worst component.",
                    "click a station for its hours and days in Luft.",
                    "Ingen stasjon har en time med nok målinger de siste 3 timene",
                ),
                f"air_now({NOW})",
                {
                    "place": Column("Stasjon", link=link("bypuls-air", "node=${__data.fields.node}")),
                    "class": Column(
                        "Klasse", units.COUNT, thresholds=AIR_STEPS, mappings=air_names(), width=110
                    ),
                    "index": Column("Indeks", units.INDEX, 1, width=80),
                    "quantity": Column("Verst", mappings=words(units.COMPONENTS), width=80),
                    "value": Column("Verdi", units.CONCENTRATION, 0, width=110),
                    "time": Column("Time fra", units.MOMENT, width=110),
                    "node": Column("Node", hidden=True),
                },
                where="worst",
                order="index DESC",
                width=12,
            ),
            panels.listing(
                Told(
                    "Elver mot terskler",
                    "below yellow, and the level falling or steady.",
                    "above a threshold, or rising by more than some centimetres an hour.",
                    "click a gauge for its curve in Vann og flom. The thresholds are ours, not NVE's "
                    "warnings.",
                    "Ingen elvemålinger siste døgn",
                ),
                f"river_now({NOW})",
                {
                    "place": Column("Måler", link=link("bypuls-water", "node=${__data.fields.node}")),
                    "level": Column(
                        "Nivå", units.COUNT, thresholds=RIVER_STEPS, mappings=RIVER_NAMES, width=120
                    ),
                    "value": Column("Vannstand", units.LEVEL, 2, width=100),
                    "yellow": Column("Gul", units.LEVEL, 2, width=80),
                    "orange": Column("Oransje", units.LEVEL, 2, width=80),
                    "red": Column("Rød", units.LEVEL, 2, width=80),
                    "rise_per_hour": Column("Stiger", units.METRES_PER_HOUR, 3, width=110),
                    "time": Column("Målt", units.MOMENT, width=105),
                    "node": Column("Node", hidden=True),
                },
                where="quantity = 'water_level'",
                order="level DESC, rise_per_hour DESC",
                width=12,
            ),
            panels.firing(
                Told(
                    "Aktive alarmer",
                    "none.",
                    "an alert rule has been above its limit for its duration; each names a runbook.",
                    "open the alert, follow its runbook, silence it while somebody works on it.",
                    "Ingen aktive alarmer",
                ),
                width=24,
            ),
        ],
        [owner(), place(), node()],
    )


def _unusual() -> Panel:
    return panels.listing(
        Told(
            "Uvanlig nå",
            "one line that says so.",
            "every line is one thing that is unusual, the worst first, with when it began. An alarm is sent "
            "when it lasts; none tells of the air quality class alone.",
            "click what it is for its runbook, the place for its node.",
            NO_ANSWER,
        ),
        f"unusual({NOW})",
        {
            "severity": Column(
                "Alvor", units.COUNT, thresholds=SEVERITY_STEPS, mappings=SEVERITY_NAMES, width=130
            ),
            "what": Column("Hva", link=RUNBOOK_OF_ROW),
            "place": Column("Sted", link=NODE_OF_ROW, width=200),
            "since": Column("Siden", units.MOMENT, width=105),
            "told": Column("Verdi", width=110),
            "node": Column("Node", hidden=True),
            "kind": Column("Slag", hidden=True),
        },
        order="severity DESC, since",
        width=15,
        height=14,
    )

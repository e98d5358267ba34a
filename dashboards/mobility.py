"""Trafikk og messe: cars, bicycles, people, parking and noise."""

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards import panels, units
from dashboards.colours import (
    BLUE,
    ORANGE,
    VERMILION,
    YELLOW,
    steps,
)
from dashboards.page import NODE_OF_SERIES, page
from dashboards.panels import Told
from dashboards.query import curve, rows
from dashboards.variables import HOURS, NOW, QUARTERS, RANGE, STEPS, node, owner, place

UID = "bypuls-mobility"
MEASURED = ("vehicle_count", "bicycle_count", "people_count", "occupancy", "sound_level")


def _passing(told: Told, sql: str, width: int = 8) -> Panel:
    return panels.series(
        told, sql, units.PER_HOUR, decimals=0, least=0, link=NODE_OF_SERIES, width=width, height=9
    )


def dashboard() -> Dashboard:
    """Return the dashboard of traffic, visitors, parking and noise."""
    return page(
        UID,
        "Trafikk og messe",
        "How many cars, bicycles and people pass, how full the car parks and the fair are, and how loud it "
        "is.",
        [
            _passing(
                Told(
                    "Kjøretøy",
                    "two peaks on working days, about 8 and 16; little at night.",
                    "a road that falls to nothing by day: closed, or a broken counter. Twice the usual: a "
                    "diversion.",
                    "compare both directions and the neighbouring roads.",
                    "Ingen trafikktellere i dette utvalget",
                ),
                curve(f"rate('vehicle_count', {HOURS})", words=units.DIRECTIONS),
                width=24,  # two for each road
            ),
            _passing(
                Told(
                    "Sykler",
                    "commuters' peaks in spring to autumn, few in snow and rain.",
                    "none at all on a dry working day.",
                    "check the counter's battery in Noder.",
                    "Ingen sykkeltellere i dette utvalget",
                ),
                curve(f"rate('bicycle_count', {HOURS})", words=units.DIRECTIONS),
            ),
            _passing(
                Told(
                    "Personer",
                    "the rhythm of trains and shops.",
                    "far more than on other days at the station: a fair or a match.",
                    "tell the railway and the bus company when the platforms fill.",
                    "Ingen persontellere i dette utvalget",
                ),
                curve(
                    f"rate('people_count', {HOURS})",
                    where="channel NOT LIKE 'entrance/%' AND channel NOT LIKE 'exit/%'",
                ),
            ),
            panels.series(
                Told(
                    "Besøkende i messehallene",
                    "none when there is no fair; otherwise rising until about 13 and falling until closing "
                    "time.",
                    "more people than a hall may hold; or a figure that doesn't return to 0 at night: a "
                    "door counter misses people.",
                    "call Nova Spektrum's operations centre.",
                    "Ingen dørtellere i dette utvalget",
                ),
                rows("time, metric AS halls, value", f"inside({STEPS})", order="time"),
                units.COUNT,
                name="${__field.labels.halls}",
                decimals=0,
                width=8,
                height=9,
            ),
            "Parkering",
            panels.ranking(
                Told(
                    "Parkering nå",
                    "free bays everywhere.",
                    "above 90 %: drivers begin to circle.",
                    "point the signs to the next car park.",
                    "Ingen parkeringssensorer i dette utvalget",
                ),
                rows("place, share AS value", f"parking_now({NOW})", order="share DESC, place"),
                units.SHARE,
                thresholds=steps(BLUE, (0.75, YELLOW), (0.9, ORANGE), (0.98, VERMILION)),
                decimals=0,
                least=0,
                most=1,
            ),
            panels.series(
                Told(
                    "Belegg",
                    "commuters' car parks full from 8 to 16 on working days.",
                    "full at an unusual time: an event; empty on a working day: the sensors are silent.",
                    "compare with Personer and the fair.",
                    "Ingen parkeringssensorer i dette utvalget",
                ),
                curve(f"parking({QUARTERS})", "share"),
                units.SHARE,
                thresholds=steps(BLUE, (0.9, ORANGE)),
                least=0,
                most=1,
                link=NODE_OF_SERIES,
                width=16,
            ),
            "Støy",
            panels.series(
                Told(
                    "Lydnivå",
                    "50 to 65 dB by day, 10 dB less at night. Means are energy means.",
                    "above 75 dB for long.",
                    "look whether traffic or an event is the cause; measure on the spot.",
                    "Ingen støymålere i dette utvalget",
                ),
                curve(f"series('sound_level', {STEPS})"),
                units.SOUND,
                decimals=0,
                link=NODE_OF_SERIES,
            ),
            panels.series(
                Told(
                    "Lden per døgn",
                    "below 55 dB outside homes.",
                    "above 55 dB the yellow noise zone begins (T-1442), above 65 dB the red one. Evenings "
                    "count 5 and nights 10 dB more.",
                    "one loud day means little: the limits are means of a year.",
                    "Ingen hele døgn med støymålinger i tidsrommet",
                ),
                curve(f"lden({RANGE})", "lden", where="lden IS NOT NULL"),
                units.SOUND,
                thresholds=steps(BLUE, (55, YELLOW), (65, VERMILION)),
                decimals=0,
                link=NODE_OF_SERIES,
            ),
        ],
        [owner(), place(), node(MEASURED)],
        since="now-7d",
    )

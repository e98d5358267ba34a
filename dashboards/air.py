"""Luft: classes and index per station, hours and days against the legal limits, wind."""

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from bypuls.air_quality import BOUNDS, CLASSES
from dashboards import panels, units
from dashboards.colours import (
    AIR,
    AIR_STEPS,
    BLUE,
    CLEAR,
    GREEN,
    ORANGE,
    SKY,
    VERMILION,
    YELLOW,
    air_names,
    air_steps,
    index_steps,
    steps,
    words,
)
from dashboards.page import NODE_OF_ROW, NODE_OF_SERIES, page
from dashboards.panels import Column, Told
from dashboards.query import curve, rows
from dashboards.variables import HOURS, NOW, RANGE, node, owner, place

UID = "bypuls-air"


def dashboard() -> Dashboard:
    """Return the dashboard of air quality."""
    return page(
        UID,
        "Luft",
        "Air quality: Norway's four classes by hour, the limits of forurensningsforskriften chapter 7, and "
        "the wind.",
        [
            panels.listing(
                Told(
                    "Stasjonene siste hele time",
                    "class low; the index below 2.",
                    "class high or very high in any component.",
                    "look at the curves below whether it lasts; inform when it does.",
                    "Ingen stasjon har en time med nok målinger de siste 3 timene",
                ),
                f"air_now({NOW})",
                {
                    "place": Column("Stasjon", link=NODE_OF_ROW),
                    "quantity": Column("Komponent", mappings=words(units.COMPONENTS), width=110),
                    "value": Column("Timemiddel", units.CONCENTRATION, 1, width=130),
                    "class": Column(
                        "Klasse", units.COUNT, thresholds=AIR_STEPS, mappings=air_names(), width=110
                    ),
                    "index": Column("Indeks", units.INDEX, 2, width=90),
                    "coverage": Column("Dekning", units.SHARE, 0, width=90),
                    "time": Column("Time fra", units.MOMENT, width=120),
                    "node": Column("Node", width=90),
                },
                order="index DESC",
                width=14,
                height=10,
            ),
            panels.columns(
                Told(
                    "Timer i hver klasse",
                    "nearly all hours low.",
                    "a station with many hours moderate or worse.",
                    "compare with the wind and with the day means below.",
                    "Ingen timer med nok målinger i tidsrommet",
                ),
                rows(
                    ", ".join(
                        [
                            "place",
                            *(
                                f"coalesce(sum(hours) FILTER (WHERE class = {one.number}), 0)::float8 "
                                f"AS class_{one.number}"
                                for one in CLASSES
                            ),
                        ]
                    ),
                    f"air_classes({RANGE})",
                    group="place",
                    order="place",
                ),
                units.HOURS,
                {f"class_{one.number}": (one.nb, AIR[one.number]) for one in CLASSES},
                width=10,
                height=10,
            ),
            panels.series(
                Told(
                    "Luftkvalitetsindeks",
                    "between 1 and 2: class low.",
                    "above 3: class high; the whole part of the index is the class.",
                    "see below which component it is.",
                    "Ingen timer med nok målinger i tidsrommet",
                ),
                curve(f"air_index({RANGE})", "index"),
                units.INDEX,
                thresholds=index_steps(),
                decimals=1,
                least=1,
                most=5,
                link=NODE_OF_SERIES,
                width=24,
            ),
            "Timemidler mot klassegrensene",
            _hours("no2", "NO₂", "exhaust of cars"),
            _hours("pm10", "PM10", "road dust, above all on dry days in spring, and fireworks"),
            _hours("pm2_5", "PM2,5", "wood burning on cold evenings"),
            _hours("o3", "O₃", "sunny days in spring, far from roads"),
            "Mot grenseverdiene",
            panels.series(
                Told(
                    "PM10, døgnmiddel",
                    "below 50 µg/m³.",
                    "above: the day counts as an exceedance, if 85 % of it was measured. 25 days a year are "
                    "allowed.",
                    "see the table on the right for how many are left; think of dust binding and sweeping.",
                    "Ingen hele døgn med minst 85 % dekning i tidsrommet",
                ),
                curve(f"series('pm10', {RANGE}, '1 day')", where="coverage >= 0.85"),
                units.CONCENTRATION,
                thresholds=steps(BLUE, (50, VERMILION)),
                shown=55,
                decimals=0,
                least=0,
                link=NODE_OF_SERIES,
                width=10,
            ),
            panels.listing(
                Told(
                    "Overskridelser i år",
                    "exceeded less often than allowed.",
                    "few or none left: the limit of the year is about to be broken.",
                    "report it as chapter 7 asks; hours and days of too little coverage are not assessed.",
                    "Ingen målinger i år av NO₂ eller PM10",
                ),
                f"exceedances({NOW})",
                {
                    "place": Column("Stasjon", link=NODE_OF_ROW),
                    "quantity": Column("Komponent", mappings=words(units.COMPONENTS), width=100),
                    "period": Column("Periode", mappings=words(units.PERIODS), width=75),
                    "limit_value": Column("Grense", units.CONCENTRATION, 0, width=100),
                    "mean_so_far": Column("Middel hittil", units.CONCENTRATION, 1, width=110),
                    "exceeded": Column("Ganger over", units.COUNT, 0, width=100, sql=_counted("exceeded")),
                    "allowance_left": Column(
                        "Igjen i år",
                        units.COUNT,
                        0,
                        steps(VERMILION, (1, ORANGE), (5, YELLOW), (10, CLEAR)),
                        width=90,
                        sql=_counted("allowance_left"),
                    ),
                    "last_exceeded": Column("Sist", units.MOMENT, width=110),
                    "not_assessed": Column(
                        "Ikke vurdert", units.COUNT, 0, width=100, sql=_counted("not_assessed")
                    ),
                    "node": Column("Node", hidden=True),
                },
                order="allowance_left, exceeded DESC",
                width=14,
            ),
            "Vind",
            panels.columns(
                Told(
                    "Vindrose",
                    "most of the time from a few directions, those along the valley.",
                    "long calm spells in winter: an inversion, in which dirt stays near the ground.",
                    "read it with the hourly means: the wind tells where the air comes from.",
                    "Ingen vindmålinger i tidsrommet; velg en node som måler vind",
                ),
                rows(
                    "label, calm_to_2, from_2_to_5, from_5_to_10, above_10",
                    f"wind_rose({RANGE})",
                    order="sector",
                ),
                units.SHARE,
                {
                    "calm_to_2": ("0–2 m/s", SKY),
                    "from_2_to_5": ("2–5 m/s", BLUE),
                    "from_5_to_10": ("5–10 m/s", GREEN),
                    "above_10": ("over 10 m/s", ORANGE),
                },
                decimals=1,
                width=12,
            ),
            panels.series(
                Told(
                    "Vindhastighet",
                    "2 to 5 m/s.",
                    "below 1 m/s for hours: bad air may build up. Above 14 m/s: near gale (stiv kuling).",
                    "compare with the classes above.",
                    "Ingen vindmålinger i tidsrommet; velg en node som måler vind",
                ),
                curve(f"series('wind_speed', {RANGE}, '$__interval')"),
                "velocityms",
                decimals=1,
                least=0,
                link=NODE_OF_SERIES,
            ),
        ],
        [owner(), place(), node(("no2", "pm10", "pm2_5", "o3", "wind_speed"))],
        since="now-7d",
        refresh="5m",
    )


def _counted(column: str) -> str:
    """Return what counts periods within a year: nothing of the limit of a whole year, which isn't over."""
    return f"CASE WHEN period <> 'year' THEN {column} END"


def _hours(quantity: str, name: str, source: str) -> Panel:
    return panels.series(
        Told(
            f"{name}, timemiddel",
            "below the lowest line: class low.",
            f"above a line begins the next class. Usual source: {source}.",
            "look at the other stations: one alone points to a local source or a broken sensor.",
            f"Ingen målinger av {name} i tidsrommet",
        ),
        curve(f"series('{quantity}', {HOURS})"),
        units.CONCENTRATION,
        thresholds=air_steps(quantity),
        shown=1.1 * BOUNDS[quantity][0],
        decimals=0,
        link=NODE_OF_SERIES,
    )

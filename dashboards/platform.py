"""Plattform: whether what arrives is stored, how fast, and what is left over."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import panels, units
from dashboards.colours import BLUE, ORANGE, VERMILION, YELLOW, steps, words
from dashboards.page import page
from dashboards.panels import Column, Told
from dashboards.query import rows, worded

UID = "bypuls-platform"
RANGE = "$__timeFrom(), $__timeTo()"
STEPS = f"{RANGE}, '$__interval'"
NO_INTAKE = "Mottaket har ikke skrevet noe i tidsrommet: går bypuls ingest?"


def dashboard() -> Dashboard:
    """Return the dashboard of the platform itself."""
    return page(
        UID,
        "Plattform",
        "The platform itself: readings stored, how late, what is in quarantine, what the rollups still have "
        "to do, and size.",
        [
            panels.figure(
                Told(
                    "Siden siste pakke",
                    "some seconds, or as long as the nodes take from one report to the next.",
                    "a quarter of an hour: nothing arrives.",
                    "see the runbook ingest-lag.",
                    "Ingen pakke er mottatt ennå",
                ),
                rows("seconds AS value", "lag_now($__timeTo())"),
                units.SECONDS,
                thresholds=steps(BLUE, (900, YELLOW), (1800, ORANGE), (3600, VERMILION)),
                width=6,
            ),
            panels.figure(
                Told(
                    "I karantene i tidsrommet",
                    "0, or a few of a node that is being set up.",
                    "many: nodes send what can't be stored.",
                    "see by which reason below, and the runbook quarantine-rising.",
                    "Ingen svar fra databasen",
                ),
                rows("coalesce(sum(kinds), 0)::float8 AS value", f"quarantine_reasons({RANGE})"),
                units.COUNT,
                thresholds=steps(BLUE, (1, YELLOW), (100, ORANGE)),
                decimals=0,
                width=6,
            ),
            panels.figure(
                Told(
                    "Timer som venter på oppsummering",
                    "0 or few; more for a while after late readings.",
                    "more and more: bypuls maintain doesn't run or doesn't keep up.",
                    "see the runbook rollup-backlog.",
                    "Ingenting venter",
                ),
                rows("hours_waiting AS value", "backlog($__timeTo())"),
                units.COUNT,
                decimals=0,
                width=6,
            ),
            panels.figure(
                Told(
                    "Eldste som venter",
                    "less than some minutes, or nothing; late readings begin to wait when they come.",
                    "above half an hour: bypuls maintain has stopped.",
                    "see the runbook rollup-backlog.",
                    "Ingenting venter",
                ),
                rows("age_seconds AS value", "backlog($__timeTo())"),
                units.SECONDS,
                thresholds=steps(BLUE, (600, YELLOW), (1800, ORANGE), (7200, VERMILION)),
                width=6,
            ),
            panels.series(
                Told(
                    "Lagrede målinger",
                    "steady: the sum of what all nodes send.",
                    "a fall to 0: ingest, broker or database; a peak: nodes send their backlog after an "
                    "outage.",
                    "see Forsinkelse beside: a backlog has a long one.",
                    NO_INTAKE,
                ),
                rows('time, readings_per_second AS "målinger"', f"intake({STEPS})", order="time"),
                units.PER_SECOND,
                name="${__field.name}",
                decimals=1,
                least=0,
            ),
            panels.series(
                Told(
                    "Forsinkelse",
                    "as long as the nodes gather readings in a pack.",
                    "longer and longer: ingest doesn't keep up, or nodes catch up after an outage.",
                    "compare with Lagringstid: a slow database shows there too.",
                    NO_INTAKE,
                ),
                rows(
                    'time, lag_seconds AS "middel", lag_seconds_max AS "størst"',
                    f"intake({STEPS})",
                    where="lag_seconds IS NOT NULL",
                    order="time",
                ),
                units.FRACTIONS,
                name="${__field.name}",
                least=0,
            ),
            panels.series(
                Told(
                    "Lagringstid (commit)",
                    "some milliseconds.",
                    "above 1 s: the disk is slow or full, or the database has much else to do.",
                    "look at the size below and at the database's disk.",
                    NO_INTAKE,
                ),
                rows(
                    'time, commit_seconds AS "middel", commit_seconds_max AS "størst"',
                    f"intake({STEPS})",
                    where="commit_seconds IS NOT NULL",
                    order="time",
                ),
                units.FRACTIONS,
                name="${__field.name}",
                thresholds=steps(BLUE, (1, ORANGE)),
                least=0,
            ),
            panels.series(
                Told(
                    "Gjentatt og i strid",
                    "few repeats, no conflicts.",
                    "many repeats: acknowledgements don't reach the nodes. Conflicts: two nodes under one "
                    "name, or a clock set back.",
                    "conflicts are kept in quarantine: see who sends them.",
                    NO_INTAKE,
                ),
                rows(
                    'time, repeats::float8 AS "gjentatt", conflicts::float8 AS "i strid"',
                    f"intake({STEPS})",
                    order="time",
                ),
                units.COUNT,
                name="${__field.name}",
                bars=True,
                stacked=True,
                decimals=0,
                least=0,
            ),
            panels.series(
                Told(
                    "Nytt i karantene",
                    "nothing.",
                    "a reason that keeps coming.",
                    "see the runbook quarantine-rising.",
                    "Ingenting kom i karantene i tidsrommet",
                ),
                rows(
                    f"time, {worded('reason', units.REASONS)}, value",
                    f"quarantine_series({STEPS})",
                    order="time",
                ),
                units.COUNT,
                name="${__field.labels.reason}",
                bars=True,
                stacked=True,
                widest=12,
                decimals=0,
                least=0,
            ),
            panels.listing(
                Told(
                    "Karantene etter grunn",
                    "an empty list.",
                    "each line is a reason; kinds are different messages, messages count repeats too.",
                    "GET /api/v1/quarantine shows the messages; mend the node, then replay.",
                    "Ingenting kom i karantene i tidsrommet",
                ),
                f"quarantine_reasons({RANGE})",
                {
                    "reason": Column("Grunn", mappings=words(units.REASONS)),
                    "code": Column("Kode", width=170, sql="reason"),
                    "kinds": Column("Ulike", units.COUNT, 0, width=100),
                    "messages": Column("Meldinger", units.COUNT, 0, width=100),
                    "last_received": Column("Sist", units.MOMENT, width=130),
                },
                order="messages DESC",
                width=12,
            ),
            panels.listing(
                Told(
                    "Databasens størrelse",
                    "grows by the same amount every week.",
                    "quarantine or marks that grow faster than the readings.",
                    "see BYPULS_MAINTAIN_RAW_DAYS for how long raw readings are kept.",
                    "Ingen svar fra databasen",
                ),
                "sizes",
                {
                    "relation": Column("Tabell", mappings=words({"database": "hele databasen"}), width=260),
                    "bytes": Column("Størrelse", units.SIZE, 1, width=150),
                    "estimated_rows": Column("Rader (anslag)", "locale", 0, width=150),
                },
                order="bytes DESC",
                width=24,
                height=9,
            ),
        ],
        since="now-6h",
    )

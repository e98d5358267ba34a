"""The alert rules."""

from dashboards import air, nodes, platform, water
from dashboards.alert_rule import AlertRule, Area, Severity
from dashboards.query import rows

AT = "$__timeTo()"
MINUTE, HOUR = 60, 3600


def _over(uid: str, severity: Severity, levels: str, colour: str) -> AlertRule:
    """Return the rule of gauges above one of their thresholds; `colour` is what the level is called.

    Of `levels`, the first that a gauge has counts: one without orange is told of above red.
    """
    # In centimetres, so that ripples of some don't end it: a gauge may have its zero, and a threshold,
    # anywhere.
    scale = f"CASE quantity WHEN 'water_level' THEN 1 ELSE greatest(abs(coalesce({levels})), 0.01) END"
    return AlertRule(
        uid,
        Area.WATER,
        severity,
        f"Elv over {colour} terskel",
        '{{ $labels.metric }} er {{ printf "%.0f" $values.A.Value }} {{ $labels.unit }} over sin '
        f"{colour.replace('gul', 'gule')} terskel. Det er ikke et varsel fra NVE: se varsom.no",
        rows(
            "node, place, metric, channel, quantity, "
            "CASE quantity WHEN 'water_level' THEN 'cm' ELSE '%' END AS unit, "
            f"100 * (value - coalesce({levels})) / {scale} AS value",
            f"river_now(NULL, {AT})",
            where=f"coalesce({levels}) IS NOT NULL",
        ),
        limit=0,
        recovery=-5,
        lasting=10 * MINUTE,
        dashboard=water.UID,
    )


RULES = (
    AlertRule(
        "no2-hour",
        Area.AIR,
        Severity.WARNING,
        "NO₂ over timegrensen",
        'NO₂ er {{ printf "%.0f" $values.A.Value }} µg/m³ ved {{ $labels.metric }} (grense 200, timemiddel)',
        rows("node, place, metric, channel, value", f"no2_now(NULL, {AT})", where="value IS NOT NULL"),
        limit=200,
        recovery=190,
        lasting=5 * MINUTE,
        dashboard=air.UID,
    ),
    AlertRule(
        "no2-three-hours",
        Area.AIR,
        Severity.CRITICAL,
        "NO₂ over alarmterskelen i tre timer",
        'NO₂ har vært minst {{ printf "%.0f" $values.A.Value }} µg/m³ i tre timer ved '
        "{{ $labels.metric }} (alarm 400)",
        rows(
            "node, place, metric, channel, three_hours AS value",
            f"no2_now(NULL, {AT})",
            where="three_hours IS NOT NULL",
        ),
        limit=400,
        recovery=380,
        lasting=0,
        dashboard=air.UID,
    ),
    AlertRule(
        "pm10-day",
        Area.AIR,
        Severity.WARNING,
        "PM10 over døgngrensen",
        'PM10 er {{ printf "%.0f" $values.A.Value }} µg/m³ over døgnet {{ $labels.day }} '
        "ved {{ $labels.metric }} (grense 50)",
        rows(
            "node, place, metric, channel, to_char(time AT TIME ZONE 'Europe/Oslo', 'DD.MM.') AS day, value",
            f"pm10_now(NULL, {AT})",
        ),
        limit=50,
        recovery=48,
        lasting=5 * MINUTE,
        dashboard=air.UID,
    ),
    _over("river-level", Severity.WARNING, "yellow, orange, red", "gul"),
    _over("river-high", Severity.CRITICAL, "orange, red", "oransje"),
    AlertRule(
        "river-rise",
        Area.WATER,
        Severity.WARNING,
        "Elv stiger fort",
        '{{ $labels.metric }} stiger {{ printf "%.0f" $values.A.Value }} cm i timen',
        rows(
            "node, place, metric, channel, 100 * rise_per_hour AS value",
            f"river_now(NULL, {AT})",
            where="quantity = 'water_level' AND rise_per_hour IS NOT NULL",
        ),
        limit=5,
        recovery=3,
        lasting=30 * MINUTE,
        dashboard=water.UID,
    ),
    AlertRule(
        "pipe-burst",
        Area.WATER,
        Severity.CRITICAL,
        "Trolig rørbrudd",
        "Trykkfall ved {{ $labels.metric }} med høyt forbruk: "
        '{{ printf "%.1f" $values.A.Value }} ganger grensene (0,5 bar under og 1,5 ganger det vanlige)',
        rows("node, place, metric, channel, severity AS value", f"burst_now(NULL, {AT})"),
        limit=1,
        recovery=0.7,
        lasting=10 * MINUTE,
        dashboard=water.UID,
    ),
    AlertRule(
        "node-silent",
        Area.NODES,
        Severity.INFO,
        "Node tier",
        "{{ $labels.node }} ({{ $labels.place }}, {{ $labels.owner }}) har ikke sendt noe på "
        '{{ printf "%.0f" $values.A.Value }} min mer enn tre intervaller og ti minutter',
        rows(
            "node, place, coalesce(owner, 'uten eier') AS owner, "
            "dashboard.silent_for(silent_seconds, interval_seconds) / 60 AS value",
            f"node_status(NULL, {AT})",
            where="silent_seconds IS NOT NULL",
        ),
        limit=0,
        recovery=-5,
        lasting=5 * MINUTE,
        dashboard=nodes.UID,
    ),
    AlertRule(
        "coverage-low",
        Area.NODES,
        Severity.INFO,
        "For lav dekning i dag",
        '{{ $labels.node }} ({{ $labels.place }}) har {{ printf "%.0f" $values.A.Value }} % dekning i dag; '
        "under 85 % kan døgnet ikke vurderes mot grenseverdiene",
        rows(
            "node, place, 100 * coverage_today AS value",
            f"node_status(NULL, {AT})",
            where="coverage_today IS NOT NULL",
        ),
        limit=85,
        recovery=87,
        lasting=HOUR,
        dashboard=nodes.UID,
        above=False,
    ),
    AlertRule(
        "ingest-lag",
        Area.PLATFORM,
        Severity.CRITICAL,
        "Mottaket står",
        'Ingen node har fått lagret noe på {{ printf "%.0f" $values.A.Value }} min mer enn vanlig',
        rows("overdue_seconds / 60 AS value", f"lag_now({AT})", where="seconds IS NOT NULL"),
        limit=5,
        recovery=2,
        lasting=2 * MINUTE,
        dashboard=platform.UID,
    ),
    AlertRule(
        "quarantine-rising",
        Area.PLATFORM,
        Severity.WARNING,
        "Karantenen vokser",
        '{{ printf "%.0f" $values.A.Value }} nye meldinger i karantene siste kvarter; '
        "grunn: {{ $labels.reason }}",
        rows(
            "reason, kinds::float8 AS value",
            f"quarantine_reasons({AT}::timestamptz - interval '15 minutes', {AT})",
        ),
        limit=20,
        recovery=5,
        lasting=5 * MINUTE,
        dashboard=platform.UID,
    ),
    AlertRule(
        "rollup-backlog",
        Area.PLATFORM,
        Severity.WARNING,
        "Oppsummeringen henger etter",
        'Den eldste timen har ventet {{ printf "%.0f" $values.A.Value }} min på å bli oppsummert',
        rows("age_seconds / 60 AS value", f"backlog({AT})", where="age_seconds IS NOT NULL"),
        limit=30,
        recovery=10,
        lasting=10 * MINUTE,
        dashboard=platform.UID,
    ),
)
"""By area, each in the order of Grafana's list."""

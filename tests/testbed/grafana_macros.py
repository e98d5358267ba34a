"""What Grafana makes of a statement before PostgreSQL gets it, as its documentation tells.

First the dashboard's variables, `$__interval` and `$__interval_ms` (in the browser; of an alert rule on the
server), then the macros of the PostgreSQL data source. What isn't documented raises ValueError instead of
reaching the database.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)")
UNITS = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}

# Below the first, in milliseconds, the interval is the second.
ROUNDED = (
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1500, 1000), (3500, 2000),
    (7500, 5000), (12_500, 10_000), (17_500, 15_000), (25_000, 20_000), (45_000, 30_000), (90_000, 60_000),
    (210_000, 120_000), (450_000, 300_000), (750_000, 600_000), (1_050_000, 900_000), (1_500_000, 1_200_000),
    (2_700_000, 1_800_000), (5_400_000, 3_600_000), (9_000_000, 7_200_000), (16_200_000, 10_800_000),
    (32_400_000, 21_600_000), (86_400_000, 43_200_000), (604_800_000, 86_400_000),
    (1_814_400_000, 604_800_000), (3_628_800_000, 2_592_000_000),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: the dashboard's range, its variables (several values as a list), the panel's width.

    `points` is the most points that a panel asks for, its width in pixels.
    """

    since: datetime
    until: datetime
    variables: Mapping[str, str | Sequence[str]]
    points: int = 1000

    @property
    def interval_ms(self) -> int:
        """Milliseconds between two points, rounded as Grafana does."""
        exact = (self.until - self.since) / timedelta(milliseconds=1) / self.points
        return next((interval for bound, interval in ROUNDED if exact < bound), 31_536_000_000)


def expand(sql: str, asked: Asked, *, timescaledb: bool = True) -> str:
    """Return the statement that PostgreSQL gets for `sql`."""
    return macros(variables(sql, asked), asked, timescaledb=timescaledb)


def variables(sql: str, asked: Asked) -> str:
    """Return `sql` with the variables filled in; macros with their brackets stay."""

    def value(match: re.Match[str]) -> str:
        name, form = match[1] or match[3], match[2]
        if match[3] and (name.startswith("__") and sql[match.end() : match.end() + 1] == "("):
            return match[0]
        if name == "__interval":
            return duration(asked.interval_ms)
        if name == "__interval_ms":
            return str(asked.interval_ms)
        if name not in asked.variables:
            raise ValueError(f"there is no variable {name!r} in {sql!r}")
        return formatted(asked.variables[name], form)

    return VARIABLE.sub(value, sql)


def formatted(value: str | Sequence[str], form: str | None) -> str:
    """Return the values as `${name:form}` gives them; without a form, the data source quotes several."""
    several = not isinstance(value, str)
    values = [value] if isinstance(value, str) else list(value)
    if form == "sqlstring" or (form is None and several):
        return ",".join("'" + one.replace("'", "''") + "'" for one in values)
    if form == "singlequote":
        return ",".join("'" + one.replace("'", "\\'") + "'" for one in values)
    if form == "doublequote":
        return ",".join('"' + one.replace('"', '\\"') + '"' for one in values)
    if form in {"csv", "raw"}:
        return ",".join(values)
    if form == "pipe":
        return "|".join(values)
    if form == "text":
        return " + ".join(values)
    if form is None:
        return values[0].replace("'", "''")
    raise ValueError(f"{form!r} is none of the documented forms that this knows")


def macros(sql: str, asked: Asked, *, timescaledb: bool = True) -> str:
    """Return `sql` with the data source's macros replaced, innermost first."""

    def replaced(match: re.Match[str]) -> str:
        name, arguments = match[1], [one.strip() for one in match[2].split(",")]
        if name == "__timeGroup" and sql[match.end() : match.end() + 1] == ",":
            name = "__timeGroupAlias"
        return _macro(name, arguments, asked, timescaledb)

    return MACRO.sub(replaced, sql)


def duration(milliseconds: float) -> str:
    """Return an interval as `$__interval` is written: its largest whole unit, such as 1h or 30s."""
    for unit in ("y", "d", "h", "m", "s"):
        if milliseconds >= UNITS[unit] * 1000:
            return f"{int(milliseconds // (UNITS[unit] * 1000))}{unit}"
    return f"{int(milliseconds)}ms"


def _macro(name: str, arguments: list[str], asked: Asked, timescaledb: bool) -> str:
    column = arguments[0]
    since, until = _instant(asked.since), _instant(asked.until)
    match name:
        case "__time":
            return f'{column} AS "time"'
        case "__timeEpoch":
            return f'extract(epoch from {column}) as "time"'
        case "__timeFilter":
            return f"{column} BETWEEN '{since}' AND '{until}'"
        case "__timeFrom":
            return f"'{since}'"
        case "__timeTo":
            return f"'{until}'"
        case "__timeGroup":
            seconds = _seconds(arguments[1])
            if timescaledb:
                return f"time_bucket('{seconds:.3f}s',{column})"
            return f"floor(extract(epoch from {column})/{seconds:g})*{seconds:g}"
        case "__timeGroupAlias":
            return _macro("__timeGroup", arguments, asked, timescaledb) + ' AS "time"'
        case "__unixEpochFilter":
            first, last = int(asked.since.timestamp()), int(asked.until.timestamp())
            return f"{column} >= {first} AND {column} <= {last}"
        case "__unixEpochFrom":
            return str(int(asked.since.timestamp()))
        case "__unixEpochTo":
            return str(int(asked.until.timestamp()))
        case "__unixEpochGroup":
            seconds = _seconds(arguments[1])
            return f"floor(({column})/{seconds:g})*{seconds:g}"
        case "__unixEpochGroupAlias":
            return _macro("__unixEpochGroup", arguments, asked, timescaledb) + ' AS "time"'
    raise ValueError(f"unknown macro {name!r}")


def _instant(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return re.sub(r"(\.\d*?)0+Z$", r"\1Z", text) if "." in text else text


def _seconds(interval: str) -> float:
    match = re.fullmatch(r"(\d+)(ms|[ywdhms])", interval.strip("'"))
    if match is None:
        raise ValueError(f"{interval} is no interval")
    return int(match[1]) * UNITS[match[2]]

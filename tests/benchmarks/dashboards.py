"""What Grafana's dashboards cost the database: 500 nodes, days of readings and a year of hours."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median

import psycopg
from grafana_foundation_sdk.models.dashboard import Dashboard

from bypuls.instants import to_datetime
from bypuls.quantities import QUANTITIES
from bypuls.store.hours import COLUMNS
from bypuls.store.registration import register
from dashboards.collection import pages, queries
from simulators.town.town import read
from testbed import Databases
from testbed.grafana_client import Answer, GrafanaReader, grafana_reader
from testbed.grafana_macros import Asked, expand
from testbed.town_database import DAY, NOON, add_hours, fill

NODES, DAYS_OF_READINGS, DAYS_OF_HOURS = 500, 4, 361
TOGETHER, TIMES = 3.0, 10.0
CONNECTIONS = 10
"""As docker/grafana has it in its data source."""

SCREEN = 1888
"""Pixels that panels have on a screen 1920 wide: Grafana asks for no more points."""

RANGES = {"a day": timedelta(days=1), "30 days": timedelta(days=30), "a year": timedelta(days=365)}
LEAST = 0.01
"""Seconds below which nobody asks for a ratio: the way there and back, and planning."""

_COLUMNS = ", ".join(list(COLUMNS)[1:])
_COPY_READINGS = """INSERT INTO reading (stream_id, time, value, flags)
                    SELECT copy, time, value, flags FROM reading JOIN copied ON own = stream_id"""
_COPY_HOURS = f"""INSERT INTO reading_hour (stream_id, {_COLUMNS})
                  SELECT copy, {_COLUMNS} FROM copied JOIN reading_hour ON own = stream_id
                  ORDER BY copy, hour"""  # noqa: S608  # all of it ours
_AS_WRITTEN = (
    "CREATE INDEX by_hour ON reading_hour (hour, stream_id)",
    "CLUSTER reading_hour USING by_hour",
    "DROP INDEX by_hour",
)
"""`bypuls maintain` writes hour by hour: a stream's year lies on as many pages as it has hours."""

READS = {
    "air_": ("no2", "pm10", "pm2_5", "o3"),
    "exceedance": ("no2", "pm10"),
    "wind_rose": ("wind_direction", "wind_speed"),
    "river_now": ("water_level", "discharge"),
    "burst": ("pipe_pressure", "water_volume"),
    "night_flow": ("water_volume",),
    "parking": ("occupancy",),
    "inside": ("people_count",),
    "lden": ("sound_level",),
    "lamps": ("lamp_state", "power"),
    "waste": ("fill_level",),
}
"""By the beginning of a function's name what it reads, where its arguments don't tell; others read all."""


_WHERE = "stream_id = ANY(%s) AND {0} >= %s AND {0} < %s"
_COUNTING = {
    False: f"SELECT count(*) FROM reading WHERE {_WHERE.format('time')}",  # noqa: S608  # both ours
    True: f"SELECT count(*) FROM reading_hour WHERE {_WHERE.format('hour')}",  # noqa: S608
}
_FETCHING = {
    False: f"SELECT time, stream_id FROM reading WHERE {_WHERE.format('time')} LIMIT %s",  # noqa: S608
    True: f"SELECT hour, stream_id FROM reading_hour WHERE {_WHERE.format('hour')} LIMIT %s",  # noqa: S608
}
MONTH = timedelta(days=30)
LOOKS_BACK = {
    "air_now": timedelta(hours=4),
    "waste": timedelta(days=14),
    "findings": timedelta(days=9),
    "map": timedelta(days=9),
}
"""How far functions look back that tell how things are now; others a month at most."""

BEFORE = {"burst": timedelta(days=8)}
"""Of how long before the range functions read hours, to compare it with."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A panel's statement: seconds of its median run, and of an index-only read of what it is made of.

    `alone` are those of the database, for comparison with all statements together: while Python makes
    objects of rows its threads wait for each other.
    """

    panel: str
    seconds: float
    plain: float
    alone: float

    @property
    def ratio(self) -> float:
        """How many times as long as the plain read it takes; 0 where it is too fast to be compared."""
        return self.seconds / self.plain if self.seconds > LEAST else 0.0


def report(databases: Databases, runs: int) -> None:
    """Print for each dashboard and range its panels' slowest, all together, and the worst ratio."""
    with databases.migrated() as url:
        began = time.perf_counter()
        streams, hours = prepare(url)
        print(
            f"\nDashboards: {NODES} nodes, {streams:,} streams, {hours:,} hourly rollups of a year, "
            f"medians of {runs} (filled in {time.perf_counter() - began:.0f} s)"
        )
        for page in pages():
            for name, span in RANGES.items():
                print(f"{page.title}, {name}: {measure(url, page, span, runs)}", flush=True)


def prepare(url: str) -> tuple[int, int]:
    """Fill a database; return how many streams and hours it has.

    What the town's own nodes measured their copies measured too: computed anew it took half an hour.
    """
    nodes = read("lillestrom", NODES, 900.0)
    own = nodes[: len(read("lillestrom"))]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE reading_hour SET UNLOGGED")  # to be read it is the same
    filled = fill(url, own, NOON - DAYS_OF_READINGS * DAY, NOON)
    add_hours(filled, DAYS_OF_HOURS, own)
    register(url, [node.registered() for node in nodes])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE copied AS SELECT mine.stream_id AS own, its.stream_id AS copy"
            " FROM stream AS its JOIN node AS n USING (node_id)"
            " JOIN node AS m ON m.node = substring(n.node FROM '^[a-z]+(?:-[a-z]+)*-[0-9]+')"
            " JOIN stream AS mine ON mine.node_id = m.node_id AND mine.channel = its.channel"
            " WHERE m.node <> n.node"
        )
        for statement in (
            _COPY_READINGS,
            _COPY_HOURS,
            *_AS_WRITTEN,
            "INSERT INTO retention SELECT copy, raw_from FROM retention JOIN copied ON own = stream_id",
            "UPDATE node SET last_seen = (SELECT max(last_seen) FROM node) WHERE last_seen IS NULL",
            "DROP TABLE copied",
            "VACUUM (ANALYZE) reading_hour",
            "VACUUM (ANALYZE) reading",
            "ANALYZE",
        ):
            connection.execute(statement.encode())
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM stream), (SELECT count(*) FROM reading_hour)"
        ).fetchone()
    assert counts is not None
    return counts[0], counts[1]


def measure(url: str, page: Dashboard, span: timedelta, runs: int) -> str:
    """Time the panels of a dashboard one by one, and together as a browser asks for them."""
    until = to_datetime(NOON)
    mine = [query for query in queries() if query.dashboard == page.uid]
    with ExitStack() as stack:
        readers = [stack.enter_context(grafana_reader(url)) for _ in range(CONNECTIONS)]
        chosen = readers[0].choose(page, until - span, until)
        timed, statements = [], []
        for query in mine:
            asked = replace(chosen, points=SCREEN * query.width // 24)
            seconds, rows = took(readers[0].run, query.sql, asked, runs)
            alone, _ = took(readers[0].count, query.sql, asked, runs)
            timed.append(Timed(query.panel, seconds, plain(url, query.sql, asked, rows, runs), alone))
            statements.append((query.sql, asked))
        together = median(all_at_once(readers, statements) for _ in range(runs))
    slowest = max(timed, key=lambda one: one.alone)
    worst = max(timed, key=lambda one: one.ratio)
    over = sorted((one for one in timed if one.ratio > TIMES), key=lambda one: -one.ratio)
    return (
        f"{len(mine)} queries together {together:.2f} s, slowest {slowest.alone:.2f} s ({slowest.panel}): "
        f"{together / slowest.alone:.1f} times (goal: {TOGETHER:g}); at worst {worst.ratio:.1f} times an "
        f"index-only read ({worst.panel}, {worst.seconds:.3f} s; goal: {TIMES:g})"
        + "".join(f"\n  over it: {one.panel}, {one.ratio:.1f} times, {one.seconds:.2f} s" for one in over)
    )


def took(run: Callable[[str, Asked], Answer | int], sql: str, asked: Asked, runs: int) -> tuple[float, int]:
    """Return the seconds of a statement's median run, and how many rows it gives."""
    times, rows = [], 0
    for _ in range(runs):
        began = time.perf_counter()
        answer = run(sql, asked)
        times.append(time.perf_counter() - began)
        rows = answer if isinstance(answer, int) else len(answer.rows)
    return median(times), rows


def all_at_once(readers: list[GrafanaReader], statements: list[tuple[str, Asked]]) -> float:
    """Return the seconds until all statements are answered, over the connections of Grafana."""
    free = list(readers)

    def run(statement: tuple[str, Asked]) -> None:
        reader = free.pop()
        reader.count(*statement)
        free.append(reader)

    began = time.perf_counter()
    with ThreadPoolExecutor(len(readers)) as pool:
        list(pool.map(run, statements))
    return time.perf_counter() - began


def plain(url: str, sql: str, asked: Asked, rows: int, runs: int) -> float:
    """Return the seconds of an index-only read of what a statement is made of, and of so many rows.

    Those of its quantities, or of all, in the range, and before it what it is compared with; of what tells
    how things are now as far as it looks back, and of the year for what tells of the year.
    """
    expanded = expand(sql, asked)
    functions = re.findall(r"dashboard\.(\w+)\(", sql)
    since, until = asked.since, asked.until
    if "$__timeFrom()" not in sql:
        since = until - max((LOOKS_BACK.get(function, MONTH) for function in functions), default=MONTH)
    if "exceedances(" in sql:
        since = until.replace(month=1, day=1)
    hourly = until - since > timedelta(days=3) or "$__timeFrom()" not in sql
    spans = [(hourly, since, until)]
    spans += [(True, since - BEFORE[function], since) for function in functions if function in BEFORE]
    with psycopg.connect(url, autocommit=True) as connection:
        named = {key for key in QUANTITIES if f"'{key}'" in expanded}
        for function in functions:
            named |= {key for begin, keys in READS.items() if function.startswith(begin) for key in keys}
        streams = [
            stream
            for stream, quantity in connection.execute("SELECT stream_id, quantity FROM stream")
            if not named or quantity in named
        ]
        times = []
        for _ in range(runs + 1):
            began = time.perf_counter()
            for rolled, first, last in spans:
                connection.execute(_COUNTING[rolled].encode(), [streams, first, last])
            connection.execute(_FETCHING[hourly].encode(), [streams, since, until, rows]).fetchall()
            times.append(time.perf_counter() - began)
    return median(times[1:])

"""What befalls the town raises the alerts that it should and no others.

By the provisioned rules' own queries, limits and durations, evaluated over the days around.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
import psycopg
import pytest

from bypuls.instants import to_datetime
from testbed.alert_evaluation import Alert, Rows, evaluate, labelled
from testbed.alerting import RULES, asking, beyond, listed
from testbed.database import Databases
from testbed.filling import register
from testbed.town_database import DAY, NOON, TownDatabase, fill, roll_up, town_nodes
from testbed.writing import write

HEIGHT = to_datetime(NOON)
HOUR = timedelta(hours=1)

# Grafana evaluates every minute; here it is as often as what a rule looks at changes.
SEEN: dict[str, tuple[timedelta, timedelta, timedelta]] = {
    "no2-hour": (-48 * HOUR, 12 * HOUR, HOUR),
    "no2-three-hours": (-48 * HOUR, 12 * HOUR, 2 * HOUR),
    "pm10-day": (-60 * HOUR, 24 * HOUR, 3 * HOUR),
    "river-level": (-132 * HOUR, 24 * HOUR, 4 * HOUR),
    "river-high": (-132 * HOUR, 24 * HOUR, 4 * HOUR),
    "river-rise": (-132 * HOUR, 24 * HOUR, 4 * HOUR),
    "pipe-burst": (-4 * HOUR, 8 * HOUR, HOUR / 4),
}
OTHERWISE = (-48 * HOUR, 24 * HOUR, 8 * HOUR)
EXPECTED = {
    "everyday": set[str](),
    "fair": set[str](),
    "flood": {"river-level", "river-high", "river-rise"},
    "burst-main": {"pipe-burst"},
    "inversion": {"no2-hour", "pm10-day"},
}


def fired(url: str, moments: Callable[[str], Sequence[datetime]]) -> dict[str, list[Alert]]:
    """Return the alerts of each rule that fired at all."""
    with asking(url) as ask:
        every = {uid: evaluate(rule, ask, moments(uid)) for uid, rule in RULES.items()}
    return {uid: alerts for uid, alerts in every.items() if alerts}


def around(uid: str) -> list[datetime]:
    since, until, step = SEEN.get(uid, OTHERWISE)
    return [HEIGHT + since + number * step for number in range((until - since) // step + 1)]


def test_pressure_that_falls_alone_is_no_burst_at_any_minute_of_a_quarter(database_url: str) -> None:
    place = {"latitude": 59.95, "longitude": 11.05}
    gauge = register(database_url, "pressure-01", "pipe_pressure", **place)["pipe_pressure"]
    meter = register(database_url, "water-01", "water_volume", **place)["water_volume"]
    times = NOON + np.arange(-9 * 96, 5) * (DAY // 96)
    write(database_url, gauge, times, np.where(times < NOON, 5.0, 4.0))
    write(database_url, meter, times, 2.5 * np.arange(len(times)))
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE stream SET expected_interval = 900")
    with asking(database_url) as ask:
        moments = [HEIGHT + minute * HOUR / 60 for minute in range(60)]
        assert evaluate(RULES["pipe-burst"], ask, moments) == []


def test_an_alarm_of_three_hours_goes_on_while_the_hour_that_ended_is_on_its_way(database_url: str) -> None:
    number = register(database_url, "air-01", "no2")["no2"]
    late, interval = HOUR / 12, HOUR / 6
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE stream SET expected_interval = 600")
    seen: list[datetime] = []
    with asking(database_url) as ask:

        def ask_as_it_was(sql: str, moment: datetime) -> Rows:
            while (measured := HEIGHT - 4 * HOUR + len(seen) * interval) + late <= moment:
                seen.append(measured)
                write(database_url, number, [int(measured.timestamp()) * 1_000_000], 450.0)
            return ask(sql, moment)

        for uid in ("no2-three-hours", "no2-hour"):
            seen_before = len(seen)
            moments = [HEIGHT + minute * HOUR / 60 for minute in range(0, 130, 2)]
            [alert] = evaluate(RULES[uid], ask_as_it_was, moments)
            assert alert.ended is None
            assert alert.value == pytest.approx(450)
            assert len(seen) > seen_before or uid == "no2-hour"


@pytest.fixture(scope="module")
def alerts_of(
    befallen: Callable[[str], TownDatabase],
) -> Callable[[str], dict[str, list[Alert]]]:
    made: dict[str, dict[str, list[Alert]]] = {}

    def of(scenario: str) -> dict[str, list[Alert]]:
        if scenario not in made:
            made[scenario] = fired(befallen(scenario).url, around)
        return made[scenario]

    return of


Alerts = Callable[[str], dict[str, list[Alert]]]


def since(alert: Alert) -> datetime:
    assert alert.firing is not None
    return alert.firing


@pytest.mark.parametrize("scenario", EXPECTED)
def test_each_scenario_raises_its_alerts_and_no_others(alerts_of: Alerts, scenario: str) -> None:
    raised = alerts_of(scenario)
    assert raised.keys() == EXPECTED[scenario], {
        uid: [(alert.labels, alert.value) for alert in alerts] for uid, alerts in raised.items()
    }


@pytest.mark.parametrize("scenario", EXPECTED)
def test_what_a_rule_tells_the_list_of_the_overview_tells_as_gravely(
    befallen: Callable[[str], TownDatabase], scenario: str
) -> None:
    told = set[str]()
    with asking(befallen(scenario).url) as ask:
        for moment in [HEIGHT + hours * HOUR for hours in (-100, -96, -72, -15.5, -11, -1, 0, 4)]:
            assert beyond(ask, moment) == listed(ask, moment)
            told |= {uid for uid, _, _ in beyond(ask, moment)}
    assert told == EXPECTED[scenario]


def test_the_flood_is_told_before_it_is_there_and_its_alerts_end_with_it(alerts_of: Alerts) -> None:
    raised = alerts_of("flood")
    rise, level, high = (
        {alert.labels["node"]: alert for alert in raised[uid]}
        for uid in ("river-rise", "river-level", "river-high")
    )
    for node in ("leira-01", "nitelva-01"):
        assert since(level[node]) - since(rise[node]) >= 12 * HOUR
    assert level.keys() <= rise.keys()
    assert high.keys() < level.keys()
    for node, alert in high.items():
        assert level[node].pending <= alert.pending
        assert alert.ended is not None


def test_the_burst_is_told_within_half_an_hour_where_it_is_and_ends_when_it_is_mended(
    alerts_of: Alerts,
) -> None:
    [alert] = alerts_of("burst-main")["pipe-burst"]
    begins, ends = HEIGHT - 2 * HOUR, HEIGHT + 6 * HOUR
    assert alert.labels["node"] == "pressure-01"
    assert begins < since(alert) <= begins + timedelta(minutes=45)
    assert alert.ended is not None
    assert ends <= alert.ended <= ends + HOUR


def test_the_inversion_is_told_of_stations_beside_roads_first(alerts_of: Alerts) -> None:
    raised = alerts_of("inversion")
    assert "air-02" in {alert.labels["node"] for alert in raised["no2-hour"]}
    assert all(200 < alert.value < 400 for alert in raised["no2-hour"])


def test_a_node_with_several_channels_of_a_quantity_raises_an_alert_for_each(database_url: str) -> None:
    levels = {
        "no2": (450.0, 430.0),
        "pm10": (60.0, 70.0),
        "water_level": (3.0, 4.0),
        "pipe_pressure": (5.0, 6.0),
        "water_volume": (0.0, 0.0),
    }
    where = {"inlet/{}": 0, "outlet/{}": 1, "{}.mean": 0}
    channels = {form.format(key): values[at] for form, at in where.items() for key, values in levels.items()}
    streams = register(database_url, "n", *channels, place="Torvet", latitude=59.9, longitude=11.0)
    times = np.arange(NOON - 8 * DAY, NOON, 600_000_000)
    hours = (times - NOON) / 3.6e9
    for channel, value in channels.items():
        values = np.full(len(times), value) + hours * ("water_level" in channel) / 10
        if "water_volume" in channel:
            values = np.cumsum(np.where(hours > -1, 5.0, 1.0))
        write(database_url, streams[channel], times, values - (hours > -1) * ("pressure" in channel))
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE stream SET expected_interval = 600")
        connection.execute(
            "INSERT INTO threshold SELECT stream_id, level, value FROM stream,"
            " (VALUES ('yellow', 0.0), ('orange', 0.2)) AS t (level, value) WHERE quantity = 'water_level'"
        )
    roll_up(database_url)
    with asking(database_url) as ask:
        told = {uid: labelled(ask(rule["data"][0]["model"]["rawSql"], HEIGHT)) for uid, rule in RULES.items()}
    every = {"Torvet (n) · inlet", "Torvet (n) · outlet", "Torvet (n) · middel"}
    for uid in (
        "no2-hour",
        "no2-three-hours",
        "pm10-day",
        "river-level",
        "river-high",
        "river-rise",
        "pipe-burst",
    ):
        assert {dict(labels)["metric"] for labels in told[uid]} == every, uid
        [condition] = RULES[uid]["data"][1]["model"]["conditions"]
        assert min(told[uid].values()) > condition["evaluator"]["params"][0], uid
    assert sorted(told["no2-three-hours"].values()) == [430, 450, 450]
    assert len(told["node-silent"]) == len(told["coverage-low"]) == 1


@pytest.fixture(scope="module")
def small(databases: Databases) -> Iterator[TownDatabase]:
    """Three days of a small town; the tests below stop the clock on it and write to it."""
    with databases.migrated() as url:
        yield fill(url, town_nodes(1), NOON - 3 * DAY, NOON, ())


def test_a_town_that_falls_silent_raises_silence_and_lag_at_once_and_coverage_later(
    small: TownDatabase,
) -> None:
    every = [HEIGHT + number * timedelta(minutes=30) for number in range(-4, 20)]
    raised = fired(small.url, lambda uid: every)
    assert raised.keys() == {"node-silent", "ingest-lag", "coverage-low"}
    assert {alert.labels["node"] for alert in raised["node-silent"]} == {node.node for node in small.nodes}
    [lag] = raised["ingest-lag"]
    assert HEIGHT < since(lag) <= HEIGHT + HOUR
    assert all(since(alert) > since(lag) for alert in raised["coverage-low"])
    with asking(small.url) as ask:
        told = beyond(ask, HEIGHT + 8 * HOUR)
        # Of a node that is silent its coverage goes without saying.
        assert listed(ask, HEIGHT + 8 * HOUR) == {one for one in told if one[0] != "coverage-low"} != told


def test_messages_that_keep_coming_into_quarantine_are_told_with_their_reason(small: TownDatabase) -> None:
    with psycopg.connect(small.url) as connection:
        connection.execute(
            "INSERT INTO quarantine (digest, reason, detail, topic, payload, payload_size, received_at,"
            " last_received_at) SELECT sha256(number::text::bytea),"
            " CASE WHEN mod(number, 20) = 0 THEN 'time' ELSE 'unit' END, 'wrong', 'x', '', 0, at, at"
            " FROM generate_series(1, 120) AS number,"
            " LATERAL (SELECT %s::timestamptz + number * interval '30 seconds' AS at) AS moment",
            [HEIGHT - 2 * HOUR],
        )
    minutes = [HEIGHT - 3 * HOUR + number * timedelta(minutes=5) for number in range(36)]
    with asking(small.url) as ask:
        [alert] = evaluate(RULES["quarantine-rising"], ask, minutes)
        assert ("quarantine-rising", 2, None) in beyond(ask, HEIGHT - 1.5 * HOUR) & listed(
            ask, HEIGHT - 1.5 * HOUR
        )
    assert alert.labels == {"reason": "unit"}
    assert HEIGHT - 2 * HOUR < since(alert) < HEIGHT - HOUR
    assert alert.ended is not None, "it ends when nothing comes any more"


def test_hours_that_wait_to_be_summed_up_are_told_and_cleared_ones_end_it(small: TownDatabase) -> None:
    minutes = [HEIGHT + number * timedelta(minutes=10) for number in range(13)]
    with asking(small.url) as ask, psycopg.connect(small.url, autocommit=True) as owner:
        assert evaluate(RULES["rollup-backlog"], ask, minutes) == []
        hour = round((HEIGHT - 3 * HOUR).timestamp()) // 3600
        owner.execute(
            "INSERT INTO dirty_hours (generation, streams, hours, marked_at)"
            " SELECT generation, array[stream_id], array[%s::int], %s FROM dirty_generation,"
            " (SELECT min(stream_id) AS stream_id FROM stream) AS one",
            [hour, HEIGHT],
        )
        [alert] = evaluate(RULES["rollup-backlog"], ask, minutes)
        assert since(alert) >= HEIGHT + timedelta(minutes=30), "not as if it had waited since it ended"
        assert ("rollup-backlog", 2, None) in beyond(ask, minutes[-1]) & listed(ask, minutes[-1])
        assert alert.ended is None
        owner.execute("DELETE FROM dirty_hours")
        assert evaluate(RULES["rollup-backlog"], ask, minutes) == []

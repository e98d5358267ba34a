"""The expansion of Grafana's macros and variables, held to the examples of Grafana's documentation."""

from datetime import UTC, datetime, timedelta

import pytest

from testbed.grafana_macros import Asked, duration, expand, formatted, macros

UNTIL = datetime(2017, 4, 21, 5, 6, 17, tzinfo=UTC)
SINCE = datetime(2017, 4, 21, 5, 1, 17, tzinfo=UTC)
ASKED = Asked(SINCE, UNTIL, {"node": ["air-01", "air-02"], "quantity": "no2"})


@pytest.mark.parametrize(
    ("macro", "told"),
    [
        ("$__time(dateColumn)", 'dateColumn AS "time"'),
        ("$__timeEpoch(dateColumn)", 'extract(epoch from dateColumn) as "time"'),
        (
            "$__timeFilter(dateColumn)",
            "dateColumn BETWEEN '2017-04-21T05:01:17Z' AND '2017-04-21T05:06:17Z'",
        ),
        ("$__timeFrom()", "'2017-04-21T05:01:17Z'"),
        ("$__timeTo()", "'2017-04-21T05:06:17Z'"),
        ("$__timeGroup(dateColumn,'5m')", "time_bucket('300.000s',dateColumn)"),
        ("$__timeGroup(dateColumn,'5m', 0)", "time_bucket('300.000s',dateColumn)"),
        ("$__timeGroup(dateColumn,'5m'), x", "time_bucket('300.000s',dateColumn) AS \"time\", x"),
        ("$__timeGroupAlias(dateColumn,'5m')", "time_bucket('300.000s',dateColumn) AS \"time\""),
        ("$__unixEpochFilter(c)", "c >= 1492750877 AND c <= 1492751177"),
        ("$__unixEpochFrom()", "1492750877"),
        ("$__unixEpochTo()", "1492751177"),
        ("$__unixEpochGroup(c,'5m')", "floor((c)/300)*300"),
        ("$__unixEpochGroupAlias(c,'5m')", 'floor((c)/300)*300 AS "time"'),
    ],
)
def test_each_macro_becomes_what_the_documentation_tells(macro: str, told: str) -> None:
    assert macros(macro, ASKED) == told


def test_without_timescaledb_a_group_of_time_is_plain_arithmetic() -> None:
    told = macros("$__timeGroup(dateColumn,'5m')", ASKED, timescaledb=False)
    assert told == "floor(extract(epoch from dateColumn)/300)*300"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("csv", "test1,test2"),
        ("raw", "test1,test2"),
        ("pipe", "test1|test2"),
        ("doublequote", '"test1","test2"'),
        ("singlequote", "'test1','test2'"),
        ("sqlstring", "'test1','test2'"),
        ("text", "test1 + test2"),
        (None, "'test1','test2'"),
    ],
)
def test_each_form_of_a_variable_is_as_documented(form: str | None, told: str) -> None:
    assert formatted(["test1", "test2"], form) == told


def test_quotes_in_a_value_can_not_end_a_string() -> None:
    assert formatted(["test'1", "test2"], "sqlstring") == "'test''1','test2'"
    assert formatted("test'1", None) == "test''1"


def test_variables_and_macros_of_one_statement_are_all_replaced() -> None:
    sql = "f(ARRAY[${node:sqlstring}], '${quantity}', $__timeFrom(), '$__interval', $__interval_ms)"
    assert expand(sql, ASKED) == "f(ARRAY['air-01','air-02'], 'no2', '2017-04-21T05:01:17Z', '200ms', 200)"


@pytest.mark.parametrize(
    ("days", "points", "told"),
    [(1 / 24, 1000, "5s"), (1, 1000, "1m"), (30, 1000, "30m"), (365, 1000, "6h"), (365, 300, "1d")],
)
def test_the_interval_is_the_range_over_the_width_and_rounded(days: float, points: int, told: str) -> None:
    asked = Asked(UNTIL - timedelta(days=days), UNTIL, {}, points)
    assert duration(asked.interval_ms) == told


def test_what_is_not_documented_is_refused() -> None:
    with pytest.raises(ValueError, match="no variable 'town'"):
        expand("${town}", ASKED)
    with pytest.raises(ValueError, match="unknown macro '__timeMiddle'"):
        expand("$__timeMiddle()", ASKED)
    with pytest.raises(ValueError, match="documented forms"):
        formatted("x", "sqlite")

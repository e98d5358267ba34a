"""Hours whose rollup is due: every function of the dashboards makes them from the readings instead."""

from typing import Any

import psycopg
import pytest

from bypuls.instants import to_datetime
from bypuls.series.step import HOUR
from testbed.town_database import DAY, NOON, TownDatabase

SINCE, UNTIL = to_datetime(NOON - 20 * DAY), to_datetime(NOON)
WEEK_AGO = to_datetime(NOON - 7 * DAY)
CALLS = {
    "series('sound_level', NULL, %(since)s, %(until)s, '1 day')",
    "rate('water_volume', NULL, %(since)s, %(until)s, '1 hour')",
    "air_index(NULL, %(since)s, %(until)s)",
    "air_classes(NULL, %(since)s, %(until)s)",
    "exceedances(NULL, %(until)s)",
    "night_flow(NULL, %(since)s, %(until)s)",
    "lden(NULL, %(since)s, %(until)s)",
    "parking(ARRAY['parking-01'], %(since)s, %(until)s, '1 hour')",
    "parking(ARRAY['parking-01'], %(since)s, %(until)s, '1 day')",
    "inside(NULL, %(week_ago)s, %(until)s)",
    "burst(NULL, %(week_ago)s, %(until)s, '1 hour')",
    "waste(NULL, %(until)s)",
    "coverage(NULL, %(since)s, %(until)s)",
    "wind_rose(NULL, %(since)s, %(until)s)",
}
SPOILT = """UPDATE reading_hour SET n = 1, mean = 999, energy = 1e9, sum = 999, increase = 999, held = 999,
                                    cosine = 0, sine = 1
            WHERE hour >= %(due)s AND hour < %(until)s"""
MARKED = """INSERT INTO dirty_hours (generation, streams, hours)
            SELECT 0, array_agg(stream_id), array_agg(extract(epoch FROM hour) / 3600)
            FROM reading_hour WHERE hour >= %(due)s AND hour < %(until)s"""


@pytest.mark.parametrize("hours", [1, 60])
def test_rollups_that_are_due_are_not_taken(everyday: TownDatabase, hours: int) -> None:
    due = {"due": to_datetime(NOON - hours * HOUR), "until": UNTIL}
    with psycopg.connect(everyday.url) as connection:
        wanted = {call: answer(connection, call) for call in CALLS}
        connection.execute(SPOILT, due)
        spoilt = {call for call in CALLS if answer(connection, call) != wanted[call]}
        assert spoilt == CALLS if hours > 24 else spoilt, "the test spoils what they take"
        connection.execute(MARKED, due)
        for call in CALLS:
            found = answer(connection, call)
            assert len(found) == len(wanted[call]) > 0, call
            for (of, numbers), (of_wanted, wanted_numbers) in zip(found, wanted[call], strict=True):
                assert of == of_wanted, call
                assert numbers == pytest.approx(wanted_numbers, rel=1e-9, abs=1e-6), (call, of)
        connection.rollback()  # nobody else sees any of it


def answer(connection: "psycopg.Connection[Any]", call: str) -> list[tuple[list[Any], list[float]]]:
    """Return the rows of a call in some order: what each is of, and its numbers."""
    found = connection.execute(
        f"SELECT * FROM dashboard.{call}".encode(),  # noqa: S608
        {"since": SINCE, "until": UNTIL, "week_ago": WEEK_AGO},
    ).fetchall()
    rows = [
        (
            [value for value in row if not isinstance(value, float)],
            [value for value in row if isinstance(value, float)],
        )
        for row in found
    ]
    return sorted(rows, key=str)

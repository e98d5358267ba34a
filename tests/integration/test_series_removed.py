"""Series of streams whose old readings retention removed, and of hours that wait for their rollups."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import psycopg
import pytest

from bypuls.maintenance.service import Maintenance
from bypuls.readings import SECOND
from bypuls.settings import DatabaseSettings, MaintainSettings
from testbed import Databases
from testbed.client import Client, served
from testbed.filling import NEW_YEAR, put, register
from testbed.writing import write

HOUR, MINUTE = 3600 * SECOND, 60 * SECOND
TIME = NEW_YEAR + np.arange(144) * 10 * MINUTE
LATE = NEW_YEAR + 12 * HOUR - 2 * SECOND
"""Two seconds before noon, and after the last reading before it."""


@pytest.fixture(scope="module")
def town(databases: Databases) -> Iterator[str]:
    """A day of which only the rollups are left, and one late reading of each stream."""
    with databases.migrated() as url:
        streams = register(url, "house-01", "water_volume", "lamp_state", "no2")
        put(url, streams["water_volume"], TIME, np.arange(144) * 0.1 + 97_430)
        put(url, streams["lamp_state"], TIME, np.arange(144) // 72)
        put(url, streams["no2"], TIME, np.full(144, 10.0))
        settings = MaintainSettings.model_validate({"raw_days": "default=30"})
        with closing(Maintenance(DatabaseSettings.model_validate({"url": url}), settings)) as job:
            job.rebuild(NEW_YEAR // HOUR, NEW_YEAR // HOUR + 24)
            job.make_rollups()
            assert sum(each.readings for each in job.remove_old()) == 3 * 144
        for number in streams.values():
            write(url, number, [LATE], 1.0)
        yield url


@pytest.fixture(scope="module")
def api(town: str) -> Iterator[Client]:
    with served(town) as api:
        yield api


def ask(api: Client, channel: str, agg: str, **parameters: Any) -> dict[str, Any]:
    day = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "every": "1h"}
    [series] = api.json("series", stream=f"house-01/{channel}", agg=agg, **day | parameters)["streams"]
    found: dict[str, Any] = series
    return found


@pytest.mark.parametrize(
    ("channel", "agg", "noon"), [("water_volume", "increase", 0.6), ("lamp_state", "share", 1)]
)
def test_what_came_too_late_for_a_final_rollup_is_not_taken_for_the_reading_before_a_range(
    api: Client, channel: str, agg: str, noon: float
) -> None:
    whole = ask(api, channel, agg)["values"][agg][12]
    assert ask(api, channel, agg, start="2026-01-01T12:00:00Z")["values"][agg][0] == whole
    assert whole == pytest.approx(noon)


def test_windows_that_would_need_what_was_removed_are_counted(api: Client) -> None:
    ranked = ask(api, "no2", "mean,n,p95")
    assert ranked["removed"] == 24
    assert ranked["values"]["mean"] == ranked["values"]["p95"] == [None] * 24
    rolled = ask(api, "no2", "mean,n,n_expected")
    assert rolled["removed"] == 0
    assert rolled["values"]["mean"] == [10.0] * 24
    assert rolled["values"]["n"] == [6] * 24
    assert rolled["values"]["n_expected"] == [None] * 24  # nobody told an interval


def test_hours_that_wait_are_not_summed_up_without_a_limit(api: Client, town: str) -> None:
    [number] = register(town, "house-03", "no2").values()
    with psycopg.connect(town) as connection:
        connection.execute("UPDATE stream SET expected_interval = 0.0001 WHERE stream_id = %s", [number])
        connection.execute(
            "INSERT INTO dirty_hours (generation, streams, hours) VALUES (0, %s, %s)",
            [[number], [NEW_YEAR // HOUR]],
        )
    day = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "every": "1h"}
    answer = api.ask("series", stream="house-03/no2", **day)
    assert answer.status_code == 413
    assert "36,000,000 raw readings still wait for their rollups; the limit is 20,000,000" in answer.text

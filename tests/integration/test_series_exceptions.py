"""Series out of the ordinary: readings voided by hand, meters that roll over at different numbers."""

from collections.abc import Iterator
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

HOUR, MINUTE = 3600 * SECOND, 60 * SECOND
AT_TEN = np.array([10, 50, 70, 110, 130]) * MINUTE + NEW_YEAR


@pytest.fixture(scope="module")
def api(databases: Databases) -> Iterator[Client]:
    with databases.migrated() as url:
        streams = register(url, "house-01", "water_volume", "lamp_state", "air_temperature")
        put(url, streams["water_volume"], AT_TEN, [0, 1000, 2000, 3000, 4000])
        put(url, streams["lamp_state"], AT_TEN, [0, 1, 1, 1, 1])
        put(url, streams["air_temperature"], AT_TEN, [1, 2, 3, 4, 5])
        [silent] = register(url, "house-03", "water_volume").values()
        put(url, silent, [NEW_YEAR - 3 * 365 * 24 * HOUR, NEW_YEAR], [3, 10])
        meters = register(url, "house-02", "a/water_volume", "b/water_volume", "c/water_volume")
        for number, per_hour in zip(meters.values(), (6, 10, 1000), strict=True):
            put(url, number, NEW_YEAR + np.arange(3) * HOUR, np.arange(3) * per_hour + 99_000)
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE reading SET value = 'NaN' WHERE time = %s", ["2026-01-01T01:50Z"])
            connection.execute("UPDATE stream SET modulus = 100000 WHERE channel = 'a/water_volume'")
        job = Maintenance(DatabaseSettings.model_validate({"url": url}), MaintainSettings())
        job.rebuild(NEW_YEAR // HOUR - 4 * 366 * 24, NEW_YEAR // HOUR + 3)
        job.make_rollups()
        job.close()
        with served(url) as api:
            yield api


def last_hour(api: Client, channel: str, agg: str, start: int, every: str) -> Any:
    answer = api.json(
        "series",
        stream=f"house-01/{channel}",
        start=f"2026-01-01T{start:02}:00:00Z",
        end="2026-01-01T03:00:00Z",
        every=every,
        agg=agg,
    )
    return answer["streams"][0]["values"][agg][-1 if every == "1h" else -2]


@pytest.mark.parametrize("every", ["1h", "30m"])
@pytest.mark.parametrize(
    ("channel", "agg"),
    [("water_volume", "increase"), ("lamp_state", "share"), ("air_temperature", "time_weighted")],
)
def test_a_reading_voided_before_the_range_changes_nothing_in_it(
    api: Client, channel: str, agg: str, every: str
) -> None:
    whole = last_hour(api, channel, agg, 0, every)
    assert whole is not None
    assert last_hour(api, channel, agg, 2, every) == whole


def test_a_meter_that_was_silent_for_years_rises_the_same_wherever_the_range_begins(api: Client) -> None:
    answers = [
        api.json(
            "series", stream="house-03/water_volume", start=start, end="2026-01-01T01:00:00Z", every="1h"
        )
        for start in ("2025-12-31T22:00:00Z", "2026-01-01T00:00:00Z")
    ]
    months = api.json(
        "series", stream="house-03/water_volume", start="2022-12-31T23:00:00Z", end="2026-01-31T23:00:00Z",
        every="month", tz="Europe/Oslo",
    )  # fmt: skip
    assert [answer["streams"][0]["values"]["mean"][-1] for answer in answers] == [7, 7]
    assert months["streams"][0]["values"]["mean"][-1] == 7


def test_raw_points_leave_out_what_was_voided(api: Client) -> None:
    answer = api.json(
        "series",
        stream="house-01/air_temperature",
        start="2026-01-01T00:00:00Z",
        end="2026-01-01T03:00:00Z",
        every="raw",
        include_flagged="true",
    )
    assert answer["streams"][0]["values"]["value"] == [1, 2, 3, 5]
    assert answer["streams"][0]["excluded"] == 1


def test_a_spatial_mean_is_over_all_meters_wherever_they_roll_over(api: Client) -> None:
    answer = api.json(
        "series",
        stream=[f"house-02/{channel}/water_volume" for channel in "abc"],
        start="2026-01-01T01:00:00Z",
        end="2026-01-01T03:00:00Z",
        every="1h",
        spatial="mean",
    )
    assert answer["spatial"]["values"]["mean"] == [pytest.approx((6 + 10 + 1000) / 3)] * 2
    assert answer["spatial"]["values"]["streams"] == [3, 3]

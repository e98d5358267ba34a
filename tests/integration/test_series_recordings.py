"""A year of real readings: daily means and exceedances as pandas makes them from the files."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from bypuls.maintenance.service import Maintenance
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store.hours import HOUR
from testbed import Databases
from testbed.client import Client, served
from testbed.filling import put, register

STATIONS = sorted((Path(__file__).parents[2] / "simulators" / "recordings").glob("[knv]*.csv.gz"))
YEAR = "start=2020-12-31T23:00:00Z&end=2021-12-31T23:00:00Z"


def readings(file: Path) -> Any:  # a Series by time; the stubs know no index of times
    frame = pd.read_csv(
        io.BytesIO(gzip.decompress(file.read_bytes())), parse_dates=["time"], index_col="time"
    )
    return frame["pm2_5"].dropna()


def name(file: Path) -> str:
    return file.name.removesuffix(".csv.gz")


def daily(file: Path) -> Any:
    """Return mean and coverage of every civil day of 2021."""
    local = readings(file).tz_convert("Europe/Oslo").loc["2021"]
    days = pd.date_range("2021-01-01", "2022-01-01", freq="D", tz="Europe/Oslo")
    hours = (days[1:] - days[:-1]) / pd.Timedelta("1h")
    groups = local.groupby(local.index.normalize())
    found = pd.DataFrame({"mean": groups.mean(), "n": groups.size()}).reindex(days[:-1])
    found["coverage"] = found["n"].fillna(0) / hours
    return found


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    """A database with the stations' PM2.5, once more as if it were PM10, which has a daily limit."""
    with databases.migrated() as made:
        for file in STATIONS:
            values = readings(file)
            times = values.index.as_unit("us").asi8
            for number in register(made, name(file), "pm2_5", "pm10").values():
                put(made, number, times, values.to_numpy())
        with psycopg.connect(made) as connection:
            connection.execute("UPDATE stream SET expected_interval = 3600")
        yield made


@pytest.fixture(scope="module", params=["readings", "rollups"])
def api(url: str, request: pytest.FixtureRequest) -> Iterator[Client]:
    """The API over the database, before and after its rollups are made."""
    job = Maintenance(DatabaseSettings.model_validate({"url": url}), MaintainSettings())
    job.rebuild(1_600_000_000_000_000 // HOUR, 1_650_000_000_000_000 // HOUR)
    if request.param == "rollups":
        job.make_rollups()
    job.close()
    with served(url) as client:
        yield client


@pytest.mark.parametrize("file", STATIONS, ids=name)
def test_daily_means_are_what_pandas_makes_of_the_file(api: Client, file: Path) -> None:
    expected = daily(file)
    how = "every=day&tz=Europe/Oslo&agg=mean,coverage,n&min_coverage=0.85"
    answer = api.ask(f"series?stream={name(file)}/pm2_5&{YEAR}&{how}").json()
    [series] = [each["values"] for each in answer["streams"]]
    assert [pd.Timestamp(time) for time in answer["time"]] == list(expected.index.tz_convert("UTC"))
    assert series["n"] == expected["n"].fillna(0).astype(int).to_list()
    np.testing.assert_allclose(np.array(series["coverage"], float), expected["coverage"], rtol=1e-12)
    kept = expected["mean"].where(expected["coverage"] >= 0.85)
    np.testing.assert_allclose(np.array(series["mean"], float), kept, rtol=1e-9)
    lengths = dict(
        zip(
            answer["time"],
            np.diff([*map(pd.Timestamp, answer["time"]), pd.Timestamp(answer["end"])]),
            strict=True,
        )
    )
    assert lengths["2021-03-27T23:00:00.000000Z"] == pd.Timedelta("23h")
    assert lengths["2021-10-30T22:00:00.000000Z"] == pd.Timedelta("25h")


def test_exceedances_are_what_pandas_counts(api: Client) -> None:
    found = api.ask("exceedances?quantity=pm10&year=2021").json()["assessments"]
    days = {each["stream"]: each for each in found if each["period"] == "day"}
    years = {each["stream"]: each for each in found if each["period"] == "year"}
    some = 0
    for file in STATIONS:
        expected, answer = daily(file), days[f"{name(file)}/pm10"]
        assessed = expected["coverage"] >= 0.85
        above = assessed & (expected["mean"] > 50)
        some += int(above.sum())
        assert (answer["assessed"], answer["not_assessed"]) == (assessed.sum(), (~assessed).sum())
        assert (answer["exceeded"], answer["allowed"]) == (above.sum(), 25)
        assert (answer["in_force"], answer["left"]) == (False, None), "these limits came in 2022"
        assert [pd.Timestamp(time) for time in answer["exceedances"]["time"]] == list(
            expected.index[above].tz_convert("UTC")
        )
        missing = [
            day
            for start, end in zip(answer["gaps"]["start"], answer["gaps"]["end"], strict=True)
            for day in expected.index[(expected.index >= start) & (expected.index < end)]
        ]
        assert missing == list(expected.index[~assessed])
        whole = readings(file).tz_convert("Europe/Oslo").loc["2021"]
        covered = len(whole) / 8760 >= 0.85
        year = years[f"{name(file)}/pm10"]
        assert (year["assessed"], year["exceeded"]) == (int(covered), int(covered and whole.mean() > 20))
    assert some > 0, "or the comparison says nothing"


def test_air_quality_grades_the_hours_by_the_worst_component(api: Client) -> None:
    span = "start=2021-02-01T00:00:00Z&end=2021-02-02T00:00:00Z"
    answer = api.ask(f"air-quality?{span}").json()
    assert [station["node"] for station in answer["stations"]] == [name(file) for file in STATIONS]
    for station, file in zip(answer["stations"], STATIONS, strict=True):
        values = readings(file).reindex(pd.to_datetime(answer["time"]))
        expected = [
            None if np.isnan(v) else int(np.searchsorted([30, 50, 150], v, "right")) + 1 for v in values
        ]
        [fine] = [each for each in station["components"] if each["quantity"] == "pm2_5"]
        assert fine["class"] == expected
        assert station["class"] == expected, "PM10 of the same values is never the worse one"

"""Series over HTTP: windows of every kind, from rollups and from readings."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from testbed import Databases
from testbed.client import Client, served
from testbed.spring import FLAGS, HOUR, MARCH, RANGE, TIME, VALUES, fill, fill_unflagged

OSLO = ZoneInfo("Europe/Oslo")


@pytest.fixture(scope="module")
def api(databases: Databases) -> Iterator[Client]:
    with databases.migrated() as url:
        fill(url)
        with served(url) as api:
            yield api


@pytest.fixture(scope="module")
def unflagged(databases: Databases) -> Iterator[Client]:
    with databases.migrated() as url:
        fill_unflagged(url)
        with served(url) as api:
            yield api


def ask(api: Client, channel: str, agg: str, **parameters: Any) -> dict[str, list[Any]]:
    """Return the values of one stream, by statistic."""
    answer = api.json("series", stream=f"air-01/{channel}", agg=agg, **RANGE | parameters)
    values: dict[str, list[Any]] = answer["streams"][0]["values"]
    return values


def civil_days() -> dict[date, list[int]]:
    """Sort the readings that count into civil days, one by one."""
    days: dict[date, list[int]] = defaultdict(list)
    day = date(2026, 3, 2)
    while day <= date(2026, 4, 8):
        days[day] = []
        day += timedelta(days=1)
    for place, time in enumerate(TIME.tolist()):
        local = datetime.fromtimestamp(time / 1e6, UTC).astimezone(OSLO).date()
        if not FLAGS[place] and local in days:
            days[local].append(place)
    return days


def direction(values: list[float]) -> float:
    angles = [math.radians(value) for value in values]
    return math.degrees(math.atan2(sum(map(math.sin, angles)), sum(map(math.cos, angles)))) % 360


def loudness(values: list[float]) -> float:
    return 10 * math.log10(sum(10 ** (value / 10) for value in values) / len(values))


def plain(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize(
    ("channel", "mean"),
    [("no2", plain), ("wind_direction", direction), ("sound_level", loudness), ("rainfall", sum)],
)
@pytest.mark.parametrize("flagged", ["false", "true"])
def test_means_of_civil_days_are_those_of_a_slow_twin_over_the_change_of_clocks(
    api: Client, channel: str, mean: Callable[[list[float]], float], flagged: str
) -> None:
    found = ask(api, channel, "mean,n,n_excluded", every="day")
    days = civil_days()
    values = VALUES[channel].tolist()
    expected = [mean([values[place] for place in places]) if places else None for places in days.values()]
    assert found["mean"] == [None if value is None else pytest.approx(value, rel=1e-9) for value in expected]
    assert found["n"] == [len(places) for places in days.values()]
    assert sum(found["n_excluded"]) > 10


def test_a_meter_rises_by_its_steps_and_by_its_new_value_after_a_reset(api: Client) -> None:
    days, values = civil_days(), VALUES["energy"].tolist()
    counted = [place for place in range(len(TIME)) if not FLAGS[place]]
    before = dict(zip(counted[1:], counted[:-1], strict=True))
    expected = [
        sum(
            values[place] - (values[before[place]] if values[before[place]] <= values[place] else 0)
            for place in places
        )
        if places
        else None
        for places in days.values()
    ]
    found = ask(api, "energy", "mean,increase,resets", every="day")
    assert found["mean"] == found["increase"]
    assert found["mean"] == [None if value is None else pytest.approx(value, rel=1e-9) for value in expected]
    assert sum(value or 0 for value in found["resets"]) >= 3


ALL = {
    "no2": "mean,min,max,std,first,last,n,coverage,time_weighted",
    "wind_direction": "mean,steadiness,std,n,coverage",
    "sound_level": "mean,min,max,time_weighted",
    "rainfall": "sum,max,coverage",
    "energy": "increase,first,last",
    "lamp_state": "share,changes,coverage,mean",
}


@pytest.mark.parametrize("channel", VALUES)
@pytest.mark.parametrize("every", ["day", "week", "month", "year", "1h", "6h"])
def test_rollups_and_readings_give_the_same_answer(
    api: Client, unflagged: Client, channel: str, every: str
) -> None:
    parameters = {"stream": f"air-01/{channel}", "every": every, "agg": ALL[channel], **RANGE}
    rolled = api.json("series", **parameters)
    # Without flagged readings, include_flagged changes the source and nothing else.
    straight = unflagged.json("series", include_flagged="true", **parameters)
    assert rolled["streams"][0]["source"] == "rollups"
    assert straight["streams"][0]["source"] == "readings"
    assert rolled["time"] == straight["time"]
    for name, values in straight["streams"][0]["values"].items():
        assert rolled["streams"][0]["values"][name] == [
            None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9) for value in values
        ], name


def test_percentiles_come_from_readings_and_equal_those_of_numpy(api: Client) -> None:
    found = api.json("series", stream="air-01/no2", every="day", agg="p50,p99.5", **RANGE)
    series = found["streams"][0]
    assert series["source"] == "readings"
    for name, q in (("p50", 50), ("p99.5", 99.5)):
        expected = [
            np.percentile(VALUES["no2"][places], q) if places else None for places in civil_days().values()
        ]
        assert series["values"][name] == [each if each is None else pytest.approx(each) for each in expected]


def test_days_are_civil_in_the_zone_asked_for(api: Client) -> None:
    found = api.json("series", stream="air-01/no2", every="day", **RANGE)
    starts = [datetime.fromisoformat(time) for time in found["time"]]
    assert all(start.astimezone(OSLO).hour == 0 for start in starts)
    hours = {(after - start).total_seconds() / 3600 for start, after in pairwise(starts)}
    assert hours == {23, 24}
    assert found["tz"] == "Europe/Oslo"
    there = api.json("series", stream="air-01/no2", every="day", tz="Asia/Kolkata", **RANGE)
    assert there["time"][0] == "2026-03-01T18:30:00.000000Z"
    assert there["streams"][0]["source"] == "readings"


def test_windows_are_given_whole_and_those_not_over_are_marked(api: Client) -> None:
    found = api.json("series", stream="air-01/now", every="1h", agg="n")
    assert found["start"][14:] == found["end"][14:] == "00:00.000000Z"
    assert found["partial"] == [len(found["time"]) - 1]
    assert sum(found["streams"][0]["values"]["n"]) == 360


def test_many_streams_share_one_axis_in_the_order_asked_for(api: Client) -> None:
    names = ["air-02/no2", "air-01/lamp_state", "air-01/wind_direction", "air-01/empty"]
    found = api.json(
        "series",
        stream=names,
        every="15m",
        agg="mean,n",
        start="2026-03-05T00:00:00Z",
        end="2026-03-06T00:00:00Z",
    )
    assert [each["stream"] for each in found["streams"]] == names
    assert [each["kind"] for each in found["streams"]] == ["linear", "state", "circular", "linear"]
    assert [each["units"]["mean"] for each in found["streams"]] == ["ug/m3", "1", "deg", "1"]
    assert {len(values) for each in found["streams"] for values in each["values"].values()} == {96}
    assert found["streams"][3]["values"] == {"mean": [None] * 96, "n": [0] * 96}


def test_what_has_no_reading_that_counts_is_null_and_told(api: Client) -> None:
    one = ask(api, "one", "mean,std,n,coverage", every="week")
    assert one["mean"] == [7.5, *[None] * 5]
    assert one["std"][0] == 0
    assert one["coverage"] == [None] * 6
    wrong = ask(api, "wrong", "mean,n,n_excluded,coverage", every="month", start="2026-03-01T00:00:00Z")
    assert (wrong["mean"][0], wrong["n"][0], wrong["n_excluded"][0], wrong["coverage"][0]) == (
        None,
        0,
        100,
        0,
    )
    answer = api.json(
        "series", stream="air-01/wrong", every="month", **RANGE | {"start": "2026-03-01T00:00:00Z"}
    )
    assert answer["streams"][0]["excluded"] == 100  # also where nobody asked for n_excluded
    kept = ask(api, "wrong", "mean,n", every="month", start="2026-03-01T00:00:00Z", include_flagged="true")
    assert kept["n"][0] == 100
    assert kept["mean"][0] == pytest.approx(VALUES["no2"][:100].mean())


def test_what_is_covered_too_little_is_withheld_and_counted(api: Client) -> None:
    whole = ask(api, "no2", "mean,coverage", every="day")
    [series] = api.json("series", stream="air-01/no2", every="day", min_coverage=0.66, **RANGE)["streams"]
    expected = [
        mean if coverage >= 0.66 else None
        for mean, coverage in zip(whole["mean"], whole["coverage"], strict=True)
    ]
    assert series["values"]["mean"] == expected
    assert series["withheld"] == expected.count(None) - whole["mean"].count(None) > 0


def test_gaps_are_filled_up_to_a_length_and_marked(api: Client) -> None:
    bare = ask(api, "no2", "mean", every="1h")["mean"]
    answer = api.json(
        "series", stream="air-01/no2", every="1h", agg="mean,n", fill="linear", fill_limit=2, **RANGE
    )
    [series] = answer["streams"]
    filled = series["filled"]["mean"]
    assert list(series["filled"]) == ["mean"]
    assert filled
    assert all(bare[place] is None for place in filled)
    for place, value in enumerate(bare):
        if place not in filled:
            assert series["values"]["mean"][place] == value
    assert None in series["values"]["mean"], "the 10th is longer than two hours"


def test_an_unfinished_future_is_not_filled(api: Client) -> None:
    end = datetime.now(UTC) + timedelta(hours=5)
    answer = api.json(
        "series", stream="air-01/now", every="1h", fill="previous", fill_limit=9, end=end.isoformat()
    )
    assert answer["streams"][0]["values"]["mean"][-4:] == [None] * 4


@pytest.mark.parametrize(
    ("quantity", "together"), [("no2", plain), ("wind_direction", direction), ("sound_level", loudness)]
)
def test_a_spatial_mean_counts_each_stream_once_and_as_its_kind_does(
    api: Client, quantity: str, together: Callable[[list[float]], float]
) -> None:
    found = api.json("series", quantity=quantity, every="1h", spatial="mean", **RANGE)
    assert [each["stream"] for each in found["streams"]] == [f"air-01/{quantity}", f"air-02/{quantity}"]
    columns = [each["values"]["mean"] for each in found["streams"]]
    means, counts = found["spatial"]["values"]["mean"], found["spatial"]["values"]["streams"]
    for one, two, mean, count in zip(*columns, means, counts, strict=True):
        values = [value for value in (one, two) if value is not None]
        assert count == len(values)
        assert mean == (pytest.approx(together(values)) if values else None)


def test_a_box_chooses_plain_streams_inside_it(api: Client) -> None:
    found = api.json("series", bbox="11.055,59.9,11.1,60", every="day", **RANGE)
    assert [each["stream"] for each in found["streams"]] == [
        "air-02/no2",
        "air-02/sound_level",
        "air-02/wind_direction",
    ]
    assert api.json("series", bbox="0,0,1,1", every="day", **RANGE)["streams"] == []


@pytest.mark.parametrize(
    ("channel", "parameters", "every"),
    [
        ("no2", {}, "1h"),
        ("no2", {"max_points": 5}, "month"),
        ("no2", {"max_points": 39}, "day"),
        ("no2", {"max_points": 100_000}, "10m"),
        ("one", {"max_points": 100_000}, "1m"),
    ],
)
def test_the_step_follows_from_the_points_wanted_and_the_interval(
    api: Client, channel: str, parameters: dict[str, int], every: str
) -> None:
    assert api.json("series", stream=f"air-01/{channel}", **RANGE, **parameters)["every"] == every


def test_raw_points_are_thinned_and_what_is_wrong_left_out(api: Client) -> None:
    found = api.json("series", stream="air-01/no2", every="raw", max_points=500, **RANGE)
    inside = (FLAGS == 0) & (TIME >= MARCH + 23 * HOUR) & (TIME < MARCH + (38 * 24 + 22) * HOUR)
    values = found["streams"][0]["values"]["value"]
    assert found["thinned_from"] == inside.sum()
    assert len(values) == len(found["time"]) <= 500
    assert (max(values), min(values)) == (VALUES["no2"][inside].max(), VALUES["no2"][inside].min())


def test_work_in_portions_gives_what_work_at_once_gives(api: Client, unflagged: Client) -> None:
    parameters = {"every": "15m", "agg": "mean,p50,time_weighted,n", **RANGE}
    whole, portions = (
        unflagged.json("series", stream=stream, **parameters)["streams"][0]["values"]
        for stream in ("air-01/no2", "air-01/fast/no2")
    )
    assert portions == whole
    # 56 years have 490,000 hours.
    wide, near = (
        api.json("series", stream="air-01/no2", every="month", start=start, end=RANGE["end"])
        for start in ("1970-01-01T00:00:00Z", "2026-03-01T00:00:00Z")
    )
    means = wide["streams"][0]["values"]["mean"]
    assert means[-2:] == near["streams"][0]["values"]["mean"][-2:]
    assert set(means[:-2]) == {None}

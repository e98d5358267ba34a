"""Retention: only what a rollup sums up goes, in portions, and whole chunks where nothing else is in them."""

import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psycopg
import pytest

from bypuls.embedded.postgres import EmbeddedPostgres
from bypuls.maintenance.service import Maintenance
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store import retention
from bypuls.store.database import connect
from bypuls.store.hours import HOUR
from bypuls.store.migrate import migrate
from testbed.filling import put, register
from testbed.writing import raw, rollups, write

DAY = 24 * HOUR
WEEK = 7 * DAY
NOW = int(time.time() * 1e6)
OLDEST = NOW // WEEK * WEEK - 11 * WEEK
"""A chunk begins here, and ten more follow: on any day of the week the second one ended 60 days ago."""


@pytest.fixture
def streams(database_url: str) -> dict[str, int]:
    return register(database_url, "town-01", "no2", "sound_level", "rainfall")


def maintenance(url: str, raw_days: str) -> Maintenance:
    settings = MaintainSettings.model_validate({"raw_days": raw_days})
    return Maintenance(DatabaseSettings.model_validate({"url": url}), settings)


def settle(job: Maintenance) -> None:
    job.rebuild(OLDEST // HOUR - 24, NOW // HOUR)
    job.make_rollups()


def chunks(url: str) -> list[datetime]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT range_start FROM timescaledb_information.chunks ORDER BY range_start"
        ).fetchall()
    return [start for (start,) in rows]


def at(instant: int) -> datetime:
    return datetime.fromtimestamp(instant / 1e6, UTC)


def removed(job: Maintenance) -> dict[str, int]:
    return {each.quantity: each.readings for each in job.remove_old() if each.readings}


def test_weeks_that_are_older_than_every_horizon_are_dropped(
    database_url: str, streams: dict[str, int]
) -> None:
    times = np.arange(OLDEST, NOW - 2 * HOUR, 2 * HOUR)
    for stream in streams.values():
        put(database_url, stream, times)
    with closing(maintenance(database_url, "default=40,sound_level=20")) as job:
        settle(job)
        before = rollups(database_url)
        midnight = NOW // DAY * DAY
        kept_from = (midnight - 40 * DAY) // WEEK * WEEK
        told = {each.quantity: each.readings for each in job.remove_old(dry_run=True)}
        assert told == {
            "no2": int((times < kept_from).sum()),
            "rainfall": int((times < kept_from).sum()),
            "sound_level": int((times < midnight - 20 * DAY).sum()),
        }
        assert removed(job) == told
        assert chunks(database_url)[0] == at(kept_from)
        left = raw(database_url)
        for channel, stream in streams.items():
            first = midnight - 20 * DAY if channel == "sound_level" else kept_from
            assert np.array_equal(left.time[left.stream == stream], times[times >= first])
        assert rollups(database_url) == before
        assert removed(job) == {}
        assert job.make_rollups() == 0, "no hour was made dirty"


def test_a_week_with_a_reading_that_came_too_late_is_emptied_but_for_that(
    database_url: str, streams: dict[str, int]
) -> None:
    times = np.arange(OLDEST, OLDEST + 3 * WEEK, HOUR)
    for stream in streams.values():
        put(database_url, stream, times)
    with closing(maintenance(database_url, "default=60,sound_level=50")) as job:
        settle(job)
        before = rollups(database_url)
        with psycopg.connect(database_url) as connection:  # as if an hour of the first week had been removed
            connection.execute("DELETE FROM reading WHERE time < %s", [at(OLDEST + HOUR)])
            connection.execute("TRUNCATE dirty_hours")
            connection.execute("INSERT INTO retention SELECT stream_id, %s FROM stream", [at(OLDEST + HOUR)])
        write(database_url, streams["no2"], [OLDEST + 5], 7.0)
        job.make_rollups()
        removed(job)
        left = raw(database_url)
        assert (left.stream[0], left.time[0], left.value[0]) == (streams["no2"], OLDEST + 5, 7.0)
        assert at(OLDEST) in chunks(database_url)
        assert at(OLDEST + WEEK) not in chunks(database_url)
        assert (left.time[1:] >= OLDEST + WEEK).all()
        assert rollups(database_url) == before


def test_readings_that_no_rollup_sums_up_stay(database_url: str, streams: dict[str, int]) -> None:
    put(database_url, streams["no2"], OLDEST + np.arange(10) * HOUR)
    with closing(maintenance(database_url, "default=30")) as job:
        settle(job)
        put(database_url, streams["no2"], [OLDEST + 20 * HOUR])  # past the platform, so nobody marked it
        put(database_url, 999, [OLDEST + WEEK])  # nor does the registry know this stream
        assert removed(job) == {"no2": 10}
        assert raw(database_url).time.tolist() == [OLDEST + 20 * HOUR, OLDEST + WEEK]


def test_a_stream_whose_hours_wait_is_left_alone_and_others_are_not(
    database_url: str, streams: dict[str, int]
) -> None:
    other = register(database_url, "town-02", "no2")["no2"]
    times = OLDEST + np.arange(10) * HOUR
    for stream in (streams["no2"], other):
        put(database_url, stream, times)
    with closing(maintenance(database_url, "no2=30")) as job:
        settle(job)
        write(database_url, other, [OLDEST + 3 * HOUR + 1], 1.0)
        [removal] = job.remove_old()
        assert (removal.readings, removal.waiting) == (10, 1)
        assert (raw(database_url).stream == other).all()
        job.make_rollups()
        [removal] = job.remove_old()
        assert (removal.readings, removal.waiting) == (11, 0)
    assert len(raw(database_url)) == 0


def test_a_chunk_in_which_an_hour_waits_is_not_dropped(database_url: str, streams: dict[str, int]) -> None:
    put(database_url, streams["no2"], [OLDEST, OLDEST + WEEK])
    with closing(maintenance(database_url, "default=30")) as job:
        settle(job)
        write(database_url, streams["rainfall"], [OLDEST + 2 * WEEK], 1.0)
        assert removed(job) == {"no2": 2}
        write(database_url, streams["rainfall"], [OLDEST + 3 * WEEK], 1.0)
        waiting = {each.quantity: (each.readings, each.waiting) for each in job.remove_old()}
        assert waiting["rainfall"] == (0, 2)
        assert len(raw(database_url)) == 2


def test_a_chunk_is_dropped_though_somebody_is_in_the_way_for_a_moment(
    database_url: str, streams: dict[str, int]
) -> None:
    put(database_url, streams["no2"], [OLDEST])
    with closing(maintenance(database_url, "default=30")) as job, psycopg.connect(database_url) as reader:
        settle(job)
        assert reader.execute("SELECT count(*) FROM reading").fetchone() == (1,)
        letting_go = threading.Timer(1.2, reader.rollback)
        letting_go.start()
        assert removed(job) == {"no2": 1}
        letting_go.join()


@pytest.mark.parametrize("raw_days", ["default=30", "no2=30,sound_level=30"], ids=["chunks", "rows"])
def test_nothing_is_lost_when_retention_is_cut_short_and_late_readings_come_in_all_the_while(
    database_url: str, streams: dict[str, int], monkeypatch: pytest.MonkeyPatch, raw_days: str
) -> None:
    monkeypatch.setattr(retention, "PORTION", 200)
    dice = np.random.default_rng(11)
    stream_ids = np.array(list(streams.values()), np.int32)
    times = np.arange(OLDEST, OLDEST + 5 * WEEK, HOUR)
    for stream in stream_ids.tolist():
        put(database_url, stream, times)
    with closing(maintenance(database_url, raw_days)) as job:
        settle(job)
    before, expected = rollups(database_url), len(times) * len(stream_ids)
    done, stored = threading.Event(), [0]

    def come_late() -> None:
        while not done.is_set():
            size = 5
            instants = dice.choice(times, size, replace=False) + 1 + stored[0]
            stored[0] += write(database_url, dice.choice(stream_ids, size), instants, 1.0).stored
            time.sleep(0.02)

    late = threading.Thread(target=come_late)
    late.start()
    try:
        horizon = dict.fromkeys(["no2", "sound_level"], at(NOW // DAY * DAY - 30 * DAY))
        if "default" in raw_days:
            horizon["rainfall"] = horizon["no2"]
        for _ in range(12):
            with closing(maintenance(database_url, raw_days)) as job:
                job.make_rollups()
            with connect(database_url, name="cut short", autocommit=True) as connection:
                parts = retention.remove_old(connection, horizon)
                for _, _part in zip(range(int(dice.integers(1, 12))), parts, strict=False):
                    pass
    finally:
        done.set()
        late.join()
    with closing(maintenance(database_url, raw_days)) as job:
        job.make_rollups()
        job.remove_old()
        job.make_rollups()
    found, left = rollups(database_url), raw(database_url)
    with psycopg.connect(database_url) as connection:
        finals: dict[int, datetime] = dict(
            connection.execute("SELECT stream_id, raw_from FROM retention").fetchall()
        )
    kept = {(int(s), int(t // HOUR)): 0 for s, t in zip(left.stream, left.time, strict=True)}
    for s, t in zip(left.stream, left.time, strict=True):
        kept[int(s), int(t // HOUR)] += 1
    total = 0
    for (stream, hour), (number, *_) in found.items():
        final = stream in finals and at(hour * HOUR) < finals[stream]
        here = kept.pop((stream, hour), 0)
        assert final or number == here
        total += number + here if final else here
    assert not kept
    assert total == expected + stored[0], (
        "each reading is in a final rollup or still there, and never in both"
    )
    assert found.keys() == before.keys()
    assert stored[0] > 20


def test_plain_postgresql_removes_in_portions_too(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    server = EmbeddedPostgres(tmp_path)
    server.start()
    try:
        url = server.url()
        migrate(url)
        streams = register(url, "town-01", "no2", "rainfall")
        times = np.arange(OLDEST, OLDEST + 3 * DAY, HOUR // 2)
        for stream in streams.values():
            put(url, stream, times)
        put(url, streams["no2"], [NOW - 3 * HOUR])
        with closing(maintenance(url, "default=30")) as job:
            settle(job)
            before = rollups(url)
            told = {each.quantity: each.readings for each in job.remove_old(dry_run=True)}
            assert removed(job) == told == {"no2": len(times), "rainfall": len(times)}
            assert raw(url).time.tolist() == [NOW - 3 * HOUR]
            assert rollups(url) == before
            assert not job.has_columnstore()
            assert job.move_chunks() == []
    finally:
        server.stop()


def test_a_long_transaction_of_others_holds_retention_up_and_not_ingest(
    database_url: str, streams: dict[str, int]
) -> None:
    put(database_url, streams["no2"], OLDEST + np.arange(100) * HOUR)
    with closing(maintenance(database_url, "no2=30")) as job:
        settle(job)
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE reading SET value = 7 WHERE time = %s", [at(OLDEST + HOUR)])
            with pytest.raises(Exception, match="lock timeout"):
                job.remove_old()
            assert write(database_url, streams["no2"], [NOW], 1.0).stored == 1
            assert len(raw(database_url)) == 101
        job.make_rollups()
        assert removed(job) == {"no2": 100}

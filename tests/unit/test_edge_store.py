"""The agent's store: nothing acknowledged comes back, nothing else gets lost, wherever the file is torn."""

import json
import os
import random
import resource
import shutil
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from edge.pi.errors import StoreError
from edge.pi.store import Store
from edge.pi.windows import Point

LIMIT = 10_000_000


def pack(number: int) -> list[Point]:
    return [Point("no2", "ug/m3", 1_795_450_000_000_000 + number * 1_000_000, float(number))]


def put(store: Store, numbers: Iterable[int]) -> list[int]:
    return [seq for number in numbers for seq in store.commit([pack(number)], ticks_before=0)]


def content(store: Store) -> dict[int, float]:
    """Return the value in each pack."""
    found = {}
    for seq in store.after(0, 1_000_000):
        payload = store.payload(seq)
        if payload is None:
            continue
        [record] = json.loads(payload)
        assert (record["log"], record["seq"]) == (store.log, seq)
        found[seq] = record["v"]
    return found


def snapshot(source: Path, target: Path, **cut: int) -> Path:
    """Copy a store as it lies there, as after a power cut, its files cut to so many bytes."""
    target.mkdir(exist_ok=True)
    for file in source.iterdir():
        if file.name == "ballast":
            continue
        data = file.read_bytes() if file.is_file() else b""
        (target / file.name).write_bytes(data[: cut.get(file.name.replace("edge.db-", ""), len(data))])
    return target


def test_packs_are_numbered_from_1_and_found_again_with_their_log(fast_path: Path) -> None:
    with Store(fast_path, LIMIT) as store:
        log = store.log
        assert put(store, range(3)) == [1, 2, 3]
        assert store.packs == 3
    with Store(fast_path, LIMIT) as store:
        assert (store.log, store.packs, store.last) == (log, 3, 3)
        assert content(store) == {1: 0.0, 2: 1.0, 3: 2.0}
        assert put(store, [3]) == [4]


def test_what_is_acknowledged_is_gone_and_its_number_is_not_used_again(fast_path: Path) -> None:
    with Store(fast_path, LIMIT) as store:
        put(store, range(5))
        assert store.acknowledge([1, 2, 5, 99]) == 3
        assert store.payload(5) is None
        assert content(store) == {3: 2.0, 4: 3.0}
    with Store(fast_path, LIMIT) as store:
        assert store.packs == 2
        assert put(store, [9]) == [6]


def test_samples_are_kept_until_their_windows_are_packed(fast_path: Path) -> None:
    with Store(fast_path, LIMIT) as store:
        for time in range(5):
            store.add_tick(time, {"no2": float(time), "pm10": 0.5})
        store.commit([pack(1)], ticks_before=3)
    with Store(fast_path, LIMIT) as store:
        assert list(store.ticks()) == [(3, {"no2": 3.0, "pm10": 0.5}), (4, {"no2": 4.0, "pm10": 0.5})]
        store.commit([], ticks_before=None)
        assert list(store.ticks()) == []


def gaps(store: Store, seq: int) -> list[list[int]]:
    gap: list[list[int]] = json.loads(store.payload(seq) or b"")[0].get("gap", [])
    return gap


def test_a_full_store_drops_its_oldest_packs_and_each_new_pack_declares_all_of_them(fast_path: Path) -> None:
    with Store(fast_path, 1_000) as store:
        put(store, range(20))
        kept = sorted(content(store))
        assert kept[-1] == 20
        assert store.dropped == kept[0] - 1 == 20 - len(kept)
        assert gaps(store, 20) == [[1, kept[0] - 2]]
    with Store(fast_path, 1_000) as store:
        assert store.dropped == kept[0] - 1
        [seq] = put(store, [99])
        assert gaps(store, seq) == [[1, kept[0] - 1]]


def test_a_gap_is_declared_until_a_pack_that_declares_it_is_acknowledged(fast_path: Path) -> None:
    with Store(fast_path, 1_000) as store:
        put(store, range(20))
        [[_, high]] = gaps(store, 20)
        store.acknowledge([20])
        assert store.dropped == high + 1
        [seq] = put(store, [20])
        assert gaps(store, seq) == [[high + 1, high + 1]]
        store.acknowledge([seq])
        [seq] = put(store, [21])
        assert gaps(store, seq) == []


def test_no_pack_goes_undeclared_whatever_is_acknowledged_meanwhile(fast_path: Path) -> None:
    acknowledged: set[int] = set()
    declared: set[int] = set()
    chance = random.Random(1)
    with Store(fast_path, 3_000) as store:
        for number in range(500):
            put(store, [number])
            if chance.random() < 0.05:
                for seq in chance.sample(sorted(content(store)), 3):
                    declared |= {n for low, high in gaps(store, seq) for n in range(low, high + 1)}
                    acknowledged |= {seq}
                    store.acknowledge([seq])
        put(store, [500])
        pending = {n for low, high in store._gaps.undeclared() for n in range(low, high + 1)}
        assert set(range(1, 502)) == acknowledged | declared | pending | set(content(store))
        assert store.dropped == 501 - len(acknowledged) - store.packs
        assert len(store._gaps.undeclared()) < 40


def test_samples_have_a_bound_too_and_what_is_dropped_is_counted(fast_path: Path) -> None:
    with Store(fast_path, 5_000) as store:
        for time in range(1_000):
            store.add_tick(time, {"no2": float(time)})
        left = [time for time, _ in store.ticks()]
        assert left == list(range(left[0], 1_000))
        assert store.take_ticks_dropped() == left[0]
        assert store.take_ticks_dropped() == 0


def test_two_agents_do_not_share_a_store(fast_path: Path) -> None:
    with Store(fast_path, LIMIT), pytest.raises(StoreError, match="another agent uses the store"):
        Store(fast_path, LIMIT).__enter__()


def test_a_folder_that_can_not_be_made_is_told(fast_path: Path) -> None:
    (fast_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be used"):
        Store(fast_path / "file" / "store", LIMIT).__enter__()


def test_a_store_torn_at_any_byte_of_its_last_record_loses_that_record_at_most(fast_path: Path) -> None:
    source = fast_path / "source"
    with Store(source, LIMIT) as store:
        put(store, range(5))
        store.add_tick(7, {"no2": 7.0})
        before = (source / "edge.db-wal").stat().st_size
        store.commit([pack(5)], ticks_before=None)
        whole = (source / "edge.db-wal").stat().st_size
        log = store.log
        snapshot(source, fast_path / "power-cut")
    assert 1_000 < whole - before < 10_000
    outcomes = set()
    copy = fast_path / "copy"
    for cut in range(before, whole + 1):
        snapshot(fast_path / "power-cut", copy, wal=cut)
        with Store(copy, LIMIT) as store:
            assert (store.log, store.replaced) == (log, None)
            found = content(store)
            ticks = list(store.ticks())
        outcomes.add((len(found), len(ticks)))
        assert found == {seq: seq - 1.0 for seq in range(1, len(found) + 1)}
        # The last record is there wholly, or not at all: then the samples are still there.
        assert (len(found), len(ticks)) in {(5, 1), (6, 0)}
    assert outcomes == {(5, 1), (6, 0)}


def test_a_number_that_was_sent_is_never_given_to_another_pack_though_the_end_is_torn_off(
    fast_path: Path,
) -> None:
    source = fast_path / "source"
    with Store(source, LIMIT) as store:
        put(store, range(5))
        before = (source / "edge.db-wal").stat().st_size
        put(store, [5])
        store.sending(6)
        snapshot(source, fast_path / "torn", wal=before)
    with Store(fast_path / "torn", LIMIT) as store:
        assert sorted(content(store)) == [1, 2, 3, 4, 5]
        assert put(store, [9]) == [7]


def test_packs_that_were_sent_and_are_lost_with_the_torn_end_are_declared_and_counted(
    fast_path: Path,
) -> None:
    source = fast_path / "source"
    with Store(source, LIMIT) as store:
        put(store, range(5))
        before = (source / "edge.db-wal").stat().st_size
        put(store, [5, 6, 7])
        store.sending(7)
        snapshot(source, fast_path / "torn", wal=before)
    for _ in range(2):  # again after a restart: nothing is counted twice
        with Store(fast_path / "torn", LIMIT) as store:
            assert (store.packs, store.last, store.dropped) == (5, 7, 2)
    with Store(fast_path / "torn", LIMIT) as store:
        [seq] = put(store, [9])
        assert (seq, gaps(store, seq)) == (8, [[6, 7]])
        assert store.dropped == 2
        store.acknowledge([seq])
        [seq] = put(store, [10])
        assert gaps(store, seq) == []


@pytest.mark.parametrize("fraction", [0.0001, 0.01, 0.3, 0.5, 0.9])
def test_a_database_that_can_not_be_read_is_put_aside_and_a_new_log_begins(
    fast_path: Path, fraction: float
) -> None:
    with Store(fast_path, LIMIT) as store:
        put(store, range(200))
        store.sending(200)
        old = store.log
    file = fast_path / "edge.db"
    size = file.stat().st_size
    os.truncate(file, int(size * fraction))
    with Store(fast_path, LIMIT) as store:
        assert store.replaced is not None
        assert (store.replaced / "edge.db").stat().st_size == int(size * fraction)
        assert store.log != old
        assert (store.packs, store.last) == (0, 0)
        assert put(store, [1]) == [1]
        assert store.aside == [store.replaced]
    with Store(fast_path, LIMIT) as store:
        assert store.replaced is None
        assert len(store.aside) == 1, "it is told until somebody has looked after it"
        shutil.rmtree(store.aside[0])
    with Store(fast_path, LIMIT) as store:
        assert store.aside == []


def test_packs_damaged_inside_of_the_database_are_given_up_and_declared(fast_path: Path) -> None:
    with Store(fast_path, LIMIT) as store:
        put(store, range(200))
        for time in range(50):
            store.add_tick(time, {"no2": 1.0})
    file = fast_path / "edge.db"
    data = file.read_bytes()
    # A page that lost its content but not its structure: SQLite itself has no checksums.
    damaged = data.replace(b'"v":100.0', b'"v":900.0').replace(b'"v":150.0', bytes(9))
    assert damaged != data
    file.write_bytes(damaged)
    with Store(fast_path, LIMIT) as store:
        assert content(store).keys() == set(range(1, 201)) - {101, 151}
        assert (store.dropped, store.packs) == (2, 198)
        [seq] = put(store, [9])
        assert gaps(store, seq) == [[101, 101], [151, 151]]
        assert len(list(store.ticks())) == 50


def test_rubbish_in_place_of_the_database_is_put_aside(fast_path: Path) -> None:
    (fast_path / "edge.db").write_bytes(b"no database at all" * 1_000)
    (fast_path / "sent").write_bytes(b"\xff\xfe rubbish \x00")
    with Store(fast_path, LIMIT) as store:
        assert store.replaced is not None
        assert put(store, [1]) == [1]


def test_a_store_that_can_not_be_written_says_so_and_nothing_has_happened(
    fast_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(fast_path, LIMIT) as store:
        put(store, range(3))
        [pages] = store._database.execute("PRAGMA page_count").fetchone()
        store._database.execute(f"PRAGMA max_page_count = {pages}")  # as a full disk
        large = [Point("no2", "ug/m3", number, 1.0) for number in range(5_000)]
        with pytest.raises(StoreError, match="can't be written: database or disk is full"):
            store.commit([large], ticks_before=None)
        assert (store.packs, store.last) == (3, 3)
        assert sorted(content(store)) == [1, 2, 3]
        store._database.execute("PRAGMA max_page_count = 1000000")
        assert store.commit([large], ticks_before=None) == [4]


def test_an_error_of_the_disk_is_no_damage_and_puts_nothing_aside(fast_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A write beyond this limit fails with EFBIG, which SQLite calls a disk I/O error.
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, before[1]))
    try:
        with pytest.raises(StoreError, match="can't be used: disk I/O error"), Store(fast_path, LIMIT):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with Store(fast_path, LIMIT) as store:
        assert (store.replaced, store.aside) == (None, [])


def test_what_is_kept_by_key_is_found_again(fast_path: Path) -> None:
    with Store(fast_path, LIMIT) as store:
        assert store.get("remote") is None
        store.put(remote="{}", base="x")
        store.commit([], ticks_before=0, base="y")
    with Store(fast_path, LIMIT) as store:
        assert (store.get("remote"), store.get("base")) == ("{}", "y")


def test_the_store_is_a_plain_sqlite_database_that_other_tools_can_read(fast_path: Path) -> None:
    with Store(fast_path, LIMIT) as store:
        put(store, range(3))
    copy: Any = shutil.copy(fast_path / "edge.db", fast_path / "copy.db")
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM pack").fetchone() == (3,)
    connection.close()


def test_threads_may_use_a_store_at_once(fast_path: Path) -> None:
    failures: list[StoreError] = []

    def sample(number: int) -> None:
        try:
            for _ in range(300):
                store.add_tick(number, {"no2": 1.0})
        except StoreError as error:
            failures.append(error)

    with Store(fast_path, LIMIT) as store:
        threads = [threading.Thread(target=sample, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            [seq] = put(store, [1])
            assert store.payload(seq) is not None
            assert store.acknowledge([seq]) == 1
        assert failures == []
        assert len(list(store.ticks())) == 1_200

"""A disk that is really full: the agent goes on with the newest readings, and drains as soon as it may."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from paho.mqtt.client import MQTTMessageInfo

from edge.pi.check import check
from edge.pi.configuration import Configuration
from edge.pi.errors import StoreError
from edge.pi.store import Store
from edge.pi.uplink import Uplink
from edge.pi.windows import Point
from testbed.hand_clock import HandClock

LIMIT = 64_000_000
START = 1_795_450_000_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "bypuls-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take up all that is left of a disk."""
    path = disk / "of-others"
    with path.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4_096))
    return path


def pack(number: int) -> list[Point]:
    return [Point(f"no2_{i}", "ug/m3", START + number * 1_000_000, number + i / 7) for i in range(40)]


def drained(store: Store) -> list[int]:
    """Send all that a store holds to a platform that acknowledges at once; return the seqs in order."""
    clock = HandClock(START)
    uplink = Uplink(store, clock, 5.0)
    sent: list[int] = []
    answers: list[bytes] = []

    def publish(payload: bytes) -> MQTTMessageInfo:
        seq = json.loads(payload)[0]["seq"]
        sent.append(seq)
        answers.append(json.dumps({"log": store.log, "seq": [[seq, seq]]}).encode())
        return MQTTMessageInfo(len(sent))

    uplink.connected(publish)
    uplink.pump()
    while answers:
        for answer in [answers.pop() for _ in range(len(answers))]:
            uplink.received(answer)
        uplink.pump()
    return sent


def test_on_a_full_disk_the_oldest_packs_make_room_for_new_ones_and_all_of_it_drains(
    small_disk: Path,
) -> None:
    with Store(small_disk / "store", LIMIT) as store:
        for number in range(200):
            store.commit([pack(number)], ticks_before=0)
        fill(small_disk)
        for number in range(200, 1_000):
            store.commit([pack(number)], ticks_before=0)
            with suppress(StoreError):
                store.add_tick(number, {"no2": 1.0})
        assert store.last == 1_000
        assert 100 < store.packs == 1_000 - store.dropped
        kept = store.after(0, 10_000)
        assert kept == list(range(store.dropped + 1, 1_001))
        newest = json.loads(store.payload(1_000) or b"")
        assert newest[0]["gap"][0][0] == 1
        assert newest[0]["gap"][-1][1] >= store.dropped - 50
        assert sorted(drained(store)) == kept
        assert store.packs == 0


def test_on_a_full_disk_that_was_full_before_anything_was_dropped_all_of_it_drains(small_disk: Path) -> None:
    with Store(small_disk / "store", LIMIT) as store:
        for number in range(200):
            store.commit([pack(number)], ticks_before=0)
        fill(small_disk)
        assert sorted(drained(store)) == list(range(1, 201))
        assert (store.packs, store.dropped) == (0, 0)


def test_a_disk_that_has_room_again_is_used_again(small_disk: Path) -> None:
    with Store(small_disk / "store", LIMIT) as store:
        for number in range(200):
            store.commit([pack(number)], ticks_before=0)
        others = fill(small_disk)
        for number in range(200, 600):
            store.commit([pack(number)], ticks_before=0)
        dropped = store.dropped
        assert dropped
        others.unlink()
        for number in range(600, 700):
            store.commit([pack(number)], ticks_before=0)
        assert store.dropped == dropped
        assert (small_disk / "store/ballast").stat().st_blocks * 512 >= 2_000_000


def test_a_store_opens_on_a_full_disk_with_its_packs_even_after_the_power_failed(small_disk: Path) -> None:
    with Store(small_disk / "store", LIMIT) as store:
        for number in range(200):
            store.commit([pack(number)], ticks_before=0)
        fill(small_disk)
    for number in range(200, 240):
        with Store(small_disk / "store", LIMIT) as store:
            store.commit([pack(number)], ticks_before=0)
            store.sending(store.last)
        fill(small_disk)
    with Store(small_disk / "store", LIMIT) as store:
        assert store.replaced is None
        assert store.last == 240
        assert sorted(drained(store)) == list(range(store.dropped + 1, 241))


def test_check_tells_that_the_disk_is_full(small_disk: Path) -> None:
    folder = small_disk / "store"
    configuration = Configuration.model_validate(
        {
            "node": "full-2",
            "broker": {"host": "127.0.0.1", "port": 9},
            "store": {"folder": folder},
            "sensor": [{"kind": "simulated", "outputs": ["no2"]}],
        }
    )
    told: list[str] = []
    check(configuration, told.append)
    assert any(line.startswith(f"ok    disk of {folder}: ") for line in told)
    fill(small_disk)
    told.clear()
    assert not check(configuration, told.append)
    assert any(line.startswith(f"FAIL  disk of {folder}: 0.0 MB are free, 2 MB are needed") for line in told)

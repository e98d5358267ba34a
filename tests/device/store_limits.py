"""Runs under MicroPython: segments smaller than a pack, lowered limits, a flash that fails or is full."""

import os

from flash import Flash, format_and_mount
from store_kit import body, content, empty, put, read, reopen, write

from node import era_notes, eras
from node.store import StoreError

# A segment that is smaller than a pack holds one pack, and each is there after a restart.
store = reopen("tiny", segments=8, packs=4, size=100)
kept = {put(store, number): number for number in range(5)}
store.close()
store = reopen("tiny", segments=8, packs=4, size=100)
for seq, number in kept.items():
    found = content(store, seq)
    assert found and found.endswith(body(number)), seq
store.close()
empty("tiny")

# Segments were longer once. The end of the newest one is no pack, or its head can't be read: no seq is given
# again.
for least in (1, 4, 8):
    for place in (-100, 0):
        store = reopen("lowered", segments=4, packs=20, size=20_000)
        kept = [put(store, number) for number in range(35)]
        store.close()
        name = "lowered/" + max(name for name in os.listdir("lowered"))
        data = bytearray(read(name))
        for at in range(place, 0 if place else 36):
            data[at] = 0xFF
        write(name, data)
        store = reopen("lowered", segments=4, packs=least, size=20_000)
        assert store.next > max(kept), (least, place, store.next)
        assert content(store, put(store, 99)) is not None
        store.close()
        empty("lowered")

# A write fails once: that pack is refused, and those after it are stored.
for failing in range(1, 12):
    flash = Flash()
    format_and_mount(flash)
    store = reopen("/f/packs", segments=6, packs=4)
    kept, refused = {}, 0
    for number in range(20):
        if number == 10:
            flash.failing = failing
        try:
            kept[put(store, number)] = number
        except (OSError, StoreError):
            refused += 1
    flash.failing = 0
    for again in range(2):
        for seq, number in kept.items():
            found = content(store, seq)
            assert found and found.endswith(body(number)), (failing, again, seq)
        store.close()
        store = reopen("/f/packs", segments=6, packs=4)
    assert refused <= 1, (failing, refused)
    store.close()
    os.umount("/f")

# A full flash: what is noted of eras takes its room from the oldest packs, which are declared.
flash = Flash()
format_and_mount(flash)
store = reopen("/f/packs", segments=400, packs=8)
for number in range(600):
    put(store, number)
NOW = 1_780_000_000_000
for era in range(1, 120):
    era_notes.persist(store, era_notes.guess, "/f/packs.eras", era, NOW, 0)
    era_notes.persist(store, era_notes.decide, "/f/packs.eras", era, NOW, 0)
    assert eras.decided("/f/packs.eras", era) == (NOW, 0)
for number in range(600, 700):
    put(store, number)
store.close()
store = reopen("/f/packs", segments=400, packs=8)  # and the file of the eras is made shorter
stored = [seq for seq in range(1, 701) if content(store, seq) is not None]
assert stored[-1] == 700
assert all(seq in stored or store.gaps.covers(seq) for seq in range(1, 701))
store.close()
os.umount("/f")

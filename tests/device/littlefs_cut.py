"""Runs under MicroPython: the power is cut at every write to a flash with a real littlefs on it.

Prints how many writes there are. The write that is cut does half of its work.
"""

import os

from flash import Flash, format_and_mount, mount
from store_kit import body, content, put, reopen

from node.store import StoreError


def work(kept):
    """Fill a store over its limit and acknowledge a part; `kept` tells what it has promised."""
    store = reopen("/f/packs", segments=3, packs=3)
    for number in range(100, 150):
        seq = put(store, number)
        kept[seq] = number
        if number % 4 == 0:
            store.acknowledge(seq)
            del kept[seq]
    store.close()


first = Flash()
format_and_mount(first)
store = reopen("/f/packs", segments=3, packs=3)
base = {put(store, number): number for number in range(4)}
store.close()
os.umount("/f")
image = bytes(first.data)

cut = 0
while True:
    flash = Flash(bytearray(image))
    mount(flash)
    flash.left = cut
    kept = dict(base)
    finished = True
    try:
        work(kept)
    except (OSError, StoreError):
        finished = False
    flash.left = -1
    try:
        os.umount("/f")
    except OSError:
        pass
    # What the flash holds now is all that is left.
    flash = Flash(bytearray(flash.data))
    mount(flash)
    store = reopen("/f/packs", segments=3, packs=3)
    for seq, number in kept.items():
        found = content(store, seq)
        if found is None:
            assert store.gaps.covers(seq), (cut, seq, "is neither stored nor declared")
        else:
            assert found.endswith(body(number)), (cut, seq, "has changed")
    assert store.next > max(kept), (cut, "a seq is given again")
    assert content(store, put(store, 999)) is not None
    store.close()
    os.umount("/f")
    if finished:
        break
    cut += 1
print("cut", cut)

# A flash that is smaller than the store may be: the oldest packs give way, and are declared.
flash = Flash()
format_and_mount(flash)
store = reopen("/f/packs", segments=400, packs=8)
for number in range(600):
    put(store, number)
store.close()
store = reopen("/f/packs", segments=400, packs=8)
stored = [seq for seq in range(1, 601) if content(store, seq) is not None]
assert len(stored) > 100, len(stored)
assert stored[-1] == 600
assert all(seq in stored or store.gaps.covers(seq) for seq in range(1, 601))
print("full", len(stored))

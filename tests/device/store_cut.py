"""Runs under MicroPython: the last pack of a store is cut at every byte, and changed at every byte."""

import os

from store_kit import content, empty, put, read, reopen, write

FOLDER = "cut"


def lay(files):
    empty(FOLDER)
    os.mkdir(FOLDER)
    for name, data in files.items():
        write(FOLDER + "/" + name, data)


store = reopen(FOLDER)
for number in range(1, 7):
    put(store, number)
store.close()
log, before = store.log, [None] + [content(store, seq) for seq in range(1, 7)]
files = {name: read(FOLDER + "/" + name) for name in os.listdir(FOLDER)}
last = max(files)
assert last == "0000000005.seg", files.keys()
whole = files[last]
start = len(whole) - 26 - len(before[6])  # where the last pack begins

# Cut at every byte of the last pack.
for cut in range(start, len(whole) + 1):
    lay(dict(files, **{last: whole[:cut]}))
    store = reopen(FOLDER)
    assert store.log == log
    for seq in range(1, 6):
        assert content(store, seq) == before[seq], (cut, seq)
    torn = start < cut < len(whole)
    assert content(store, 6) == (before[6] if cut == len(whole) else None), cut
    assert store.next == (6 if cut == start else 7), (cut, store.next)
    assert store.gaps.undeclared(99) == ([(6, 6)] if torn else []), cut
    fresh = put(store, 50)
    assert content(store, fresh) is not None
    kept = content(store, fresh)
    store.close()
    again = reopen(FOLDER)
    assert again.log == log and again.next == fresh + 1
    assert content(again, fresh) == kept
    assert again.gaps.covers(6) == torn
    again.close()
print("cut", len(whole) + 1 - start)

# Change every byte of the last pack: it is lost, and nothing else is; its seq is not given away.
for at in range(start, len(whole)):
    damaged = bytearray(whole)
    damaged[at] ^= 0x41
    lay(dict(files, **{last: damaged}))
    store = reopen(FOLDER)
    for seq in range(1, 6):
        assert content(store, seq) == before[seq], (at, seq)
    assert content(store, 6) is None
    assert store.next >= 7, (at, store.next)
    store.close()
print("changed", len(whole) - start)

# Cut a segment that was just begun at every byte: it never held a pack, so its seq is still free.
store = reopen("begun")
for number in range(1, 5):
    put(store, number)
store.room(2000)
store.close()
files = {name: read("begun/" + name) for name in os.listdir("begun")}
last = max(files)
assert last == "0000000005.seg" and len(files[last]) == 36
for cut in range(37):
    lay(dict(files, **{last: files[last][:cut]}))
    store = reopen(FOLDER)
    assert store.log and store.next == 5, (cut, store.next)
    assert all(content(store, seq) for seq in range(1, 5))
    assert put(store, 5) == 5
    store.close()
print("begun", 37)

# Cut the only segment within its head: the store is made anew, under another name.
for cut in range(36):
    lay({"0000000001.seg": files["0000000001.seg"][:cut]})
    store = reopen(FOLDER)
    assert store.next == 1 and store.log != log and put(store, 1) == 1
    store.close()

# Any garbage instead of a store is survived.
for data in (b"", b"\0" * 100, b"\xff" * 100, files["0000000001.seg"][:36] + b"\xff" * 200):
    lay({"0000000001.seg": data, "0000000009-0000000012.gap": b"", "notes.txt": b"hello"})
    store = reopen(FOLDER)
    assert content(store, put(store, 3))
    assert store.gaps.covers(9) == (data[:4] == b"BYP1")  # else it is a gap of another store
    store.close()
empty(FOLDER)
empty("begun")

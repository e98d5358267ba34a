"""Runs under MicroPython: Ctrl-C falls while a pack is written, and what is pending is stored at the end."""

import ffi
from store_kit import body, content, empty, put, reopen

FOLDER = "interrupted"
SIGINT = 2
interrupt = ffi.open(None).func("i", "raise", "i")  # it is raised where MicroPython next looks for it


class File:
    """The file of a segment that is interrupted: before, in, between or after its writes."""

    def __init__(self, file, place):
        self._file, self._place = file, place

    def write(self, data):
        self._place -= 1
        if not self._place:
            self._file.write(data[: len(data) // 2])
            raise KeyboardInterrupt
        return self._file.write(data)

    def flush(self):
        left, self._place = self._place, 0
        if left == 1:
            raise KeyboardInterrupt
        self._file.flush()
        if left == 2:
            interrupt(SIGINT)

    def close(self):
        self._file.close()


for full in (0, 1, 3, 4):  # packs that the segment has already
    for place in (1, 2, 3, 4):
        empty(FOLDER)
        store = reopen(FOLDER, segments=4, packs=4)
        for number in range(full):
            put(store, number)
        store.room(200)
        store._file = File(store._file, place)
        try:
            put(store, 50)
            print("not interrupted", full, place)
        except KeyboardInterrupt:
            pass
        # As the agent does at its end: what was pending comes again, with more.
        last = put(store, 51)
        store.close()
        store = reopen(FOLDER, segments=4, packs=4)
        for number in range(full):
            assert content(store, number + 1).endswith(body(number)), (full, place)
        assert content(store, last).endswith(body(51)), (full, place)
        assert store.next == last + 1, (full, place, store.next)
        assert store.waiting == last, (full, place, store.waiting)
        assert store.gaps.undeclared(99) == [], (full, place)
        assert content(store, put(store, 52)).endswith(body(52))
        store.close()
        print("interrupted", full, place)
empty(FOLDER)

"""Runs under MicroPython: the flash refuses the pack that tells of a gap, and the next one tells of it."""

from store_kit import empty, put, reopen

FOLDER = "refused"


class Refusing:
    """The file of a segment on a flash that has an error of its own."""

    def write(self, data):
        raise OSError(5)

    def flush(self):
        pass

    def close(self):
        pass


empty(FOLDER)
store = reopen(FOLDER, segments=4, packs=4)
put(store, 0)
store.gaps.declare(100, 104)
assert store.gaps.undeclared(store.next) == [(100, 104)]
store.room(200)
store._file = Refusing()
try:
    put(store, 1)
    print("the flash took it")
except OSError:
    pass
assert store.gaps.undeclared(store.next) == [(100, 104)], "told by a pack that was never stored"
store.close()
empty(FOLDER)

"""What the scripts about the store share: a store in a folder, packs with a content of their own."""

import os

from node.recovery import open_store
from node.segment import Reader

scratch = bytearray(600)
view = memoryview(scratch)


def reopen(folder, segments=4, packs=4, size=2048):
    """Return the store in a folder."""
    return open_store(folder, segments, packs, size, scratch, folder + ".eras", lambda: None)


def body(number):
    """Return a content that no other pack has."""
    return ('"n":"no2","v":%d}]' % number).encode()


def put(store, number, base=1_780_000_000_000):
    """Store a pack; return its seq."""
    store.room(200)
    head = b'[{"log":"%s","seq":%d,' % (store.log.encode(), store.next)
    return store.put(0, base + number * 1000, 0, head, body(number))


def content(store, seq):
    """Return what is stored as pack `seq`; None where it is not there or damaged."""
    if not store.holds(seq):
        return None
    reader = Reader(store)
    try:
        if not reader.find(seq, scratch) or not reader.load(scratch, view, 100):
            return None
        return bytes(scratch[100 : 100 + reader.pack.length])
    finally:
        reader.close()
        store.readers.remove(reader)


def empty(folder):
    """Remove a folder with what is in it."""
    try:
        for name in os.listdir(folder):
            os.remove(folder + "/" + name)
        os.rmdir(folder)
    except OSError:
        pass


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)

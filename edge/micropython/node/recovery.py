"""Recovery: what is found in the store after a restart, a power cut at any byte included."""

import os
import struct
from array import array
from binascii import crc32, hexlify

from micropython import const

from node import segment
from node.console import tell
from node.era_notes import SIZE, encode, persist
from node.eras import decided, entries
from node.store import Store

_ERAS = const(40)  # notes, above which their file is made shorter
_MOST = const(64)  # packs in a segment, as `node.settings` allows them


def open_store(folder, segments, packs, size, scratch, eras, idle):
    """Return the store in `folder` as a power cut may have left it; a new one where there is none.

    `scratch`: a buffer that holds the largest pack. `idle` is called now and then, to feed the watchdog.
    """
    store = Store(folder, segments, packs, size)
    view = memoryview(scratch)
    pack = segment.Pack()
    firsts = _firsts(folder)
    end = clean = 0
    for place, first in enumerate(firsts):
        idle()
        path = store.path(first)
        following = firsts[place + 1] if place + 1 < len(firsts) else 0
        found = _identify(path)
        if found:
            store.log, _, era, high = found
            store.era, store.high = max(store.era, era), max(store.high, high)
        if found is None or len(firsts) - place > segments:
            end, clean = _discard(store, first, following, found), 0
            continue
        extent = os.stat(path)[6]
        with open(path, "rb") as file:
            count, at = _walk(file, extent, pack, scratch, store, eras, first)
            lost = _torn(pack, extent - at, count)
            good = not following and count and _read_last(file, at, pack, scratch, view)
        if following and first + count > following:  # interrupted, it was written to the next one again
            count, lost = following - first, 0
        store.add_segment(first, count)
        end = first + count
        clean = at if at == extent and (good or not count) else 0
        if following:
            lost = following - end if lost else 0
        if lost:
            store.gaps.declare(end, end + lost - 1)
            tell("the last %d bytes of segment %d are no pack: %d lost" % (extent - at, first, lost))
            end += lost
    if store.log is None:
        _name(store, eras)
        store.gaps.forget(end)
    store.era += 1
    if clean:
        store.go_on(clean)
    else:
        store.next = max(end, 1)
        store.begin_segment(store.next)
    found = _identify(store.path(store.oldest))
    persist(store, shorten, eras, found[2] - 1 if found else 0)
    return store


def finish(path):
    """Do what a power cut left of a renaming to `path`: FAT removes the old file first."""
    try:
        os.stat(path)
    except OSError:
        try:
            os.rename(path + ".new", path)
        except OSError:
            pass  # there never was such a file


def shorten(path, oldest):
    """Leave out the eras before `oldest` when the file has grown, or was cut in mid-entry."""
    try:
        size = os.stat(path)[6]
    except OSError:
        return
    if size % SIZE == 0 and size <= _ERAS * SIZE:
        return
    with open(path + ".new", "wb") as file:
        for era, kind, a, b in entries(path):
            if era >= oldest:
                file.write(encode(era, kind, a, b))
    os.rename(path + ".new", path)


def _identify(path):
    """Return log, first seq, era and highest instant of a segment; None where its head is no good."""
    with open(path, "rb") as file:
        head = file.read(segment.FILE_SIZE)
    if len(head) != segment.FILE_SIZE or struct.unpack_from("<I", head, segment.FILE_SIZE - 4)[0] != crc32(
        head[:-4]
    ):
        return None
    magic, log, first, era, high = struct.unpack_from(segment.FILE, head, 0)
    return (log.decode(), first, era, high) if magic == segment.MAGIC else None


def _firsts(folder):
    """Return the first seqs of the segments, ascending; not from a list of names, ten times as large."""
    firsts = array("I")
    for entry in os.ilistdir(folder):
        if entry[0].endswith(".seg"):
            firsts.append(int(entry[0][:10]))
            at = len(firsts) - 1
            while at and firsts[at - 1] > firsts[at]:
                firsts[at - 1], firsts[at] = firsts[at], firsts[at - 1]
                at -= 1
    return firsts


def _name(store, eras):
    """Give a new store its name; what was noted of eras before it would put its packs to wrong times."""
    store.log = hexlify(os.urandom(6)).decode()
    store.fresh = True
    # Not 0: another store of this node may have been lost a moment ago, whose marks must not come again.
    store.era = int(hexlify(os.urandom(2)), 16)
    try:
        os.remove(eras)
    except OSError:
        pass


def _discard(store, first, following, found):
    """Remove a segment that can't be used; return the seq after all that may have been in it."""
    path = store.path(first)
    extent = os.stat(path)[6]
    end = following or first + _most(extent - segment.FILE_SIZE, 0)
    if not found and extent <= segment.FILE_SIZE:
        end = first  # cut while it was being begun: it never held a pack
    else:
        store.gaps.declare(first, end - 1)
        why = "the store was made smaller" if found else "its head can't be read"
        tell("segment %d was dropped: %s; packs %d to %d are lost" % (first, why, first, end - 1))
    os.remove(path)
    return end


def _walk(file, extent, pack, scratch, store, eras, first):
    """Return how many packs a segment has, and where they end; `pack` is left at a cut one, or empty."""
    count, at, placed, epoch = 0, segment.FILE_SIZE, 0, -1
    while pack.read(file, at, scratch) and pack.length and pack.seq == first + count:
        if pack.body + pack.length > extent:
            return count, at
        at = pack.body + pack.length
        count += 1
        store.era = max(store.era, pack.era)
        if pack.relative and pack.era != placed:
            placed, found = pack.era, decided(eras, pack.era)
            epoch = found[0] if found else -1
        if pack.relative and epoch >= 0:
            store.high = max(store.high, epoch + pack.base + pack.span)
        elif pack.base and not pack.relative:
            store.high = max(store.high, pack.base + pack.span)
        pack.last = at - pack.length - segment.PACK_SIZE
    pack.length = 0
    return count, at


def _torn(pack, rest, count):
    """Return how many packs may have been in the bytes that follow the last good one.

    Never less than there were, or one of their seqs could be given to another pack.
    """
    if rest < segment.PACK_SIZE or pack.length:
        return 1 if rest else 0
    return _most(rest, count)


def _most(size, count):
    """Return how many packs so many bytes may have held, behind `count` of their segment.

    By the limit of any segment, as that of this store may have been higher when it was written.
    """
    return min(size // (segment.PACK_SIZE + 20) + 1, _MOST - count)


def _read_last(file, at, pack, scratch, view):
    return pack.read(file, pack.last, scratch) and pack.load(file, scratch, view, segment.PACK_SIZE)

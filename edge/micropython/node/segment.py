"""A segment: a file of the store with some packs, each behind a header with a checksum.

The file begins with who wrote it, and then come the packs. All numbers are little-endian.
"""

import struct
from binascii import crc32

from micropython import const

FILE = "<4s12sIIQ"  # magic, log, first seq, era, highest instant used before
_PACK = "<HIIQI"  # length, seq, era and whether the time is relative, base ms, span ms
MAGIC = b"BYP1"
FILE_SIZE = const(36)
PACK_SIZE = const(26)


class Pack:
    """The header of a pack, read into one object again and again.

    `era`: the run of the node, or the stretch between two steps of its clock, in which the pack was made.
    `relative`: its times count from the start of that era. `base`, `span`: ms, its first time and from
    there to its last. `body`: where the content begins in the file.
    """

    def read(self, file, at, buffer):
        """Read the header at `at`; False where the file holds no such thing. The content is not looked at."""
        file.seek(at)
        if file.readinto(buffer, PACK_SIZE) != PACK_SIZE:
            return False
        self.length, self.seq, era, self.base, self.span = struct.unpack_from(_PACK, buffer, 0)
        self.era, self.relative = era >> 1, era & 1
        self.body = at + PACK_SIZE
        return True

    def load(self, file, buffer, view, at):
        """Read the content into `buffer` from `at` on; False where it was not written wholly, or has changed.

        `read` must have left its bytes at the start of the buffer.
        """
        if not self.length or at + self.length > len(buffer):
            return False
        (checksum,) = struct.unpack_from("<I", buffer, PACK_SIZE - 4)
        checked = crc32(view[: PACK_SIZE - 4])
        file.seek(self.body)
        content = view[at : at + self.length]
        return file.readinto(content) == self.length and crc32(content, checked) == checksum


class Reader:
    """Reads packs into a buffer; register it with the store, which closes its file before changing it."""

    def __init__(self, store):
        self._store = store
        self._file = None
        self.first = -1
        self._seq = 0
        self._at = 0
        self.pack = Pack()
        store.readers.append(self)

    def find(self, seq, buffer):
        """Read the header of a pack that the store holds; False where it is damaged."""
        first = self._store.first_of(seq)
        if first != self.first or seq < self._seq:
            self.close()
            self.first, self._seq, self._at = first, first, FILE_SIZE
        if self._file is None:
            self._file = open(self._store.path(first), "rb")
        pack = self.pack
        while pack.read(self._file, self._at, buffer) and pack.seq == self._seq and pack.length:
            if pack.seq == seq:
                return True
            self._at = pack.body + pack.length
            self._seq += 1
        self._seq = seq + 1  # look from the segment's start the next time
        return False

    def load(self, buffer, view, at):
        """Read the content of the pack just found into `buffer` from `at` on; False where it is damaged."""
        return self.pack.load(self._file, buffer, view, at)

    def close(self):
        """Close the file; the place is remembered."""
        if self._file:
            self._file.close()
            self._file = None


def file_name(first):
    """Return the name of the segment whose first pack is `first`."""
    return "%010d.seg" % first


def create(path, log, first, era, high):
    """Make a segment without packs, and keep it open."""
    head = struct.pack(FILE, MAGIC, log.encode(), first, era, high)
    file = open(path, "wb")
    file.write(head + struct.pack("<I", crc32(head)))
    file.flush()
    return file


def append(file, seq, era, relative, base, span, head, body):
    """Write a pack at the end, and return when the flash has it."""
    header = struct.pack(_PACK, len(head) + len(body), seq, era << 1 | relative, base, span)
    checksum = crc32(body, crc32(head, crc32(header)))
    file.write(header + struct.pack("<I", checksum) + head)
    file.write(body)
    file.flush()  # littlefs keeps nothing before this

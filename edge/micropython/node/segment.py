"""A segment: a file of the store with some packs, each behind a header with a checksum.

The file begins with who wrote it, and then come the packs. All numbers are little-endian.
"""

import struct
from binascii import crc32

from micropython import const

_FILE = "<4s12sIIQ"  # magic, log, first seq, era, highest instant used before
_PACK = "<HIIQI"  # length, seq, era and whether the time is relative, base ms, span ms
_MAGIC = b"BYP1"
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


def file_name(first):
    """Return the name of the segment whose first pack is `first`."""
    return "%010d.seg" % first


def create(path, log, first, era, high):
    """Make a segment without packs, and keep it open."""
    head = struct.pack(_FILE, _MAGIC, log.encode(), first, era, high)
    file = open(path, "wb")
    file.write(head + struct.pack("<I", crc32(head)))
    file.flush()
    return file


def identify(path):
    """Return log, first seq, era and highest instant of a segment; None where its head is no good."""
    with open(path, "rb") as file:
        head = file.read(FILE_SIZE)
    if len(head) != FILE_SIZE or struct.unpack_from("<I", head, FILE_SIZE - 4)[0] != crc32(head[:-4]):
        return None
    magic, log, first, era, high = struct.unpack_from(_FILE, head, 0)
    return (log.decode(), first, era, high) if magic == _MAGIC else None


def append(file, seq, era, relative, base, span, head, body):
    """Write a pack at the end, and return when the flash has it."""
    header = struct.pack(_PACK, len(head) + len(body), seq, era << 1 | relative, base, span)
    checksum = crc32(body, crc32(head, crc32(header)))
    file.write(header + struct.pack("<I", checksum) + head)
    file.write(body)
    file.flush()  # littlefs keeps nothing before this

"""Notes about eras, and how they are written; `node.eras` tells what they are for, and reads them."""

import os
import struct
from binascii import crc32

from node.store import FULL

ENTRY = "<IBqqI"  # era, kind, two numbers, checksum
SIZE = 25
GUESS = 0
DECISION = 1
UNPLACED = -1


def persist(store, write, *arguments):
    """Call what writes a note, and return its result; the oldest packs give way on a full flash."""
    while True:
        try:
            return write(*arguments)
        except OSError as error:
            if error.errno not in FULL or store.n < 2:
                raise
            store.drop()


def guess(path, era, board_clock, high):
    """Note when an era began by the board's clock (ms since 1970, or None); `high`: the last instant used."""
    _append(path, encode(era, GUESS, UNPLACED if board_clock is None else board_clock, high))


def decide(path, era, epoch, mark):
    """Note when an era began, for good, and the microseconds that mark its times."""
    _append(path, encode(era, DECISION, epoch, mark))


def encode(era, kind, a, b):
    """Return an entry of the file."""
    entry = struct.pack("<IBqq", era, kind, a, b)
    return entry + struct.pack("<I", crc32(entry))


def _append(path, entry):
    try:
        torn = os.stat(path)[6] % SIZE
    except OSError:
        torn = 0
    with open(path, "ab") as file:
        file.write((b"\0" * (SIZE - torn) if torn else b"") + entry)

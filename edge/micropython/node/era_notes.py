"""Notes about eras, and how they are written; `node.eras` tells what they are for, and reads them."""

import struct
from binascii import crc32

ENTRY = "<IBqqI"  # era, kind, two numbers, checksum
SIZE = 25
GUESS = 0
DECISION = 1
UNPLACED = -1


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
    with open(path, "ab") as file:
        file.write(entry)

"""A flash in memory, for a real littlefs on it."""

import os

BLOCK = 512
BLOCKS = 96


class Flash:
    """A block device: its power is cut at write number `left`, which does half of its work; -1: never.

    `failing`: so many writes from now, one write fails, once; 0: none does.
    """

    def __init__(self, data=None):
        self.data = data or bytearray(b"\xff" * (BLOCK * BLOCKS))
        self.left = -1
        self.failing = 0

    def _cut(self):
        if self.failing:
            self.failing -= 1
            if not self.failing:
                raise OSError(5)
        if self.left == 0:
            raise OSError(5)
        self.left -= 1
        return self.left == 0

    def readblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        at = block * BLOCK + offset
        size = len(buffer)
        if self._cut():
            size //= 2
        self.data[at : at + size] = memoryview(buffer)[:size]

    def ioctl(self, operation, argument):
        if operation == 4:
            return BLOCKS
        if operation == 5:
            return BLOCK
        if operation == 6:
            size = BLOCK // 2 if self._cut() else BLOCK
            at = argument * BLOCK
            self.data[at : at + size] = b"\xff" * size
        return 0


def format_and_mount(flash):
    """Make a littlefs on a flash, and mount it at /f."""
    os.VfsLfs2.mkfs(flash)
    mount(flash)


def mount(flash):
    """Mount what is on a flash at /f."""
    os.mount(os.VfsLfs2(flash), "/f")

"""The ballast: a file that only takes up space, so that on a full disk there is some to work with."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

SIZE = 2_097_152
_STEP = 65_536
_WAL = 655_360
"""A checkpoint comes at 1,000 pages of 512 bytes and their headers; with the transaction that brings it."""


class Ballast:
    """The ballast in the folder of a store.

    SQLite needs room to delete, too: in its write-ahead log, and for the checkpoint that makes room there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "ballast"
        self.reserve()

    @property
    def roomy(self) -> bool:
        """Whether the disk has so much space again that the ballast need not be touched."""
        try:
            return shutil.disk_usage(self._folder).free > SIZE
        except OSError:
            return False

    def release(self) -> None:
        """Give its space up."""
        with suppress(OSError):
            self._path.unlink()

    def keep_log_room(self) -> None:
        """Let SQLite's log have all the space that it will ever need; it is overwritten again and again."""
        _allocate(self._folder / "edge.db-wal", _WAL)

    def reserve(self) -> None:
        """Take the space up again, as much of it as there is."""
        for size in range(SIZE, 0, -_STEP):
            if _allocate(self._path, size):
                return


def _allocate(path: Path, size: int) -> bool:
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return False
    try:
        os.posix_fallocate(file, 0, size)
    except OSError:
        return False
    finally:
        os.close(file)
    return True

"""The mark of what was sent: a tiny file with the highest seq that ever went out, beside the database."""

import os
from pathlib import Path

from edge.pi.errors import StoreError

_SIZE = 64


class SentMark:
    """The file, open until `close`; raises OSError when it can't be made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = os.open(folder / "sent", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # Its block is there from the beginning on: a full disk does not keep packs from being sent.
            os.posix_fallocate(self._file, 0, _SIZE)
        except OSError:
            os.close(self._file)
            raise
        self._high = 0

    def read(self, log: str) -> int:
        """Return the highest seq of a log that was sent; 0 where the file tells of no such log."""
        words = os.pread(self._file, _SIZE, 0).rstrip(b"\0").split()
        known = len(words) == 2 and words[0].decode(errors="replace") == log and words[1].isdigit()
        self._high = int(words[1]) if known else 0
        return self._high

    def raise_to(self, log: str, seq: int) -> None:
        """Note that a pack is about to be sent, if it is the highest so far; raises StoreError."""
        if seq <= self._high:
            return
        try:
            os.pwrite(self._file, f"{log} {seq:020d}\n".encode(), 0)
        except OSError as error:
            raise StoreError(f"the store {self._folder} can't be written: {error}") from error
        self._high = seq

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

"""The folder in which `bypuls up` keeps its data, used by one run at a time."""

import fcntl
import os
import shutil
from pathlib import Path
from typing import Self

from bypuls.errors import BypulsError

ROOM = 300 << 20
"""Free space in bytes without which nothing is started; a new database alone takes 60 MB."""

ELSEWHERE = "name another folder with --data-dir"


class DataFolder:
    """A data folder that is ours from `with` to its end; made if it isn't there."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.log = self.path / "log"
        self._lock = self.path / "lock"
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        try:
            self._take()
        except OSError as error:
            self.__exit__()
            raise BypulsError(
                f"can't use {self.path} as data folder: {error.filename}: {error.strerror}; {ELSEWHERE}"
            ) from error
        except BypulsError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)  # which gives the lock up; so does the kernel when we are killed
            self._descriptor = None

    def _take(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        if not self._lock.exists() and any(each.name != "lost+found" for each in self.path.iterdir()):
            raise BypulsError(f"{self.path} is not empty and was not made by bypuls up; {ELSEWHERE}")
        self._descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._lock.read_text().strip() or "unknown"
            raise BypulsError(
                f"another bypuls up (process {holder}) uses {self.path}: stop it, or {ELSEWHERE}"
            ) from None
        os.truncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())
        self.log.mkdir(exist_ok=True)
        free = shutil.disk_usage(self.path).free
        if free < ROOM:
            raise BypulsError(
                f"{self.path} has {free >> 20} MB of free disk space, at least {ROOM >> 20} MB are needed: "
                f"make room, or {ELSEWHERE}"
            )

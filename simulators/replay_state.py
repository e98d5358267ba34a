"""What an interrupted replay must know to continue: a small file, written atomically."""

import fcntl
import os
from pathlib import Path
from typing import IO, Self

import msgspec

from bypuls.errors import BypulsError


class Entry(msgspec.Struct):
    """How far one recording has got: the node's log, rows a pack, and packs acknowledged without a gap."""

    log: str
    pack_rows: int
    packs: int
    safe: int = 0

    @property
    def finished(self) -> bool:
        """Whether every pack is acknowledged."""
        return self.safe >= self.packs


class _Content(msgspec.Struct):
    version: int
    recordings: dict[str, Entry]


_VERSION = 1


class ReplayState:
    """The entries of a state file, by a name that tells broker and recording; locked while in use.

    Entering raises BypulsError when the file can't be read or written, or when another replay uses it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self.path.with_name(f"{self.path.name}.lock").open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.path.exists():
                self.entries = self._read()
        except BlockingIOError:
            self.__exit__()
            raise BypulsError(
                f"another replay uses the state file {self.path}; wait for its end, or give this one another "
                "by --state"
            ) from None
        except OSError as error:
            self.__exit__()
            raise BypulsError(
                f"the state file {self.path} can't be used: {error}; name another by --state"
            ) from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        if self._lock is not None:
            self._lock.close()  # which gives the lock back, as the end of the process does

    def save(self) -> None:
        """Write all entries; a crash leaves either the former file or this one."""
        unfinished = self.path.with_name(f"{self.path.name}.unfinished")
        try:
            with unfinished.open("wb") as file:
                file.write(msgspec.json.encode(_Content(_VERSION, self.entries)))
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self.path)
        except OSError as error:
            raise BypulsError(f"the state file {self.path} can't be written: {error}") from error

    def _read(self) -> dict[str, Entry]:
        try:
            content = msgspec.json.decode(self.path.read_bytes(), type=_Content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BypulsError(
                f"the state file {self.path} is damaged ({error}); delete it, and the replay starts anew"
            ) from error
        if content.version != _VERSION:
            raise BypulsError(
                f"the state file {self.path} has version {content.version}, known is {_VERSION}; delete it, "
                "and the replay starts anew"
            )
        return content.recordings


def default_path() -> Path:
    """Return the state file of the user, by the XDG base directory specification."""
    named = Path(os.environ.get("XDG_STATE_HOME", ""))
    folder = named if named.is_absolute() else Path.home() / ".local" / "state"
    return folder / "bypuls" / "replay.json"

"""The SQLite database of the store: opened, made, or put aside where it can't be read."""

import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edge.pi.errors import StoreError, StoreFull

_ASIDE = "damaged"
_MOST_PAGES = 4_294_967_294
_FILES = ("edge.db", "edge.db-wal", "edge.db-journal")
_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE pack (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL, crc INTEGER NOT NULL, gap TEXT)",
    "CREATE TABLE tick (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, samples BLOB, crc INTEGER NOT NULL)",
    "CREATE TABLE gap (low INTEGER PRIMARY KEY, high INTEGER NOT NULL)",
)
_SETTINGS = (
    "page_size = 512",  # a tick of samples dirties one page: 7.4 kB/s were written, with 1,024 bytes 9.5
    "locking_mode = EXCLUSIVE",  # no shared memory file; the lock file keeps others out
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "journal_size_limit = 4194304",
    "cache_size = -1024",
)


class Damaged(Exception):
    """The database can't be read, and never will be."""


class Database:
    """The open database in a folder, which is made, with a new log, if it isn't there.

    For one thread at a time. Raises Damaged where its content can't be read, StoreError where the folder
    can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection = _open(folder)
        self._full_sync = False

    def execute(self, statement: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Run a statement."""
        return self._connection.execute(statement, tuple(values))

    def executemany(self, statement: str, rows: Iterable[Any]) -> None:
        """Run a statement for each row of values."""
        self._connection.executemany(statement, rows)

    @contextmanager
    def transaction(self, *, sync: bool) -> Iterator[None]:
        """All or nothing of what is done meanwhile; with `sync` it is on the medium afterwards.

        Raises StoreFull where the disk is full, StoreError for what else the database refuses.
        """
        try:
            yield from self._begun(sync)
        except sqlite3.Error as error:
            full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
            raised = StoreFull if full else StoreError
            raise raised(f"the store {self._folder} can't be written: {error}") from error

    def checkpoint(self) -> None:
        """Move what is in the log into the database, as far as there is room, so that the log begins anew."""
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()

    def may_grow(self, pages: int | None) -> None:
        """Let the database have so many pages more, and no others; None lifts that."""
        [count] = self.execute("PRAGMA page_count").fetchone()
        self.execute(f"PRAGMA max_page_count = {_MOST_PAGES if pages is None else count + pages}").fetchall()

    def close(self) -> None:
        """Close it."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _begun(self, sync: bool) -> Iterator[None]:
        if sync is not self._full_sync:
            self.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
            self._full_sync = sync
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self.execute("ROLLBACK")
            raise


def put_aside(folder: Path) -> Path:
    """Move what can't be read into a folder of its own, and return that."""
    stem = f"{_ASIDE}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
    aside = folder / f"{stem}-{secrets.token_hex(2)}"
    aside.mkdir()
    for name in _FILES:
        with suppress(FileNotFoundError):
            (folder / name).rename(aside / name)
    return aside


def kept_aside(folder: Path) -> list[Path]:
    """Return where databases were put aside, the oldest first, as far as nobody has removed them."""
    return sorted(folder.glob(f"{_ASIDE}-*"))


def _open(folder: Path) -> sqlite3.Connection:
    connection = None
    try:
        connection = sqlite3.connect(folder / "edge.db", isolation_level=None, check_same_thread=False)
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        [(verdict,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
        if verdict != "ok":
            raise Damaged(verdict)
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            _make(connection)
        missing = {"log", "seq", "dropped"} - {key for (key,) in connection.execute("SELECT key FROM meta")}
        if missing:
            raise Damaged(f"without {missing}")
    except (sqlite3.Error, Damaged) as error:
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
        if isinstance(error, Damaged) or _is_damage(error):
            raise Damaged(str(error)) from error
        raise StoreError(f"the store {folder} can't be used: {error}") from error
    return connection


def _make(connection: sqlite3.Connection) -> None:
    fresh = {"log": secrets.token_hex(6), "seq": "0", "dropped": "0"}
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    for table in _TABLES:
        connection.execute(table)
    connection.executemany("INSERT INTO meta VALUES (?, ?)", fresh.items())
    connection.execute("COMMIT")
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_damage(error: sqlite3.Error) -> bool:
    # A file that ends too early is damaged; what else fails to be read may be there at the next attempt.
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHORT_READ:
        return True
    signs = ("malformed", "not a database", "no such table", "no such column")
    return any(sign in str(error) for sign in signs)

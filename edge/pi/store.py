"""The durable store: packs until they are acknowledged, and the samples of windows that are still open.

One SQLite database in WAL mode. A pack is synced to the medium before it may be sent, so that a power cut can
take only what was never sent; samples are not synced one by one, which would wear an SD card out, but survive
the death of the process. A second, tiny file holds the highest seq ever sent: should the end of the database
be lost all the same, no number is used for two contents.
"""

import fcntl
import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from zlib import crc32

import msgspec

from bypuls.sequences import Range, closed_ranges
from edge.pi.errors import StoreError
from edge.pi.packing import encode
from edge.pi.windows import Point

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE pack (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL, crc INTEGER NOT NULL, gap TEXT);
CREATE TABLE tick (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, samples BLOB, crc INTEGER NOT NULL);
CREATE TABLE gap (low INTEGER PRIMARY KEY, high INTEGER NOT NULL);
"""
_FILES = ("edge.db", "edge.db-wal", "edge.db-journal")
_MOST_GAPS = 1_000
_ROW = 32
"""Bytes that a row takes besides its content, roughly."""

Samples = dict[str, float]

_encode = msgspec.msgpack.Encoder().encode
_decode_samples = msgspec.msgpack.Decoder(Samples).decode


class Store:
    """The store in a folder, from `with` to its end; one process at a time, calls from one thread at a time.

    `limit` bounds packs and samples together, in bytes; when it is reached the oldest packs are dropped,
    counted, and declared in the next pack. A database that can't be read is put aside and a new log begun.
    Entering raises StoreError when the folder can't be used, or another process uses it.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.log = ""
        self.last = 0
        """The highest seq given out."""
        self.replaced: Path | None = None
        """Where the database was put that could not be read, if that happened on entering."""
        self.packs = 0
        self.dropped = 0
        """Packs dropped since the store was made, because it was full."""
        self._limit = limit
        self._bytes = 0
        self._tick_bytes = 0
        self._ticks_dropped = 0
        self._full_sync = False
        self._sent_high = 0

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            self._sent = os.open(self.folder / "sent", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"the store {self.folder} can't be used: {error}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            os.close(self._sent)
            raise StoreError(f"another agent uses the store {self.folder}; is the service running?") from None
        try:
            self._open()
        except BaseException:
            self._close_files()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(sqlite3.Error):
            self._database.close()
        self._close_files()

    # Meta

    def get(self, key: str) -> str | None:
        """Return what was kept under a key."""
        row = self._database.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()
        return None if row is None else str(row[0])

    def put(self, **values: str) -> None:
        """Keep texts by key, for good once this returns."""
        with self._transaction(sync=True):
            self._put(values)

    # Samples of open windows

    def add_tick(self, time: int, samples: Samples) -> None:
        """Keep samples taken at a time since boot until their windows are packed; raises StoreError."""
        data = _encode(samples)
        with self._transaction(sync=False):
            self._database.execute(
                "INSERT INTO tick (time, samples, crc) VALUES (?, ?, ?)", [time, data, crc32(data)]
            )
        self._tick_bytes += len(data) + _ROW
        if self._tick_bytes > self._limit:
            self._drop_ticks()

    def ticks(self) -> Iterator[tuple[int, Samples]]:
        """Yield what is kept of open windows, in order; what is damaged is left out, and counted."""
        for at, data, crc in self._database.execute("SELECT time, samples, crc FROM tick ORDER BY id"):
            if crc32(data) == crc:
                yield at, _decode_samples(data)
            else:
                self._ticks_dropped += 1

    def take_ticks_dropped(self) -> int:
        """Return how many ticks of samples were dropped since the last call, because the store was full."""
        dropped, self._ticks_dropped = self._ticks_dropped, 0
        return dropped

    # Packs

    def commit(
        self, packs: Iterable[Sequence[Point]], *, ticks_before: int | None, **values: str
    ) -> list[int]:
        """Store packs and forget the samples taken before a time since boot (None: all), at one stroke.

        Returns the seqs of the packs; they are on the medium when this returns. `values` are kept by key.
        Raises StoreError, and has done nothing.
        """
        made: list[tuple[int, bytes, list[Range]]] = []
        dropped = self.dropped
        with self._transaction(sync=True):
            for points in packs:
                seq = self.last + len(made) + 1
                gap = self._undeclared()
                payload = encode(points, self.log, seq, gap)
                self._database.execute(
                    "INSERT INTO pack VALUES (?, ?, ?, ?)",
                    [seq, payload, crc32(payload), msgspec.json.encode(gap).decode() if gap else None],
                )
                made.append((seq, payload, gap))
                self.packs += 1
                self._bytes += len(payload) + _ROW
                self._make_room(seq)
            if ticks_before is None:
                self._database.execute("DELETE FROM tick")
            else:
                self._database.execute("DELETE FROM tick WHERE time < ?", [ticks_before])
            if made:
                values["seq"] = str(made[-1][0])
            if self.dropped != dropped:
                values["dropped"] = str(self.dropped)
            self._put(values)
        self.last += len(made)
        self._measure_ticks()
        return [seq for seq, _, _ in made]

    def payload(self, seq: int) -> bytes | None:
        """Return a pack as it is sent; None where it is acknowledged or dropped, as a damaged one is now."""
        row = self._database.execute("SELECT payload, crc FROM pack WHERE seq = ?", [seq]).fetchone()
        if row is None:
            return None
        payload, crc = row
        if crc32(payload) == crc:
            return bytes(payload)
        with self._transaction(sync=True):
            self._drop([(seq, len(payload))])
            self._put({"dropped": str(self.dropped)})
        return None

    def after(self, seq: int, count: int) -> list[int]:
        """Return the next seqs of packs that are kept, ascending."""
        rows = self._database.execute("SELECT seq FROM pack WHERE seq > ? ORDER BY seq LIMIT ?", [seq, count])
        return [number for (number,) in rows]

    def sending(self, seq: int) -> None:
        """Note that a pack is about to be sent, so that its number is never given to another."""
        if seq > self._sent_high:
            self._sent_high = seq
            os.pwrite(self._sent, f"{self.log} {seq:020d}\n".encode(), 0)

    def acknowledge(self, seqs: Iterable[int]) -> int:
        """Forget packs that are safe, and the gaps that they declared; return how many packs there were."""
        gone = 0
        with self._transaction(sync=False):
            for low, high in closed_ranges(seqs):
                rows = self._database.execute(
                    "DELETE FROM pack WHERE seq BETWEEN ? AND ? RETURNING length(payload), gap", [low, high]
                ).fetchall()
                for size, gap in rows:
                    self._bytes -= size + _ROW
                    if gap is not None:
                        declared = msgspec.json.decode(gap, type=list[Range])
                        rest = self._database.execute("SELECT low, high FROM gap ORDER BY low").fetchall()
                        self._set_undeclared(_without(rest, declared))
                gone += len(rows)
        self.packs -= gone
        return gone

    # Inside

    def _open(self) -> None:
        try:
            self._connect()
        except sqlite3.DatabaseError as error:
            with suppress(AttributeError, sqlite3.Error):
                self._database.close()
            if isinstance(error, sqlite3.OperationalError) and not _damaged(error):
                raise StoreError(f"the store {self.folder} can't be used: {error}") from error
            self._put_aside()
            try:
                self._connect()
            except sqlite3.DatabaseError as again:
                raise StoreError(f"the store {self.folder} can't be used: {again}") from again

    def _connect(self) -> None:
        path = self.folder / "edge.db"
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        run = self._database.execute
        run("PRAGMA page_size = 1024")  # a tick of samples dirties one page, and the card wears by pages
        run("PRAGMA locking_mode = EXCLUSIVE")  # no shared memory file; the lock file keeps others out
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA journal_size_limit = 4194304")
        run("PRAGMA cache_size = -1024")
        [(verdict,)] = run("PRAGMA quick_check(1)").fetchall()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"damaged: {verdict}")
        self._full_sync = False
        if run("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            self._make()
        kept = dict(run("SELECT key, value FROM meta").fetchall())
        self.log, self.dropped = kept["log"], int(kept["dropped"])
        self._sent_high = self._highest_sent()
        self.last = max(int(kept["seq"]), self._sent_high)
        self.packs, size = run("SELECT count(*), coalesce(sum(length(payload)), 0) FROM pack").fetchone()
        self._bytes = size + self.packs * _ROW
        self._measure_ticks()

    def _make(self) -> None:
        fresh = {"log": secrets.token_hex(6), "seq": "0", "dropped": "0"}
        with self._transaction(sync=True):
            for statement in _TABLES.split(";"):
                self._database.execute(statement)
            self._put(fresh)

    def _highest_sent(self) -> int:
        words = os.pread(self._sent, 100, 0).split()
        if len(words) == 2 and words[0].decode(errors="replace") == self.log and words[1].isdigit():
            return int(words[1])
        return 0

    def _put_aside(self) -> None:
        stem = time.strftime("damaged-%Y%m%dT%H%M%S", time.gmtime())
        self.replaced = self.folder / f"{stem}-{secrets.token_hex(2)}"
        self.replaced.mkdir()
        for name in _FILES:
            with suppress(FileNotFoundError):
                (self.folder / name).rename(self.replaced / name)

    def _close_files(self) -> None:
        os.close(self._sent)
        os.close(self._lock)

    @contextmanager
    def _transaction(self, *, sync: bool) -> Iterator[None]:
        """All or nothing; what it changed of the counts is put right again by the caller or by `_recount`."""
        before = (self.packs, self._bytes, self.dropped)
        try:
            if sync is not self._full_sync:
                self._database.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
                self._full_sync = sync
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            self.packs, self._bytes, self.dropped = before
            if self._database.in_transaction:
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
            raise StoreError(f"the store {self.folder} can't be written: {error}") from error

    def _put(self, values: dict[str, str]) -> None:
        self._database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def _undeclared(self) -> list[Range]:
        """Return the dropped ranges whose declaration isn't acknowledged, as many as a pack may declare."""
        return self._database.execute(
            "SELECT low, high FROM gap ORDER BY low LIMIT ?", [_MOST_GAPS]
        ).fetchall()

    def _set_undeclared(self, ranges: Iterable[Range]) -> None:
        self._database.execute("DELETE FROM gap")
        self._database.executemany("INSERT INTO gap VALUES (?, ?)", ranges)

    def _make_room(self, newest: int) -> None:
        """Drop the oldest packs until the rest fits, never the newest."""
        spare = self._limit - self._bytes - self._tick_bytes
        if spare >= 0:
            return
        lost = []
        for seq, size in self._database.execute("SELECT seq, length(payload) FROM pack ORDER BY seq"):
            if spare >= 0 or seq == newest:
                break
            lost.append((seq, size))
            spare += size + _ROW
        self._drop(lost)

    def _drop(self, packs: list[tuple[int, int]]) -> None:
        """Give packs (seq, bytes) up, to be declared."""
        self._database.executemany("DELETE FROM pack WHERE seq = ?", [(seq,) for seq, _ in packs])
        self._bytes -= sum(size + _ROW for _, size in packs)
        self.packs -= len(packs)
        self.dropped += len(packs)
        known = self._database.execute("SELECT low, high FROM gap").fetchall()
        self._set_undeclared(_merged([*known, *((seq, seq) for seq, _ in packs)]))

    def _measure_ticks(self) -> None:
        count, size = self._database.execute(
            "SELECT count(*), coalesce(sum(length(samples)), 0) FROM tick"
        ).fetchone()
        self._tick_bytes = size + count * _ROW

    def _drop_ticks(self) -> None:
        """Drop the oldest tenth of the samples; without packs to drop, there is nothing else to give up."""
        with self._transaction(sync=False):
            deleted = self._database.execute(
                "DELETE FROM tick WHERE id <= (SELECT min(id) + (max(id) - min(id)) / 10 FROM tick)"
            )
        self._ticks_dropped += deleted.rowcount
        self._measure_ticks()


def _merged(ranges: list[Any]) -> list[Range]:
    """Return the fewest closed ranges that cover these."""
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def _without(ranges: list[Range], taken: list[Range]) -> list[Range]:
    """Return what of closed ranges lies outside of others."""
    rest = ranges
    for low, high in taken:
        rest = [
            (a, b)
            for begin, end in rest
            for a, b in ((begin, min(end, low - 1)), (max(begin, high + 1), end))
            if a <= b
        ]
    return rest


def _damaged(error: sqlite3.OperationalError) -> bool:
    return any(word in str(error) for word in ("malformed", "disk I/O error", "no such table"))

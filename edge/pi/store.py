"""The durable store: packs until they are acknowledged, and the samples of windows that are still open.

One SQLite database in WAL mode. A pack is synced to the medium before it may be sent, so that a power cut can
take only what was never sent; samples are not synced one by one, which would wear an SD card out, but survive
the death of the process. A second, tiny file holds the highest seq ever sent: should the end of the database
be lost all the same, no number is used for two contents.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar
from zlib import crc32

import msgspec

from bypuls.sequences import Range, closed_ranges
from edge.pi.ballast import Ballast
from edge.pi.database import Damaged, Database, kept_aside, put_aside
from edge.pi.errors import StoreError, StoreFull
from edge.pi.gaps import Gaps
from edge.pi.packing import encode
from edge.pi.sent_mark import SentMark
from edge.pi.ticks import Samples, Ticks
from edge.pi.windows import Point

_ROW = 32
"""Bytes that a row takes besides its content, roughly."""
_SPARE_PAGES = 64
"""So many pages the database may still grow by on a full disk: bookkeeping needs some before it frees any."""

T = TypeVar("T")


class Store:
    """The store in a folder, from `with` to its end; for one process at a time, and any of its threads.

    `limit` bounds packs and samples together, in bytes; when it is reached, or the disk is full, the oldest
    packs are dropped, counted, and declared in the next pack. A database that can't be read is put aside and
    a new log begun.
    Entering raises StoreError when the folder can't be used, or another process uses it.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.log = ""
        self.last = 0
        """The highest seq given out."""
        self.replaced: Path | None = None
        """Where the database was put that could not be read, if that happened on entering."""
        self.aside: list[Path] = []
        """Where databases are that could not be read, on this entering or earlier, and nobody has removed."""
        self.packs = 0
        self.dropped = 0
        """Packs given up since the store was made: it was full, or a pack was damaged or torn off."""
        self._guard = threading.RLock()
        self._limit = limit
        self._bytes = 0
        self._cramped = False
        """Whether the disk was full, and the database is kept from growing."""

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            self._mark = SentMark(self.folder)
        except OSError as error:
            raise StoreError(f"the store {self.folder} can't be used: {error}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._close_files()
            raise StoreError(f"another agent uses the store {self.folder}; is the service running?") from None
        try:
            self._open()
        except BaseException:
            self._close_files()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._database.close()
        self._ballast.reserve()  # closing removes the log, whose space is needed again
        self._close_files()

    # Meta

    def get(self, key: str) -> str | None:
        """Return what was kept under a key."""
        with self._guard:
            row = self._database.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()
        return None if row is None else str(row[0])

    def put(self, **values: str) -> None:
        """Keep texts by key, for good once this returns."""

        def work() -> None:
            with self._transaction(sync=True):
                self._put(values)

        self._with_room(work)

    # Samples of open windows

    def add_tick(self, time: int, samples: Samples) -> None:
        """Keep samples taken at a time since boot until their windows are packed; raises StoreError."""
        with self._guard:
            self._ticks.add(time, samples)

    def ticks(self) -> Iterator[tuple[int, Samples]]:
        """Yield what is kept of open windows, in order; what is damaged is left out, and counted."""
        last = -1
        while True:
            with self._guard:
                found = self._ticks.after(last)
            if found is None:
                return
            last, ticks = found
            yield from ticks

    def take_ticks_dropped(self) -> int:
        """Return how many ticks of samples were dropped since the last call, because the store was full."""
        dropped, self._ticks.dropped = self._ticks.dropped, 0
        return dropped

    # Packs

    def commit(
        self, packs: Iterable[Sequence[Point]], *, ticks_before: int | None, **values: str
    ) -> list[int]:
        """Store packs and forget the samples taken before a time since boot (None: all), at one stroke.

        Returns the seqs of the packs; they are on the medium when this returns. `values` are kept by key.
        Raises StoreError, and has done nothing.
        """
        wanted = list(packs)

        def need() -> int:
            return sum(len(encode(points, self.log, self.last, [])) + _ROW for points in wanted)

        return self._with_room(lambda: self._commit(wanted, ticks_before, values), need)

    def _commit(
        self, packs: Sequence[Sequence[Point]], ticks_before: int | None, values: dict[str, str]
    ) -> list[int]:
        made: list[int] = []
        with self._guard:
            dropped = self.dropped
            with self._transaction(sync=True):
                for seq, points in enumerate(packs, start=self.last + 1):
                    self._insert(seq, points)
                    made.append(seq)
                self._ticks.forget(ticks_before)
                if made:
                    values["seq"] = str(made[-1])
                if self.dropped != dropped:
                    values["dropped"] = str(self.dropped)
                self._put(values)
            self.last += len(made)
            self._ticks.measure()
        return made

    def payload(self, seq: int) -> bytes | None:
        """Return a pack as it is sent; None where it is acknowledged or dropped, as a damaged one is now."""
        with self._guard:
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
        query = "SELECT seq FROM pack WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._guard:
            return [number for (number,) in self._database.execute(query, [seq, count])]

    def sending(self, seq: int) -> None:
        """Note that a pack is about to be sent, so that its number is never given to another."""
        self._mark.raise_to(self.log, seq)

    def acknowledge(self, seqs: Iterable[int]) -> int:
        """Forget packs that are safe, and the gaps that they declared; return how many packs there were."""
        ranges = list(closed_ranges(seqs))

        def work() -> int:
            with self._transaction(sync=False):
                gone = sum(self._delete(low, high) for low, high in ranges)
                self.packs -= gone
            return gone

        return self._with_room(work)

    # Inside

    def _open(self) -> None:
        try:
            self._database = Database(self.folder)
        except Damaged:
            self.replaced = put_aside(self.folder)
            self._database = Database(self.folder)
        self.aside = kept_aside(self.folder)
        self._ballast = Ballast(self.folder)
        run = self._database.execute
        kept = dict(run("SELECT key, value FROM meta").fetchall())
        self.log, self.dropped, self.last = kept["log"], int(kept["dropped"]), int(kept["seq"])
        self.packs, size = run("SELECT count(*), coalesce(sum(length(payload)), 0) FROM pack").fetchone()
        self._bytes = size + self.packs * _ROW
        self._gaps = Gaps(self._database)
        self._ticks = Ticks(self._database, self._limit)
        sent = self._mark.read(self.log)
        if sent > self.last:
            self._lose_to(sent)

    def _lose_to(self, sent: int) -> None:
        """Declare the packs that were sent, and lost with the end of the database that was torn off."""

        def work() -> None:
            with self._transaction(sync=True):
                self.dropped += sent - self.last
                self._gaps.declare([(self.last + 1, sent)])
                self._put({"seq": str(sent), "dropped": str(self.dropped)})

        self._with_room(work)
        self.last = sent

    def _close_files(self) -> None:
        self._mark.close()
        os.close(self._lock)

    def _insert(self, seq: int, points: Sequence[Point]) -> None:
        gap = self._gaps.undeclared()
        payload = encode(points, self.log, seq, gap)
        self._database.execute(
            "INSERT INTO pack VALUES (?, ?, ?, ?)",
            [seq, payload, crc32(payload), msgspec.json.encode(gap).decode() if gap else None],
        )
        self.packs += 1
        self._bytes += len(payload) + _ROW
        self._make_room(seq)

    def _delete(self, low: int, high: int) -> int:
        """Delete packs, and of the undeclared gaps what these have declared; return how many packs."""
        rows = self._database.execute(
            "DELETE FROM pack WHERE seq BETWEEN ? AND ? RETURNING length(payload), gap", [low, high]
        ).fetchall()
        for size, gap in rows:
            self._bytes -= size + _ROW
            if gap is not None:
                self._gaps.acknowledge(msgspec.json.decode(gap, type=list[Range]))
        return len(rows)

    @contextmanager
    def _transaction(self, *, sync: bool) -> Iterator[None]:
        """All or nothing, the counts included; raises StoreError for what the database refuses."""
        with self._guard:
            before = (self.packs, self._bytes, self.dropped)
            try:
                with self._database.transaction(sync=sync):
                    yield
            except StoreError:
                self.packs, self._bytes, self.dropped = before
                raise

    def _with_room(self, work: Callable[[], T], need: Callable[[], int] = lambda: 0) -> T:
        """Do what writes. On a full disk it gets the room that checkpoints make, then that of the oldest
        packs: as many as hold the bytes it needs, if all together hold so many, and four times as many.
        """
        with self._guard:
            if self._cramped and self._ballast.roomy:
                self._ballast.reserve()
                self._database.may_grow(None)
                self._cramped = False
            for share in (0, 1, 4):
                try:
                    return work()
                except StoreFull:
                    wanted = share * need()
                    if share and not 0 < wanted / share <= self._bytes:
                        raise
                    self._use_ballast(wanted)
            return work()

    def _use_ballast(self, wanted: int) -> None:
        """Drop the oldest packs, of so many bytes, and clear the log, with the room of the ballast."""
        self._ballast.release()
        try:
            if wanted:
                with self._transaction(sync=True):
                    self._drop(self._oldest(wanted))
                    self._put({"dropped": str(self.dropped)})
            self._database.checkpoint()
            self._ballast.keep_log_room()
        finally:
            self._ballast.reserve()
        if not self._cramped:
            self._database.may_grow(_SPARE_PAGES)
            self._cramped = True

    def _oldest(self, wanted: int, but: int | None = None) -> list[tuple[int, int]]:
        """Return the oldest packs (seq, bytes) that together hold so many bytes, but for one."""
        found = []
        for seq, size in self._database.execute("SELECT seq, length(payload) FROM pack ORDER BY seq"):
            if wanted <= 0 or seq == but:
                break
            found.append((seq, size))
            wanted -= size + _ROW
        return found

    def _put(self, values: dict[str, str]) -> None:
        self._database.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def _make_room(self, newest: int) -> None:
        """Drop the oldest packs until the rest fits, never the newest."""
        excess = self._bytes + self._ticks.bytes - self._limit
        if excess > 0:
            self._drop(self._oldest(excess, newest))

    def _drop(self, packs: list[tuple[int, int]]) -> None:
        """Give packs (seq, bytes) up, to be declared."""
        self._database.executemany("DELETE FROM pack WHERE seq = ?", [(seq,) for seq, _ in packs])
        self._bytes -= sum(size + _ROW for _, size in packs)
        self.packs -= len(packs)
        self.dropped += len(packs)
        self._gaps.declare([(seq, seq) for seq, _ in packs])

"""The store: packs that are not known to be safe, in segment files that are removed whole.

A pack is never changed, and its seq is never given to another. What is acknowledged is not written down, as
that would wear the flash: after a restart the packs of the segments that are left are sent again, and
recognised.
"""

import os
from array import array

from node import segment
from node.console import tell
from node.gaps import Gaps

FULL = (28, 122)  # ENOSPC, EDQUOT


class StoreError(Exception):
    """A pack could not be kept."""


class Store:
    """The packs in `folder`, at most `segments` files with `packs` packs (64 at most) each; fixed in memory.

    `n`: how many files there are; `log`: its random name; `next`: the seq of the next pack; `era`: the number
    of this run, rising; `high`: the highest instant (ms since 1970) of any pack so far.
    """

    def __init__(self, folder, segments, packs, size):
        self._folder, self._limit, self._packs, self._size = folder, segments, packs, size
        self._first = array("I", bytearray(4 * (segments + 1)))
        self._count = bytearray(segments + 1)
        self._left = bytearray(segments + 1)  # of them not acknowledged
        self._done = bytearray(8 * (segments + 1))
        self.n = 0
        self._file = None
        self._written = 0
        self.readers = []
        self.log = None
        self.next = 1
        self.era = self.high = 0
        self.fresh = False  # just made: which instants were used before is not known
        self.dropped = 0
        try:
            os.mkdir(folder)
        except OSError:
            pass
        self.gaps = Gaps(folder)

    def path(self, first):
        """Return the path of the segment whose first pack is `first`."""
        return self._folder + "/" + segment.file_name(first)

    @property
    def oldest(self):
        """The lowest seq that is stored; `next` when none is."""
        return self._first[0] if self.n else self.next

    @property
    def waiting(self):
        """How many packs are not acknowledged."""
        return sum(self._left[: self.n])

    def add_segment(self, first, count):
        """Enter a segment that was found, the oldest first."""
        self._first[self.n], self._count[self.n], self._left[self.n] = first, count, count
        for byte in range(8):
            self._done[8 * self.n + byte] = 0
        self.n += 1
        self.next = first + count

    def go_on(self, size):
        """Write on in the newest segment, whose file has `size` bytes."""
        self._file = open(self.path(self._first[self.n - 1]), "ab")
        self._written = size

    def room(self, length):
        """Make room for a pack of `length` bytes: a new segment, and the oldest one dropped where need be.

        Afterwards `gaps` is complete. Raises StoreError where the flash is full of other things.
        """
        count = self._count[self.n - 1] if self.n else 0
        full = count >= self._packs or (count and self._written + length > self._size)
        if full or not self.n or self._file is None:
            self.begin_segment(self.next)

    def put(self, relative, base, span, head, body):
        """Keep the next pack: `head` and `body` are its bytes; return its seq when the flash has it.

        `relative`: its base time (ms) counts from the start of this era; `span`: ms from there to its last.
        """
        for reader in self.readers:
            if reader.first == self._first[self.n - 1]:
                reader.close()  # littlefs gives a file that is open twice no promise
        seq = self.next
        try:
            self._put(seq, relative, base, span, head, body)
        except (OSError, StoreError):
            self.gaps.lost(seq, seq)  # the next pack takes this seq, and must tell them instead
            raise
        if base and not relative:
            self.high = max(self.high, base + span)
        return seq

    def _put(self, seq, relative, base, span, head, body):
        for _ in range(self._limit + 1):
            try:
                self._write(seq, relative, base, span, head, body)
                return
            except OSError as error:
                # What was written of it stays behind as a torn tail; the next segment begins with this very
                # seq.
                if error.errno not in FULL:
                    raise
                if not self._count[self.n - 1]:
                    self._remove(self.n - 1)
                self.drop()
                self.begin_segment(seq)
        raise StoreError("the flash takes no pack")

    def _write(self, seq, relative, base, span, head, body):
        """Write a pack, and count it; behind one that was cut short, by Ctrl-C too, nothing is written."""
        file, self._file = self._file, None
        try:
            segment.append(file, seq, self.era, relative, base, span, head, body)
            at = self.n - 1
            self._written += segment.PACK_SIZE + len(head) + len(body)
            self._count[at] += 1
            self._left[at] += 1
            self.next = seq + 1
            self._file = file
        finally:
            if self._file is None:
                _close(file)

    def holds(self, seq):
        """Tell whether a pack is stored and not acknowledged."""
        at = self._find(seq)
        return at >= 0 and not self._bit(at, seq)

    def first_of(self, seq):
        """Return the first seq of the segment that a pack is in; -1 where it is in none."""
        at = self._find(seq)
        return self._first[at] if at >= 0 else -1

    def following(self, seq):
        """Return the lowest seq from `seq` on that is stored and not acknowledged, else `next`."""
        for at in range(max(self._below(seq) - 1, 0), self.n):
            first = self._first[at]
            end = first + self._count[at]
            if end <= seq or not self._left[at]:
                continue
            for candidate in range(max(seq, first), end):
                if not self._bit(at, candidate):
                    return candidate
        return self.next

    def acknowledge(self, seq):
        """Note that a pack is safe; a segment without any other goes."""
        at = self._find(seq)
        if at < 0 or self._bit(at, seq):
            return
        place = seq - self._first[at]
        self._done[8 * at + (place >> 3)] |= 1 << (place & 7)
        self._left[at] -= 1
        if not self._left[at] and at < self.n - 1:
            self._remove(at)

    def lose(self, seq):
        """Give a pack up that can't be sent, and declare it."""
        self.gaps.declare(seq, seq)
        self.acknowledge(seq)
        self.dropped += 1

    def close(self):
        """Close the files."""
        self._close_file()
        for reader in self.readers:
            reader.close()

    def _close_file(self):
        file, self._file = self._file, None
        if file:
            _close(file)

    def _find(self, seq):
        at = self._below(seq) - 1
        return at if at >= 0 and seq < self._first[at] + self._count[at] else -1

    def _below(self, seq):
        """Return how many segments begin at or before `seq`."""
        low, high = 0, self.n
        while low < high:
            middle = (low + high) >> 1
            if self._first[middle] <= seq:
                low = middle + 1
            else:
                high = middle
        return low

    def _bit(self, at, seq):
        place = seq - self._first[at]
        return self._done[8 * at + (place >> 3)] >> (place & 7) & 1

    def begin_segment(self, first):
        """Begin a segment, then remove what is in the way or no longer needed."""
        self._close_file()
        if self.n and self._first[self.n - 1] == first:
            self.n -= 1  # it holds no pack, and its file is written anew
        if self.n == self._limit:
            self.drop()
        while True:
            try:
                self._file = segment.create(self.path(first), self.log, first, self.era, self.high)
                break
            except OSError as error:
                if error.errno not in FULL or not self.n:
                    raise StoreError("the flash takes no segment: %s" % error)
                self.drop()
        self._written = segment.FILE_SIZE
        self.add_segment(first, 0)
        at = self.n - 2
        if at >= 0 and not self._left[at]:
            self._remove(at)

    def drop(self):
        """Drop the oldest segment, and declare what of it is not acknowledged."""
        if not self.n:
            raise StoreError("the flash is full, and not of packs")
        first, count, left = self._first[0], self._count[0], self._left[0]
        if left:
            low = first
            while self._bit(0, low):
                low += 1
            self.gaps.lost(first, first + count - 1)
            self.gaps.declare(low, first + count - 1)
            self.dropped += left
            tell("the store is full: %d packs from %d on were dropped" % (left, low))
        self._remove(0)

    def _remove(self, at):
        first = self._first[at]
        for reader in self.readers:
            if reader.first == first:
                reader.close()
        os.remove(self.path(first))
        self.n -= 1
        for place in range(at, self.n):
            self._first[place] = self._first[place + 1]
            self._count[place] = self._count[place + 1]
            self._left[place] = self._left[place + 1]
            for byte in range(8 * place, 8 * place + 8):
                self._done[byte] = self._done[byte + 8]
        self._left[self.n] = 0


def _close(file):
    try:
        file.close()
    except OSError:
        pass  # it wrote what it had before, or what it had is torn

"""A reader of the store: it keeps its place in a segment, so that packs read in order cost one look each."""

from node import segment


class Reader:
    """Reads packs into a buffer; register it with the store, which closes its file before changing it."""

    def __init__(self, store):
        self._store = store
        self._file = None
        self.first = -1
        self._seq = 0
        self._at = 0
        self.pack = segment.Pack()
        store.readers.append(self)

    def find(self, seq, buffer):
        """Read the header of a pack that the store holds; False where it is damaged."""
        first = self._store.first_of(seq)
        if first != self.first or seq < self._seq:
            self.close()
            self.first, self._seq, self._at = first, first, segment.FILE_SIZE
        if self._file is None:
            self._file = open(self._store.path(first), "rb")
        pack = self.pack
        while pack.read(self._file, self._at, buffer) and pack.seq == self._seq and pack.length:
            if pack.seq == seq:
                return True
            self._at = pack.body + pack.length
            self._seq += 1
        self._seq = seq + 1  # look from the segment's start the next time
        return False

    def load(self, buffer, view, at):
        """Read the content of the pack just found into `buffer` from `at` on; False where it is damaged."""
        return self.pack.load(self._file, buffer, view, at)

    def close(self):
        """Close the file; the place is remembered."""
        if self._file:
            self._file.close()
            self._file = None

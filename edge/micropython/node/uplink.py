"""Uplink: stored packs go out, old and new ones side by side, until they are acknowledged."""

import random
from array import array

from micropython import const

from node import answers, senml
from node.clock import later, passed, ticks
from node.console import tell
from node.forgetting import Recalled
from node.segment import Reader

_FIRST_PAUSE = const(5_000)
_LONGEST_PAUSE = const(60_000)


class Uplink:
    """Sends what `store` holds through `client`, at most `window` packs at a time unacknowledged.

    Packs made since the connection go first, so that they are not late; what waited before takes the rest.
    A quarter of the window is kept for each of the two, so that neither starves where acknowledgements are
    slow; without a backlog all of it is for the new ones. A pack that is not acknowledged is sent again after
    5 s, and then ever more rarely, up to once a minute, 20 % more or less; every acknowledgement shortens the
    pauses again, for it shows that the platform is there. Acknowledgements of another log, and of packs that
    are not under way on this connection, are ignored.
    """

    def __init__(self, store, client, clock, eras, window):
        self._store, self._client, self._clock, self._eras = store, client, clock, eras
        self._era = 0  # the one that was placed last
        self._start = None
        self._seqs = array("I", bytearray(4 * window))  # 0: a free place
        self._sent = array("I", bytearray(4 * window))
        self._due = array("I", bytearray(4 * window))
        self._tries = bytearray(window)
        self._window = window
        self._under_way = 0
        self._old, self._new = Reader(store), Reader(store)
        self._number = 0
        self._next_old = self._next_new = self._born = 1
        self._highest = 0
        self._timed = (
            store.next
        )  # from here on packs went out on this connection only: they can tell the time
        self._question = 0

    def step(self):
        """Send a pack, if one may be sent now; tells whether it did, or found one that is lost."""
        if self._number != self._client.number:
            self._begin()
        if not self._client.ready:
            return False
        before = self._client.sent + self._store.dropped
        place = self._overdue()
        if place >= 0:
            self._resend(place)
        elif self._under_way < self._window:
            self._send()
        return self._client.sent + self._store.dropped != before

    def received(self, message):
        """Take in an acknowledgement; return the platform's clock and its question's age (ms), or None."""
        try:
            if not answers.is_for(message, self._store.log):
                return None
        except ValueError:
            return None
        now = ticks()
        age = None
        for low, high in answers.ranges(message):
            for place in range(self._window):
                seq = self._seqs[place]
                if seq and low <= seq <= high:
                    if seq >= self._timed and not self._tries[place]:
                        took = passed(self._sent[place], now)
                        age = took if age is None else min(age, took)
                    self._forget(place)
                    self._store.acknowledge(seq)
                    self._store.gaps.acknowledge(seq)
        for place in range(self._window):
            if self._seqs[place] and self._tries[place]:
                self._tries[place] = 0
                self._put_off(place, now)
        platform = answers.clock(message)
        return None if age is None or platform is None else (platform, age)

    def pause(self):
        """Return the ms until something is to be sent again; some seconds where nothing is."""
        soonest = 5_000
        now = ticks()
        for place in range(self._window):
            if self._seqs[place]:
                soonest = min(soonest, passed(now, self._due[place]))
        return max(soonest, 0)

    def _begin(self):
        """Begin on a new connection: what was under way may be lost, or was acknowledged unheard."""
        self._number = self._client.number
        for place in range(self._window):
            self._seqs[place] = 0
        self._under_way = 0
        self._next_old = self._store.oldest
        self._next_new = self._born = self._store.next
        self._timed = max(self._timed, self._highest + 1)
        self._question = 0

    @property
    def asks(self):
        """Whether the pack whose answer shall tell the time is still to be answered."""
        return self._store.holds(self._question)

    def ask(self, seq):
        """Take a pack that was just made as the question for the time."""
        self._question = seq

    def _send(self):
        """Send the next pack that was not sent on this connection: the new ones in turn, then the oldest."""
        store = self._store
        if self._clock.epoch is None:
            if self.asks and not self._is_under_way(self._question):
                self._try(self._question, self._new)
            return
        old = self._next_old = self._unsent(self._next_old, self._born)
        new = self._unsent(self._next_new, store.next)
        share, fresh = self._window // 4, 0
        for seq in self._seqs:
            if seq >= self._born:
                fresh += 1
        waits = old < self._born
        if new < store.next and not (waits and fresh >= self._window - share):
            self._next_new = new + 1
            self._try(new, self._new)
        elif waits and (self._under_way - fresh < share or self._under_way < self._window - share):
            self._try(old, self._old)

    def _unsent(self, seq, end):
        """Return the lowest seq from `seq` on that is stored and not under way, or one from `end` on."""
        seq = self._store.following(seq)
        while seq < end and self._is_under_way(seq):
            seq = self._store.following(seq + 1)
        return seq

    def _try(self, seq, reader):
        """Send a pack for the first time on this connection; the clock is known, or it has no times."""
        length = self._load(seq, reader)
        if length:
            place = 0
            while self._seqs[place]:
                place += 1
            self._seqs[place] = seq
            self._tries[place] = 0
            self._sent[place] = ticks()
            self._under_way += 1
            self._put_off(place, self._sent[place])
            self._highest = max(self._highest, seq)
            self._client.publish(length)

    def _resend(self, place):
        length = self._load(self._seqs[place], self._old)
        if not length:
            self._forget(place)
            return
        self._tries[place] = min(self._tries[place] + 1, 4)
        self._put_off(place, ticks())
        self._client.publish(length)

    def _load(self, seq, reader):
        """Bring a pack into the client's buffer; return its length, 0 if it is lost."""
        client, store, at = self._client, self._store, self._client.payload_at
        if not store.holds(seq):
            return 0
        pack = reader.pack
        # The header is checked where it will be written over by that of MQTT: there are 26 bytes before the
        # payload.
        if not reader.find(seq, client.buffer) or not reader.load(client.buffer, client.view, at):
            self._lose(seq, "is damaged")
            return 0
        if pack.relative:
            epoch, mark = self._place(pack.era)
            if epoch < 0:
                self._lose(seq, "was made before a clock was known, and can't be placed")
                return 0
            base = senml.seconds(epoch + pack.base, mark)
            text = ("%*s" % (senml.BASE_WIDTH, base)).encode()
            client.buffer[at + senml.BASE_AT : at + senml.BASE_AT + senml.BASE_WIDTH] = text
        return pack.length

    def _place(self, era):
        if era != self._era:
            with Recalled("eras") as eras:
                until = self._clock.epoch
                self._start = eras.persist(self._store, eras.place, self._eras, era, until)
                self._era = era
        return self._start

    def _lose(self, seq, why):
        tell("pack %d %s: it is lost" % (seq, why))
        self._store.lose(seq)

    def _is_under_way(self, seq):
        for place in range(self._window):
            if self._seqs[place] == seq:
                return True
        return False

    def _forget(self, place):
        self._seqs[place] = 0
        self._under_way -= 1

    def _overdue(self):
        now = ticks()
        for place in range(self._window):
            if self._seqs[place] and passed(self._due[place], now) >= 0:
                return place
        return -1

    def _put_off(self, place, now):
        pause = min(_FIRST_PAUSE << self._tries[place], _LONGEST_PAUSE)
        self._due[place] = later(now, random.randint(pause * 4 // 5, pause * 6 // 5))

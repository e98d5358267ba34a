"""A client of MQTT 3.1.1 that never waits: each call of `step` does what can be done at once.

umqtt.simple, which comes with MicroPython, blocks in every call, has one packet under way and reads by
allocating: a node whose broker hangs would no longer measure. So this is ours: connect, one publication at
a time into a buffer that is there from the start, two subscriptions, and a watch over a peer that has gone
silent.
"""

import errno
import random
import select
import struct
import time

from micropython import const

from node.clock import later, passed, ticks
from node.console import tell
from node.forgetting import Recalled

_DOWN = const(0)
_OPENING = const(1)  # the connection is being made
_GREETING = const(2)  # CONNECT is sent
_ACCEPTED = const(3)  # CONNACK has come
_UP = const(4)  # SUBACK has come

_SLOWEST = const(60_000)  # ms, the longest pause before another attempt
_STEADY = const(5_000)  # ms after which a connection was a good one: the next pause is short again
_HEAD = const(9)  # room for a header, and for the 4 characters that `status` is longer than `up`


class Client:
    """A connection to the broker that heals; `number` counts those that were made, `sent` the packs.

    `settings`: host, port, keepalive (s), and where there are username, password, tls (the file of a
    certificate). `topic`: those of the node end in `up`, `ack`, `config` and `status`. `buffer`: for what is
    sent, 20 bytes longer than topic and payload; `inbox`: for what comes. `received(leaf, message)` gets a
    memoryview that is valid only then, or "" and the length of a message that was longer than the inbox and
    is skipped. `name` is to be set before `step`, and `status` too: it is published after each connection and
    whenever it changes.
    """

    def __init__(self, settings, board, topic, buffer, inbox, received):
        self._settings, self._board, self._topic = settings, board, topic
        self._received = received
        self.name = ""
        self._up_topic = (topic + "up").encode()
        self.payload_at = _HEAD + 4 + len(self._up_topic)
        self.buffer, self.view = buffer, memoryview(buffer)
        self.room = len(buffer) - self.payload_at
        self._inbox, self._in = inbox, memoryview(inbox)
        self._poll = select.poll()
        self._socket = None
        # ms without a byte from the broker, after which it is asked, and then given up
        self._quiet = settings["keepalive"] * 500
        self._pause = 1_000
        self._retry_at = self._begun = self._said = ticks()
        self._mid = 0
        self.number = self.sent = 0
        self.status = b""
        self._status_sent = None
        self._reset()

    @property
    def up(self):
        """Whether the broker has accepted the connection and both subscriptions."""
        return self._state == _UP

    @property
    def ready(self):
        """Whether `publish` may be called: the buffer is free."""
        return self.up and self._out == self._out_end and self._status_sent == self.status

    def publish(self, length):
        """Send the `length` bytes that stand in the buffer at `payload_at` to the `up` topic, with QoS 1."""
        self.sent += 1
        try:
            self._publish(0x32, self._up_topic, length)
        except OSError as error:  # the broker may hang up at any time
            self._fail(error)

    def step(self):
        """Go on as far as possible without waiting."""
        now = ticks()
        try:
            if self._state == _DOWN:
                if passed(self._retry_at, now) < 0:
                    return
                self._retry_at = now  # without a network for 6 days, the ticks would come round
                if self._board.online():
                    self._socket = self._opening("reach")(self._settings)
                    self._poll.register(self._socket, select.POLLOUT)
                    self._state, self._heard = _OPENING, now
                return
            self._go_on(now)
        except (OSError, ValueError) as error:
            self._fail(error)

    def wait(self, milliseconds):
        """Wait for something to do, at most so long."""
        if self._socket is None:
            time.sleep_ms(milliseconds)
            return
        sending = self._state == _OPENING or self._out < self._out_end
        self._poll.modify(self._socket, select.POLLIN | select.POLLOUT if sending else select.POLLIN)
        for _ in self._poll.ipoll(milliseconds):
            pass

    def close(self):
        """End the connection in order, if there is one."""
        if self._state == _UP and self._out == self._out_end:
            try:
                self._socket.write(b"\xe0\x00")
            except OSError:
                pass
        self._drop()

    def _reset(self):
        self._state = _DOWN
        self._out = self._out_end = self._filled = self._skip = 0
        self._asked = self._subscribed = False
        self._status_sent = None

    def _drop(self):
        if self._socket is not None:
            self._poll.unregister(self._socket)
            self._socket.close()
            self._socket = None
        self._reset()

    def _fail(self, error):
        was_up = self._state == _UP
        self._drop()
        tell("the broker %s: %s" % ("is lost" if was_up else "can't be reached", error))
        self._retry_at = later(ticks(), random.randint(self._pause * 4 // 5, self._pause * 6 // 5))
        self._pause = min(2 * self._pause, _SLOWEST)

    def _go_on(self, now):
        if self._state == _OPENING:
            made = self._opening("made")(self._poll, self._socket, self._settings, self._board)
            if made:
                self._socket, self._state = made, _GREETING
                self._packet(0x10, self._opening("greeting")(self._settings, self.name, self._topic))
            elif passed(self._heard, now) > self._quiet:
                raise OSError(errno.ETIMEDOUT)
            else:
                return
        self._flush()
        while self._socket and self._read(now):
            pass
        if self._socket is None or self._out < self._out_end:
            quiet = passed(self._heard, now)
            if self._socket and quiet > 2 * self._quiet:
                raise ValueError("it takes no more bytes")
            return
        self._say(now)

    def _say(self, now):
        """Send what there is to be said, one packet at a time."""
        quiet = passed(self._heard, now)
        if self._pause > 1_000 and self.up and passed(self._begun, now) > _STEADY:
            self._pause = 1_000
        if self._state == _ACCEPTED and not self._subscribed:
            self._subscribe()
        elif self.up and self._status_sent != self.status:
            self._status_sent = self.status
            self.buffer[self.payload_at : self.payload_at + len(self.status)] = self.status
            self._publish(0x33, (self._topic + "status").encode(), len(self.status))
        elif self.up and max(quiet, passed(self._said, now)) > self._quiet and not self._asked:
            self._asked = True
            self.buffer[0:2] = b"\xc0\x00"
            self._out, self._out_end = 0, 2
        elif quiet > 2 * self._quiet:
            raise ValueError("it does not answer")
        self._flush()

    def _opening(self, name):
        with Recalled("opening") as opening:
            return getattr(opening, name)

    def _subscribe(self):
        self._subscribed = True
        self._packet(0x82, self._opening("wishes")(self._next_mid(), self._topic))

    def _packet(self, kind, body):
        head = bytearray((kind,))
        rest = len(body)
        while rest > 127:
            head.append(rest & 127 | 128)
            rest >>= 7
        head.append(rest)
        end = len(head) + len(body)
        self.buffer[0 : len(head)] = head
        self.buffer[len(head) : end] = body
        self._out, self._out_end = 0, end

    def _publish(self, kind, topic, length):
        """Put the header right before the payload."""
        rest = 4 + len(topic) + length
        size = 1 + (1 if rest < 128 else 2 if rest < 16_384 else 3)
        at = self.payload_at - 4 - len(topic) - size
        self._out = at
        self.buffer[at] = kind
        left = rest
        for place in range(at + 1, at + size):
            self.buffer[place] = left & 127 | (128 if place < at + size - 1 else 0)
            left >>= 7
        at += size
        struct.pack_into(">H", self.buffer, at, len(topic))
        self.buffer[at + 2 : at + 2 + len(topic)] = topic
        struct.pack_into(">H", self.buffer, at + 2 + len(topic), self._next_mid())
        self._out_end = at + 4 + len(topic) + length
        self._flush()

    def _next_mid(self):
        self._mid = self._mid % 65_535 + 1
        return self._mid

    def _flush(self):
        while self._out < self._out_end:
            sent = self._socket.write(self.view[self._out : self._out_end])
            if not sent:
                return
            self._out += sent
            self._said = ticks()

    def _read(self, now):
        """Take in what has come; False when that is all for now."""
        if self._skip:
            count = self._socket.readinto(self._in[: min(self._skip, len(self._inbox))])
            if count:
                self._skip -= count
        else:
            count = self._socket.readinto(self._in[self._filled :])
            if count:
                self._filled += count
        if count is None:
            return False
        if count == 0:
            raise ValueError("it has hung up")
        self._heard, self._asked = now, False
        self._split()
        return True

    def _split(self):
        """Handle the packets in the inbox, and keep the beginning of the next one."""
        at = 0
        if self._state == _GREETING and self._inbox[0] != 0x20:
            self._opening("accepted")(0, b"")  # its length may promise bytes that never come
        while self._filled - at >= 2:
            size, place, shift = 0, at + 1, 0
            while place < self._filled and self._inbox[place] & 128 and shift < 21:
                size |= (self._inbox[place] & 127) << shift
                shift += 7
                place += 1
            if place == self._filled:
                break
            size |= (self._inbox[place] & 127) << shift
            end = place + 1 + size
            if end - at > len(self._inbox):
                self._received("", size)
                self._skip = end - self._filled
                self._filled = at = 0
                break
            if end > self._filled:
                break
            self._handle(self._inbox[at], self._in[place + 1 : end])
            if self._socket is None:
                return
            at = end
        if at:
            rest = self._filled - at
            self._inbox[:rest] = bytes(self._in[at : self._filled])
            self._filled = rest

    def _handle(self, head, body):
        kind = head >> 4
        if self._state == _GREETING:
            self._opening("accepted")(kind, body)
            self._state = _ACCEPTED
        elif kind == 3:
            (length,) = struct.unpack_from(">H", body)
            leaf = bytes(body[2 : 2 + length]).decode()
            if leaf.startswith(self._topic):
                skip = 2 + length + (2 if head & 6 else 0)
                self._received(leaf[len(self._topic) :], body[skip:])
        elif kind == 9:
            self._opening("granted")(body)
            self._state = _UP
            self.number += 1
            self._begun = self._heard

"""The agent: samples go into windows, windows into packs, packs into the store and out to the platform."""

import gc
from binascii import crc32

from micropython import const

from node import senml
from node.clock import Clock
from node.console import tell
from node.forgetting import Recalled, keep_spare
from node.store import StoreError

_LONGEST_WAIT = const(1_000)
_STATUS_EVERY = const(60_000)
_QUESTION_EVERY = const(10_000)


class Agent:
    """One node, put together by `node.assembly`. Call `step` for ever; it returns after at most a second.

    Everything that it holds has the same size however long the platform is away. Modules that are rarely
    needed are imported when they are, and forgotten, for their code takes memory too.
    """

    def __init__(self, board, buffer, report):
        self.board, self.clock = board, Clock()
        self._writer, self._view = senml.Writer(buffer), memoryview(buffer)
        self.report = self.own_report = report
        self.sensors = []
        self.channels = {}
        self.config = {}
        self.problems = {}
        self.sampled = 0
        self.taken = -1  # instants up to this one were given to readings of earlier eras
        self.guessed = False
        self.relative_high = 0
        self._pending_since = self._question_at = self.status_at = self._config_crc = 0
        self._told = -1
        self.peak = 0

    def step(self):
        """Do what is due, then wait for what comes next."""
        self.board.feed()
        clock = self.clock
        mono = clock.tick()
        wait = _LONGEST_WAIT
        for sensor in self.sensors:
            left = sensor.due - mono
            if left <= 0:
                self._sample(sensor)
                sensor.due += max(1, (mono - sensor.due) // sensor.every + 1) * sensor.every
                left = sensor.due - clock.mono
            wait = min(wait, left)
        now = clock.now()
        for channel in self.all_channels():
            channel.close(now)
            end = channel.due()
            if end is not None:
                wait = min(wait, end - now)
        if self._writer.length:
            left = self._pending_since + self.report - clock.mono
            if left <= 0:
                self.keep()
            else:
                wait = min(wait, left)
        self.client.step()
        for _ in range(8):
            if not self.uplink.step():
                break
            wait = 0
        if self.client.up:
            if clock.epoch is None and clock.mono >= self._question_at and not self.uplink.asks:
                self._question_at = clock.mono + _QUESTION_EVERY
                with Recalled("question") as question:
                    question.ask(self)
            wait = min(wait, self.uplink.pause())
        if clock.mono >= self.status_at or self.client.number != self._told:
            self._say_status()
        clock.tick()
        self.client.wait(max(wait - (clock.mono - mono), 0))

    def close(self):
        """Store what is pending, windows cut short included, and end the connection in order."""
        for channel in self.all_channels():
            channel.cut()
        self.keep()
        self.client.close()
        self.store.close()

    def all_channels(self):
        for outputs in self.channels.values():
            for channels in outputs.values():
                yield from channels

    def _sample(self, sensor):
        try:
            if sensor.driver is None:
                with Recalled("drivers") as drivers:
                    sensor.driver = drivers.make(sensor.settings, self.board)
            values = sensor.driver.read()
            for output in self.channels.get(sensor.name, ()) if values else ():
                if values.get(output) is not None:
                    values[output] + 0  # raises where it is no number
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the others go on
            sensor.driver = None
            self.problem(sensor.name, "%s: %s" % (sensor.name, error))
            return
        if not values:
            return  # there is no new value yet
        self.problem(sensor.name, None)
        self.clock.tick()
        # Of two samples within a millisecond the second one is stamped a millisecond later.
        now = self.sampled = max(self.clock.now(), self.sampled + 1)
        for output, channels in self.channels.get(sensor.name, {}).items():
            value = values.get(output)
            if value is not None:
                for channel in channels:
                    channel.close(now)
                    channel.add(now, value, self.taken)

    def emit(self, fixed, time, value):
        """Put a reading into the pack that is being made."""
        writer = self._writer
        mark = senml.mark_of(self.store.era) if self.taken >= time else 0
        if not writer.length:
            self._pending_since = self.clock.mono
        if not writer.add(fixed, time, mark, value):
            self.keep()
            self._pending_since = self.clock.mono
            writer.add(fixed, time, mark, value)

    def keep(self):
        """Store the pack that was made."""
        writer, store = self._writer, self.store
        if not writer.length:
            return
        relative = self.clock.epoch is None
        try:
            if relative and not self.guessed:
                with Recalled("timing") as timing:
                    timing.guess(self)
            store.room(writer.length + senml.HEAD)
            base = None if relative else senml.seconds(writer.base, writer.us)
            head = senml.head(store.log, store.next, store.gaps.undeclared(store.next), base)
            store.put(relative, writer.base, writer.span, head, self._view[: writer.length])
            if relative:
                self.relative_high = writer.base + writer.span
            self.problem("store", None)
        except (StoreError, OSError) as error:
            store.dropped += 1
            self.problem("store", "store: readings were lost: %s" % error)
        writer.clear()
        self.peak = max(self.peak, gc.mem_alloc())
        gc.collect()
        keep_spare()

    def received(self, leaf, message):
        if leaf == "ack":
            answer = self.uplink.received(message)
            if answer:
                self.clock.tick()
                epoch = self.clock.judge(*answer)
                if epoch is not None:
                    with Recalled("timing") as timing:
                        timing.set_clock(self, epoch)
        elif leaf == "config":
            self.problem("inbox", None)
            if crc32(message) != self._config_crc:
                self.configure(bytes(message))
        elif not leaf:
            self.problem("inbox", "a message of %d bytes is longer than this node can take" % message)

    def configure(self, message):
        """Follow intervals that the platform sets, wholly or not at all."""
        self._config_crc = crc32(message)
        try:
            with Recalled("overlay") as overlay:
                changes = overlay.read(self, message)
            if changes:
                with Recalled("following") as following:
                    following.follow(self, *changes)
        except MemoryError:
            self.config = {"error": "there is too little memory to follow it"}
        self.status_at = 0

    def _say_status(self):
        with Recalled("status") as status:
            self.client.status = status.text(self)
        self.status_at = self.clock.mono + _STATUS_EVERY
        self._told = self.client.number

    def problem(self, about, sentence):
        if sentence is None:
            if self.problems.pop(about, None):
                self.status_at = 0
        elif self.problems.get(about) != sentence:
            self.problems[about] = sentence
            self.status_at = 0
            tell(sentence)


class Sensor:
    """A sensor of the node, and when it is read next (ms since start); `driver` is None until it answers."""

    def __init__(self, name, settings):
        self.name, self.settings, self.every = name, settings, settings["every"]
        self.due = 0
        self.driver = None

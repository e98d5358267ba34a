"""The agent: samples go into windows, windows into packs, packs into the store and out to the platform."""

import gc
import json
import sys
from binascii import crc32

from micropython import const

from node import mqtt, senml, settings as _settings
from node.channel import Channel
from node.clock import Clock
from node.eras import Eras, mark_of
from node.recovery import open_store
from node.store import StoreError
from node.uplink import Uplink

VERSION = "0.1.0"
_HEAD = const(320)  # bytes that come before the readings of a pack, gaps included
_LONGEST_WAIT = const(1_000)
_STATUS_EVERY = const(60_000)
_QUESTION_EVERY = const(10_000)


class Agent:
    """One node; `settings` as `node.settings.load` gives them, `board` as in boards/, `make_sensor` by its driver.

    Call `step` for ever; it returns after at most a second. Everything that it holds has the same size however
    long the platform is away.
    """

    def __init__(self, settings, board, make_sensor):
        self._settings, self._board, self._make_sensor = settings, board, make_sensor
        limits = settings["store"]
        folder = limits["folder"]
        self._problems = {}
        self._writer = senml.Writer(limits["pack_bytes"])
        self._view = memoryview(self._writer.buffer)
        self.clock = Clock()
        self._eras = Eras(folder + ".eras")
        topic = "bypuls/v1/%s/" % settings["node"]
        size = limits["pack_bytes"] + _HEAD
        self.client = mqtt.Client(settings["broker"], board, topic, size, self._received, self._tell)
        self.store = open_store(
            folder, limits["segments"], limits["packs"], limits["bytes"],
            self.client.buffer, self._eras, self._tell, board.feed,
        )  # fmt: skip
        self.client.name = "%s-%s" % (settings["node"], self.store.log)
        self._eras.shorten(self.store.oldest_era)
        self.uplink = Uplink(
            self.store, self.client, self.clock, self._eras, limits["window"], board.random, self._tell
        )
        self._taken = -1  # instants up to this one were given to readings of earlier eras
        self._guessed = False
        self._relative_high = 0
        self._pending_since = self._question_at = self._status_at = 0
        self._config_file = folder + ".config"
        self._config_crc = 0
        self._config = {}
        self._told = -1
        self._sensors = [_Sensor(name, each["every"]) for name, each in settings["sensors"].items()]
        self._channels = {}
        for name, each in settings["channels"].items():
            channel = Channel(
                name, each["quantity"], each["window"], each["statistics"], each.get("unit"), self._emit
            )
            outputs = self._channels.setdefault(each["sensor"], {})
            outputs.setdefault(each["output"], []).append(channel)
        self._report = settings["report"]
        try:
            with open(self._config_file, "rb") as file:
                self._configure(file.read())
        except OSError:
            pass
        gc.collect()

    def step(self):
        """Do what is due, then wait for what comes next."""
        self._board.feed()
        clock = self.clock
        mono = clock.tick()
        wait = _LONGEST_WAIT
        for sensor in self._sensors:
            left = sensor.due - mono
            if left <= 0:
                self._sample(sensor)
                sensor.due += max(1, (mono - sensor.due) // sensor.every + 1) * sensor.every
                left = sensor.due - clock.mono
            wait = min(wait, left)
        now = clock.now()
        for channel in self._all_channels():
            channel.close(now)
            end = channel.due()
            if end is not None:
                wait = min(wait, end - now)
        if self._writer.length:
            left = self._pending_since + self._report - clock.mono
            if left <= 0:
                self._keep()
            else:
                wait = min(wait, left)
        self.client.step()
        for _ in range(8):
            if not self.uplink.step():
                break
            wait = 0
        if self.client.up:
            self._ask(clock.mono)
            wait = min(wait, self.uplink.pause())
        if clock.mono >= self._status_at or self.client.number != self._told:
            self._say_status()
        clock.tick()
        self.client.wait(max(wait - (clock.mono - mono), 0))

    def close(self):
        """Store what is pending, windows cut short included, and end the connection in order."""
        for channel in self._all_channels():
            channel.cut()
        self._keep()
        self.client.close()
        self.store.close()

    def _all_channels(self):
        for outputs in self._channels.values():
            for channels in outputs.values():
                for channel in channels:
                    yield channel

    def _sample(self, sensor):
        try:
            if sensor.driver is None:
                settings = self._settings["sensors"][sensor.name]
                sensor.driver = self._make_sensor(settings["driver"], settings, self._board)
            values = sensor.driver.read()
        except Exception as error:  # whatever a driver raises, the others go on, and this one is tried again
            sensor.driver = None
            self._problem(sensor.name, "%s: %s" % (sensor.name, error))
            return
        self._problem(sensor.name, None)
        self.clock.tick()
        now = self.clock.now()
        for output, channels in self._channels.get(sensor.name, {}).items():
            value = values.get(output)
            if value is not None:
                for channel in channels:
                    channel.close(now)
                    channel.add(now, value, self._taken)

    def _emit(self, fixed, time, value):
        """Put a reading into the pack that is being made."""
        writer = self._writer
        mark = mark_of(self.store.era) if self._taken >= time else 0
        if not writer.length:
            self._pending_since = self.clock.mono
        if not writer.add(fixed, time, mark, value):
            self._keep()
            self._pending_since = self.clock.mono
            writer.add(fixed, time, mark, value)

    def _keep(self):
        """Store the pack that was made."""
        writer, store = self._writer, self.store
        if not writer.length:
            return
        relative = self.clock.epoch is None
        try:
            if relative and not self._guessed:
                board_clock = self._board.clock()
                self._eras.guess(store.era, board_clock and board_clock - self.clock.mono, store.high)
                self._guessed = True
            store.room(writer.length + _HEAD)
            base = None if relative else senml.seconds(writer.base, writer.us)
            head = senml.head(store.log, store.next, store.gaps.undeclared(store.next), base)
            store.put(relative, writer.base, writer.span, head, self._view[: writer.length])
            if relative:
                self._relative_high = writer.base + writer.span
            self._problem("store", None)
        except (StoreError, OSError) as error:
            store.dropped += 1
            self._problem("store", "store: readings were lost: %s" % error)
        writer.clear()
        gc.collect()

    def _ask(self, mono):
        """Ask for the time by a pack without readings, until an answer tells it."""
        if self.clock.epoch is None and not self.uplink.asks and mono >= self._question_at:
            store = self.store
            store.room(_HEAD)
            gaps = store.gaps.undeclared(store.next)
            self.uplink.ask(store.put(0, 0, 0, senml.greeting(store.log, store.next, gaps), b""))
            self._question_at = mono + _QUESTION_EVERY

    def _received(self, leaf, message):
        if leaf == "ack":
            answer = self.uplink.received(message)
            if answer:
                self.clock.tick()
                epoch = self.clock.judge(*answer)
                if epoch is not None:
                    self._set_clock(epoch)
        elif leaf == "config":
            crc = crc32(message)
            if crc != self._config_crc and (len(message) or self._config_crc):
                self._config_crc = crc
                self._configure(bytes(message))

    def _set_clock(self, epoch):
        """Begin to stamp by another clock; what was sampled before is stamped by the old one."""
        clock, store = self.clock, self.store
        for channel in self._all_channels():
            channel.cut()
            channel.forget()
        self._keep()
        if clock.epoch is None:
            if self._guessed:
                self._eras.decide(store.era, epoch, mark_of(store.era) if epoch <= store.high else 0)
                store.high = max(store.high, epoch + self._relative_high)
        else:
            self._tell("the clock is put %+d ms" % (epoch - clock.epoch))
            store.era += 1
        clock.epoch = epoch
        self._taken = store.high
        self._status_at = 0

    def _configure(self, message):
        """Follow intervals that the platform sets, wholly or not at all."""
        asked = {}
        try:
            if message:
                asked = json.loads(message)
            report, sensors, channels = _settings.overlay(self._settings, asked)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            name = asked.get("id") if isinstance(asked, dict) else None
            self._config = {"id": name, "error": str(error) or "it can't be read"}
            self._status_at = 0
            return
        _settings.save(self._config_file, message)
        self._config_crc = crc32(message)
        self._config = {"id": asked.get("id")} if message else {}
        self._report = self._settings["report"] if report is None else report
        for sensor in self._sensors:
            sensor.every = sensors.get(sensor.name, self._settings["sensors"][sensor.name]["every"])
            sensor.due = min(sensor.due, self.clock.mono + sensor.every)
        for channel in self._all_channels():
            own = self._settings["channels"][channel.name]
            window, statistics = channels.get(channel.name, (own["window"], own["statistics"]))
            if window != channel.interval or statistics != channel.statistics:
                channel.cut()
                channel.set(window, statistics)
        self._status_at = 0

    def _say_status(self):
        status = {
            "state": "online",
            "agent": "bypuls-micropython " + VERSION,
            "log": self.store.log,
            "config": self._config,
            "waiting": self.store.waiting,
            "dropped": self.store.dropped,
            "clock": "unknown" if self.clock.epoch is None else "known",
            "problems": list(self._problems.values()),
        }
        text = json.dumps(status).encode()
        if len(text) > self._settings["store"]["pack_bytes"]:
            status["problems"] = ["%d problems" % len(self._problems)]
            text = json.dumps(status).encode()
        self.client.status = text
        self._status_at = self.clock.mono + _STATUS_EVERY
        self._told = self.client.number

    def _problem(self, about, sentence):
        if sentence is None:
            if self._problems.pop(about, None):
                self._status_at = 0
        elif self._problems.get(about) != sentence:
            self._problems[about] = sentence
            self._status_at = 0
            self._tell(sentence)

    def _tell(self, sentence):
        sys.stdout.write("%d.%03d %s\n" % (divmod(self.clock.mono, 1000) + (sentence,)))


class _Sensor:
    def __init__(self, name, every):
        self.name, self.every = name, every
        self.due = 0
        self.driver = None

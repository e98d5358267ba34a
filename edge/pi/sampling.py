"""Sampling: each sensor is read in a thread of its own, so that a slow one delays no other."""

import logging
import math
import random
import threading
from collections.abc import Callable

from edge.pi.clock import Clock
from edge.pi.configuration import SensorPlan
from edge.pi.errors import SensorError
from edge.pi.sensors.sensor import Sensor
from edge.pi.ticks import Samples

_log = logging.getLogger(__name__)

_REOPEN_AFTER = 3
"""So many failures in a row, and the sensor is opened anew."""
_LONGEST_PAUSE = 60.0
_SILENT_AFTER = 60.0
STUCK_AFTER = 300.0
"""A sensor that has not returned from a reading for so long is stuck, in seconds."""


class Sampler:
    """Reads one sensor until `stop`, and hands what it gives to `take` by channel.

    Readings are due at whole multiples of `every` after the start, by a clock that never steps; one that is
    missed is not made up for. `problem` is a sentence while the sensor, or an output of it, gives nothing.
    """

    def __init__(self, plan: SensorPlan, clock: Clock, take: Callable[[str, Samples], None]) -> None:
        self.plan = plan
        self.problem: str | None = None
        self._clock = clock
        self._take = take
        self._stop = threading.Event()
        self._busy_since: int | None = None
        self._last_value: dict[str, int] = {}
        """When each output was last a finite number."""
        self._thread = threading.Thread(target=self._run, name=f"sensor-{plan.name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """End; tells whether the sensor has been let go within `timeout` seconds."""
        self._stop.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def stuck(self) -> bool:
        """Whether the sensor does not return, or its thread has ended, so that only a new process helps."""
        since = self._busy_since
        overdue = since is not None and (self._clock.elapsed() - since) / 1e6 > STUCK_AFTER
        return overdue or not (self._thread.is_alive() or self._stop.is_set())

    def _run(self) -> None:
        sensor: Sensor | None = None
        pause, failures = 1.0, 0
        begin = self._clock.elapsed()
        self._last_value = dict.fromkeys(self.plan.channels, begin)
        step = round(self.plan.every * 1e6)
        while not self._stop.is_set():
            try:
                self._busy_since = self._clock.elapsed()
                if sensor is None:
                    sensor = self.plan.driver.open(self.plan.options)
                silent = self._hand_over(sensor)
            except Exception as error:  # noqa: BLE001  # a driver's defect must not end the measuring
                failures += 1
                self._tell(error)
            else:
                failures, pause = 0, 1.0
                if silent:
                    self._tell(SensorError(f"gives no {', '.join(silent)}"))
                elif self.problem is not None:
                    _log.info("%s gives readings again", self.plan.name)
                    self.problem = None
            finally:
                self._busy_since = None
            if failures and (sensor is None or failures % _REOPEN_AFTER == 0):
                self._close(sensor)
                sensor = None
                self._clock.wait(self._stop, max(self.plan.every, pause * random.uniform(0.5, 1)))
                pause = min(2 * pause, _LONGEST_PAUSE)
            now = self._clock.elapsed()
            due = begin + ((now - begin) // step + 1) * step
            self._clock.wait(self._stop, (due - now) / 1e6)
        self._close(sensor)

    def _hand_over(self, sensor: Sensor) -> list[str]:
        """Read, hand over what there is, and return the outputs that have been silent for long; not all."""
        values = sensor.read()
        samples = {
            channel: float(values[output])
            for output, channel in self.plan.channels.items()
            if output in values
        }
        now = self._clock.elapsed()
        if samples:
            self._take(self.plan.name, samples)
        for output, channel in self.plan.channels.items():
            if math.isfinite(samples.get(channel, math.nan)):
                self._last_value[output] = now
        longest = max(_SILENT_AFTER, 10 * self.plan.every) * 1e6
        silent = [output for output, last in self._last_value.items() if now - last > longest]
        if silent and len(silent) == len(self._last_value):
            raise SensorError("gives no value")
        return silent

    def _tell(self, error: Exception) -> None:
        text = f"{self.plan.name}: {str(error) or type(error).__name__}"
        if text != self.problem:
            self.problem = text
            expected = isinstance(error, SensorError | OSError | ImportError)
            _log.warning("%s", text, exc_info=None if expected else error)

    def _close(self, sensor: Sensor | None) -> None:
        if sensor is not None:
            try:
                sensor.close()
            except Exception as error:  # noqa: BLE001  # it is let go of, whatever it says
                _log.debug("%s: closing it: %s", self.plan.name, error)

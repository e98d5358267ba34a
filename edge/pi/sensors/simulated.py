"""A sensor that needs no hardware, and may keep a journal against which a test holds what arrives."""

import json
import math
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TextIO

from pydantic import Field

from bypuls.quantities import QUANTITIES
from edge.pi.sensors.sensor import Driver, Options


class SimulatedOptions(Options):
    """What to make up."""

    outputs: tuple[str, ...] = Field(
        ("air_temperature",), min_length=1, description="names, such as quantities"
    )
    shape: Literal["wave", "ramp"] = Field(
        "wave", description="wave: up and down in ten minutes, with noise; ramp: each value is one more"
    )
    low: float = Field(0.0, description="least value of a wave, first value of a ramp")
    high: float = Field(100.0, description="greatest value of a wave")
    seed: int = Field(1, description="the same seed makes the same noise")
    journal: Path | None = Field(
        None, description="each sample is written there, as a JSON line, before the agent sees it"
    )


class Simulated:
    """Makes values up. A ramp goes on after a restart where its journal ends.

    A line of the journal: `{"n": 7, "boottime": us, "realtime": us, "values": {"no2": 7.0}}`. It is handed to
    the kernel before `read` returns, so it outlives the process; whoever kills that process can find the
    last line of the journal without a trace in the agent, and none before it.
    """

    def __init__(self, options: SimulatedOptions) -> None:
        self._options = options
        self._random = random.Random(options.seed)
        self._number = 0
        self._journal: TextIO | None = None
        if options.journal is not None:
            if options.journal.exists():
                self._number = options.journal.read_bytes().count(b"\n")
            self._journal = options.journal.open("a", encoding="ascii", buffering=1)

    def read(self) -> Mapping[str, float]:
        """Return the next values, and note them in the journal first."""
        values = {name: self._value(place) for place, name in enumerate(self._options.outputs)}
        if self._journal is not None:
            line = {
                "n": self._number,
                "boottime": time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000,
                "realtime": time.time_ns() // 1_000,
                "values": values,
            }
            self._journal.write(json.dumps(line) + "\n")
        self._number += 1
        return values

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()

    def _value(self, place: int) -> float:
        low, high = self._options.low, self._options.high
        if self._options.shape == "ramp":
            return low + self._number
        turn = math.sin(2 * math.pi * (time.time() / 600 + place / len(self._options.outputs)))
        noise = self._random.gauss(0, 0.02)
        return min(high, max(low, low + (high - low) * (0.5 + 0.4 * turn + noise)))


def _outputs(options: SimulatedOptions) -> Mapping[str, str]:
    return {name: QUANTITIES[name].unit if name in QUANTITIES else "1" for name in options.outputs}


DRIVER = Driver("made up, without hardware", SimulatedOptions, _outputs, Simulated)

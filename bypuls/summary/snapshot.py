"""What the rules look at: the open streams of a town at one moment, and what was read of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil

from bypuls.readings import SECOND, FloatArray, TimeArray
from bypuls.usual_hours import UsualHour
from bypuls.windows import Window

MINUTE, HOUR = 60 * SECOND, 3_600 * SECOND

LEAST_COVERAGE = 0.75
"""Of a window's expected readings; with less it says too little of its time."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """An open stream, where it is measured, and its newest reading; times in microseconds since 1970.

    `interval` in seconds; None, like the newest reading, where it isn't known.
    """

    stream: str
    node: str
    place: str
    quantity: str | None
    statistic: str
    unit: str
    interval: float | None
    latitude: float | None = None
    longitude: float | None = None
    time: int | None = None
    value: float | None = None

    @property
    def patience(self) -> int:
        """How long it may send nothing before it counts as silent."""
        usual = 2 * HOUR if self.interval is None else round(3 * self.interval) * SECOND
        return max(usual, 15 * MINUTE)

    def expected(self, width: int) -> int:
        """Return how many readings a window of this width has if none is missing; 1 where nobody knows."""
        return 1 if self.interval is None else max(round(width / SECOND / self.interval), 1)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A level of a river's gauge, in the stream's unit; `level` is yellow, orange or red."""

    level: str
    value: float


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time before the moment of the snapshot, in microseconds."""

    since: int
    until: int = 0


LAST_HOUR = Span(HOUR)
TWO_HOURS_BEFORE = Span(3 * HOUR, 2 * HOUR)
SIX_HOURS = Span(6 * HOUR)
TEN_MINUTES = Span(10 * MINUTE)
HALF_AN_HOUR = Span(30 * MINUTE)
TWO_HOURS = Span(2 * HOUR)

SPANS: dict[str, tuple[Span, ...]] = {
    "no2": (LAST_HOUR,),
    "pm10": (LAST_HOUR,),
    "pm2_5": (LAST_HOUR,),
    "o3": (LAST_HOUR,),
    "air_temperature": (LAST_HOUR,),
    "wind_speed": (LAST_HOUR,),
    "rainfall": (LAST_HOUR, SIX_HOURS),
    "water_level": (LAST_HOUR, TWO_HOURS_BEFORE),
    "pipe_pressure": (TEN_MINUTES,),
    "water_volume": (HALF_AN_HOUR,),
    "people_count": (LAST_HOUR,),
    "vehicle_count": (LAST_HOUR,),
    "bicycle_count": (LAST_HOUR,),
    "sound_level": (TEN_MINUTES, TWO_HOURS),
}
"""The windows that the rules look at, by quantity; only of plain values."""

COMPARED = ("pipe_pressure", "water_volume", "people_count", "vehicle_count", "bicycle_count", "sound_level")
"""The quantities that are compared with what is usual at the hour."""

HISTORY = 24 * HOUR
"""How far back it is looked for since when something has been so."""


@dataclass(frozen=True)
class Snapshot:
    """A town at `time` (microseconds since 1970): nothing of it was measured later.

    `windows` by stream and span, absent where nothing was read; `usual` by stream, of the hour of `time` and
    the one before; `history` by stream, times and values of the day before `time`, of `wanted_history`.
    """

    time: int
    sensors: Sequence[Sensor]
    windows: Mapping[tuple[str, Span], Window] = field(default_factory=dict)
    usual: Mapping[str, Sequence[UsualHour]] = field(default_factory=dict)
    thresholds: Mapping[str, Sequence[Threshold]] = field(default_factory=dict)
    history: Mapping[str, tuple[TimeArray, FloatArray]] = field(default_factory=dict)

    @cached_property
    def plain(self) -> dict[str, list[Sensor]]:
        """The sensors of plain values by quantity."""
        found: dict[str, list[Sensor]] = {}
        for sensor in self.sensors:
            if sensor.quantity is not None and not sensor.statistic:
                found.setdefault(sensor.quantity, []).append(sensor)
        return found

    @cached_property
    def newest(self) -> int | None:
        """When the newest reading of all was measured."""
        return max((each.time for each in self.sensors if each.time is not None), default=None)

    def is_silent(self, sensor: Sensor) -> bool:
        """Tell whether a sensor has sent nothing for longer than it may."""
        return sensor.time is None or self.time - sensor.time > sensor.patience

    def window(self, sensor: Sensor, span: Span) -> Window | None:
        """Return a window of a sensor, if enough of its readings are there to speak of it."""
        found = self.windows.get((sensor.stream, span))
        if found is None or self.is_silent(sensor):
            return None
        return found if found.n >= self.least(sensor, span) else None

    def least(self, sensor: Sensor, span: Span) -> int:
        """Return how many readings a window needs to be spoken of.

        Up to now the newest may be two intervals old: what stands for an interval carries its beginning, and
        is on its way at its end.
        """
        expected = sensor.expected(span.since - span.until)
        if not span.until:
            expected = max(expected - 2, 1)
        return ceil(LEAST_COVERAGE * expected - 1e-9)

"""The quality checks as plain as can be: one reading at a time, all of a stream's past in a list."""

from collections import defaultdict
from dataclasses import dataclass, field
from math import isnan
from statistics import median

from bypuls.quality import Flag


@dataclass
class Limit:
    rate: float
    noise: float
    most: float
    stuck: float
    rest: float
    around: float = 0.0


@dataclass
class Past:
    seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


class SlowChecks:
    def __init__(self, limits: list[Limit]) -> None:
        self.limits = limits
        self.past: defaultdict[int, Past] = defaultdict(Past)

    def check(
        self, stream: int, seconds: float, value: float, limit: int, interval: float, received: float
    ) -> int:
        flags = Flag(0)
        if seconds - received > 5:
            flags |= Flag.CLOCK
        past, rule = self.past[stream], self.limits[limit]
        if past.seconds and seconds <= past.seconds[-1]:
            return int(flags)
        past.seconds.append(seconds)
        past.values.append(value)
        if len(past.values) > 1:
            elapsed = seconds - past.seconds[-2]
            if abs(value - past.values[-2]) > rule.noise + rule.rate * elapsed:
                flags |= Flag.STEP
            if elapsed > 3 * interval:
                flags |= Flag.GAP
        if is_spike(past, rule):
            flags |= Flag.SPIKE
        if is_stuck(past, rule):
            flags |= Flag.STUCK
        return int(flags)


def is_spike(past: Past, rule: Limit) -> bool:
    if len(past.values) < 7:
        return False
    window = past.values[-7:]
    middle = median(window)
    deviation = median(abs(value - middle) for value in window)
    away = abs(window[-1] - middle)
    lag = past.seconds[-1] - past.seconds[-4]
    limits = [limit for limit in (rule.noise + rule.rate * lag, rule.most) if not isnan(limit)]
    return bool(limits) and away > 3 * 1.4826 * deviation and away > min(limits)


def is_stuck(past: Past, rule: Limit) -> bool:
    first = len(past.values) - 1
    while (
        first > 0
        and past.values[first - 1] == past.values[first]
        and not past.seconds[first] - past.seconds[first - 1] > rule.stuck / 4
    ):
        first -= 1
    length = len(past.values) - first
    lasted = past.seconds[-1] - past.seconds[first]
    return length >= 12 and lasted >= rule.stuck and not abs(past.values[-1] - rule.rest) <= rule.around

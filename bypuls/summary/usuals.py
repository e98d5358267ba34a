"""What is usual of a sensor about now: a stretch of the last hour lies in two hours of the clock."""

from bypuls.summary.snapshot import Sensor, Snapshot
from bypuls.usual_hours import UsualHour


def highest(snapshot: Snapshot, sensor: Sensor) -> UsualHour | None:
    """Return the hour of the two in which more is usual; None unless both have enough history."""
    hours = _known(snapshot, sensor)
    return max(hours, key=lambda hour: hour.p90) if hours else None


def lowest(snapshot: Snapshot, sensor: Sensor) -> UsualHour | None:
    """Return the hour of the two in which less is usual; None unless both have enough history."""
    hours = _known(snapshot, sensor)
    return min(hours, key=lambda hour: hour.p10) if hours else None


def _known(snapshot: Snapshot, sensor: Sensor) -> list[UsualHour]:
    hours = list(snapshot.usual.get(sensor.stream, ()))
    return [] if any(hour.basis is None for hour in hours) else hours

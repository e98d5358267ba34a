"""Instants: int64 microseconds since 1970 inside, datetimes where a library wants them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Oslo")
"""By whose civil days and years the town lives, and the regulations of its air count."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_datetime(microseconds: int) -> datetime:
    """Turn microseconds since 1970 into a datetime in UTC; raises OverflowError beyond the year 9999."""
    return _EPOCH + microseconds * _MICROSECOND


def to_microseconds(time: datetime) -> int:
    """Turn a datetime with a zone into microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND

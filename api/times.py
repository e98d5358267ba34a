"""Times as the API reads and writes them: RFC 3339, inside int64 microseconds since 1970 (UTC)."""

import re
from datetime import UTC, datetime

from bypuls.instants import to_datetime, to_microseconds

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII | re.IGNORECASE)
_FINER = re.compile(r"\.\d{6}\d*[1-9]")

EARLIEST = 0
LATEST = 4_102_444_800_000_000
"""1970 and 2100: what lies outside is a mistake."""


def parse(text: str) -> int:
    """Read a time such as 2026-11-23T18:00:00Z into microseconds since 1970.

    Raises ValueError that says what is wrong: form, zone, finer than a microsecond, not in 1970 to 2100.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        hint = ""
        if re.search(r" \d\d:\d\d$", text):
            hint = "; in a URL the + of an offset is written %2B"
        raise ValueError(
            f"a time is written like 2026-11-23T18:00:00Z or 2026-11-23T19:00:00+01:00 (RFC 3339){hint}"
        )
    if match.group(1) is None:
        raise ValueError(
            "the time has no zone; end it with Z for UTC or an offset such as +01:00 (%2B01:00 in a URL)"
        )
    if _FINER.search(text):
        raise ValueError("the time is finer than a microsecond; give at most 6 digits after the point")
    try:
        microseconds = to_microseconds(datetime.fromisoformat(text.upper()))
    except ValueError as error:
        raise ValueError(f"there is no such time: {error}") from error
    if not EARLIEST <= microseconds <= LATEST:
        raise ValueError("a time lies between 1970-01-01T00:00:00Z and 2100-01-01T00:00:00Z")
    return microseconds


def now() -> int:
    """Return the present time in microseconds since 1970."""
    return to_microseconds(present())


def present() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


def write(microseconds: int) -> str:
    """Write microseconds since 1970 in a form of fixed width, such as 2026-11-23T18:00:00.000000Z."""
    return write_datetime(to_datetime(microseconds))


def write_datetime(time: datetime) -> str:
    """Write an aware datetime in the same form."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""Readings as text: CSV, NDJSON and the columns of JSON, without a Python step per reading.

Times have a fixed width (27 characters, microseconds, UTC), so that they sort as text and one format reads
them all. Values are the shortest decimal that gives the same float64 back.
"""

from dataclasses import dataclass

import numpy as np
import orjson

from bypuls.readings import SECOND, FlagArray, TimeArray
from bypuls.store.readings import Points

_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_THREE_DIGITS = np.array([b"%03d" % number for number in range(1000)])
_QUOTED_SECOND = np.dtype([("quote", "S1"), ("second", "S19"), ("end", "S2")])


@dataclass(frozen=True, slots=True)
class RowForm:
    """What stands before and between the three fields of a row, and after them."""

    media_type: str
    header: bytes
    before_time: bytes
    before_value: bytes
    before_flags: bytes
    end: bytes


CSV = RowForm("text/csv; charset=utf-8; header=present", b"time,value,flags\n", b"", b",", b",", b"\n")
NDJSON = RowForm("application/x-ndjson", b"", b'{"time":"', b'","value":', b',"flags":', b"}\n")


def rows(points: Points, form: RowForm) -> bytes:
    """Write readings as rows, without the header.

    Three lists of byte strings, interleaved and joined: 0.3 us a row; a format string per row took 0.5.
    """
    parts = [b""] * (3 * len(points))
    parts[0::3] = written_times(points.time, form.before_time, form.before_value).tolist()
    values = orjson.dumps(points.value, option=_NUMPY)[1:-1]
    if form is CSV and b"null" in values:  # one that an operator voided: nothing stands there
        values = values.replace(b"null", b"")
    parts[1::3] = values.split(b",") if len(points) else []
    parts[2::3] = _flags(points.flags, form)
    return b"".join(parts)


def json_times(time: TimeArray) -> orjson.Fragment:
    """Write times as a JSON array of strings."""
    return orjson.Fragment(b"[" + written_times(time, b'"', b'",').tobytes()[:-1] + b"]")


def written_times(
    time: TimeArray, before: bytes, after: bytes
) -> np.ndarray[tuple[int], np.dtype[np.bytes_]]:
    """Write each time between two texts, all of one width."""
    second, micro = np.divmod(time, SECOND)
    thousand, rest = np.divmod(micro, 1000)
    text = np.empty(
        len(time),
        [
            ("before", f"S{len(before)}"),
            ("second", "S19"),
            ("point", "S1"),
            ("thousand", "S3"),
            ("rest", "S3"),
            ("after", f"S{len(after) + 1}"),
        ],
    )
    quoted = orjson.dumps(second.view("datetime64[s]"), option=_NUMPY)
    text["before"] = before
    text["second"] = np.frombuffer(quoted, _QUOTED_SECOND, offset=1, count=len(time))["second"]
    text["point"] = b"."
    text["thousand"] = _THREE_DIGITS[thousand]
    text["rest"] = _THREE_DIGITS[rest]
    text["after"] = b"Z" + after
    return text.view(f"S{text.itemsize}")


def _flags(flags: FlagArray, form: RowForm) -> list[bytes]:
    """Write each reading's flags and the end of its row; there are few different ones."""
    different, which = np.unique(flags, return_inverse=True)
    texts = np.array([b"%b%d%b" % (form.before_flags, each, form.end) for each in different.tolist()], object)
    listed: list[bytes] = texts[which].tolist()
    return listed

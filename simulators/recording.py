"""Recordings: what a node has measured, read from a CSV file, gzipped or not.

The first column is `time` (RFC 3339), every other one a channel whose last segment is a quantity of the
catalogue, in the catalogue's unit; a blank says that there is no value. The file is called after its node:
`valand.csv.gz` holds what the node `valand` has measured.
"""

import csv
import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from datetime import datetime
from math import isfinite, nan
from pathlib import Path

import numpy as np

from bypuls import quantities, topics
from bypuls.channels import of_channel
from bypuls.errors import BypulsError
from bypuls.instants import to_microseconds
from bypuls.readings import FloatArray, TimeArray

SHIPPED = Path(__file__).with_name("recordings")
"""The folder of the recordings that come with Bypuls."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What one node has measured, as columns of one length, times ascending.

    Shapes: `time` int64 (n,), microseconds since 1970 (UTC); each of `channels` float64 (n,), in the unit of
    its quantity, NaN where there is no value. `digest` tells this content from any other.
    """

    node: str
    digest: str
    time: TimeArray
    channels: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.time)


class RecordingError(BypulsError):
    """A file is not a recording; the message names file, line and what is wrong."""


def shipped() -> list[Path]:
    """List the recordings that come with Bypuls, sorted by name."""
    return sorted(SHIPPED.glob("*.csv.gz"))


def read(path: Path) -> Recording:
    """Read a recording; raises RecordingError when the file can't be read as one."""
    node = path.name.removesuffix(".gz").removesuffix(".csv")
    if not topics.is_node(node):
        raise RecordingError(
            f"{path}: a recording is called after its node, and {node!r} can't be one: "
            f"call the file NODE.csv or NODE.csv.gz, where NODE matches {topics.NODE_PATTERN}"
        )
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: the recording can't be read: {error}") from error
    try:
        header, *rows = list(csv.reader(io.StringIO(text, newline=""))) or [[]]
    except csv.Error as error:
        raise RecordingError(f"{path}: the recording can't be read as CSV: {error}") from error
    channels = _channels(path, header)
    time: list[int] = []
    columns: list[list[float]] = [[] for _ in channels]
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise _error(path, line, f"{len(row)} columns, but the header has {len(header)}")
        time.append(_time(path, line, row[0]))
        if len(time) > 1 and time[-1] <= time[-2]:
            raise _error(path, line, f"the time {row[0]} is not after the one before; sort the rows by time")
        for column, field in zip(columns, row[1:], strict=True):
            column.append(_value(path, line, field) if field else nan)
    if not time:
        raise RecordingError(f"{path}: the recording has a header but no rows")
    values = {channel: np.array(column) for channel, column in zip(channels, columns, strict=True)}
    return Recording(node, hashlib.sha256(raw).hexdigest(), np.array(time, np.int64), values)


def _channels(path: Path, header: list[str]) -> list[str]:
    if len(header) < 2 or header[0] != "time" or len(set(header)) != len(header):
        raise _error(
            path, 1, f"the header is {','.join(header)!r}; it must be time and then one name per channel"
        )
    for channel in header[1:]:
        if of_channel(channel).quantity is None:
            known = ", ".join(quantities.QUANTITIES)
            raise _error(path, 1, f"the channel {channel!r} names no quantity; known are {known}")
    return header[1:]


def _time(path: Path, line: int, field: str) -> int:
    try:
        time = datetime.fromisoformat(field)
        if time.tzinfo is None:
            raise ValueError("it has no offset from UTC")
    except ValueError as error:
        raise _error(
            path, line, f"the time {field!r} is not RFC 3339, such as 2021-06-01T12:00:00Z: {error}"
        ) from None
    return to_microseconds(time)


def _value(path: Path, line: int, field: str) -> float:
    try:
        value = float(field)
    except ValueError:
        value = nan
    if not isfinite(value):
        raise _error(
            path,
            line,
            f"the value {field!r} is not a finite number; leave the field blank where there is none",
        )
    return value


def _error(path: Path, line: int, detail: str) -> RecordingError:
    return RecordingError(f"{path}, line {line}: {detail}")

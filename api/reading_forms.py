"""The forms in which readings are streamed: rows of text, and Arrow record batches."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from api import export
from bypuls.store.catalog import Stream
from bypuls.store.readings import STREAM_PAGE, Points

ARROW_TYPE = "application/vnd.apache.arrow.stream"

_ARROW_PAGE = 50_000
"""1 MB; a million readings took 0.66 s, in pages of 10,000 0.76 s, while COPY in psql alone took 0.73 s."""


class ReadingsFormat(StrEnum):
    """How readings are written."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"
    ARROW = "arrow"


@dataclass(frozen=True, slots=True)
class Form:
    """What stands before and after the readings, and how some of them are written."""

    media_type: str
    header: bytes
    write: Callable[[Points], bytes]
    trailer: bytes = b""
    page: int = STREAM_PAGE
    """readings in one piece"""


def form_of(written: ReadingsFormat, stream: Stream) -> Form | None:
    """Return the form of a format for the readings of a stream; None for JSON, which has no rows."""
    match written:
        case ReadingsFormat.JSON:
            return None
        case ReadingsFormat.ARROW:
            return _arrow(stream)
    rows = export.CSV if written is ReadingsFormat.CSV else export.NDJSON
    return Form(rows.media_type, rows.header, partial(export.rows, form=rows))


def _arrow(stream: Stream) -> Form:
    """Return the IPC streaming format: the schema, record batches, and the mark of the end."""
    import pyarrow as pa  # 40 MB and 0.2 s that only those pay who want it

    schema = pa.schema(
        [
            pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("value", pa.float64(), nullable=False, metadata={"unit": stream.unit}),
            pa.field("flags", pa.int16(), nullable=False),
        ],
        metadata={"stream": stream.stream, "quantity": stream.quantity or ""},
    )

    def write(points: Points) -> bytes:
        columns = (points.time, points.value, points.flags)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        batch: bytes = pa.record_batch(arrays, schema=schema).serialize().to_pybytes()
        return batch

    return Form(ARROW_TYPE, schema.serialize().to_pybytes(), write, b"\xff\xff\xff\xff\0\0\0\0", _ARROW_PAGE)

"""Series written as JSON, CSV, Arrow and Parquet, without a Python step per window."""

import io
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from api import export, times
from bypuls.series.request import interval_of, unit_of
from bypuls.series.table import Series, Table


class SeriesFormat(StrEnum):
    """How a series is written."""

    JSON = "json"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"


MEDIA_TYPES = {
    SeriesFormat.JSON: "application/json",
    SeriesFormat.CSV: "text/csv; charset=utf-8; header=present",
    SeriesFormat.ARROW: "application/vnd.apache.arrow.stream",
    SeriesFormat.PARQUET: "application/vnd.apache.parquet",
}

Column = tuple[str, NDArray[Any], dict[str, str]]
"""A name, the values, and what is known of them."""


def to_json(table: Table) -> dict[str, Any]:
    """Return what the JSON answer holds; NaN becomes null where it is written."""
    spatial = table.spatial
    return {
        "start": times.write(table.start),
        "end": times.write(table.end),
        "every": table.every,
        "tz": table.zone,
        "time": export.json_times(table.time),
        "partial": np.flatnonzero(table.partial),
        "thinned_from": table.thinned_from,
        "streams": [_series(each) for each in table.series],
        "spatial": None
        if spatial is None
        else {
            "quantity": spatial.quantity,
            "kind": spatial.kind,
            "unit": spatial.unit,
            "values": {"mean": spatial.mean, "streams": spatial.streams},
        },
    }


def to_csv(table: Table) -> bytes:
    """Write a row for each time and a column for each stream and statistic (RFC 4180); missing is empty."""
    columns = list(_columns(table))
    header = ",".join(["time", *(_quoted(name) for name, _, _ in columns)]) + "\r\n"
    width = 2 * len(columns) + 1
    parts = [b","] * (width * len(table.time))
    parts[0::width] = export.written_times(table.time, b"", b",").tolist()
    for number, (_, values, _) in enumerate(columns):
        parts[2 * number + 1 :: width] = _fields(values)
    parts[width - 1 :: width] = [b"\r\n"] * len(table.time)
    return header.encode() + b"".join(parts)


def to_arrow(table: Table) -> bytes:
    """Write an Arrow IPC stream; units and kinds are in the metadata of its fields."""
    import pyarrow as pa  # 40 MB and 0.2 s that only those pay who want it

    written, sink = _arrow_table(table), io.BytesIO()
    with pa.ipc.new_stream(sink, written.schema) as writer:
        writer.write_table(written)
    return sink.getvalue()


def to_parquet(table: Table) -> bytes:
    """Write a Parquet file; units and kinds are in the metadata of its fields."""
    import pyarrow.parquet as pq  # see to_arrow

    sink = io.BytesIO()
    pq.write_table(_arrow_table(table), sink)
    return sink.getvalue()


def _series(each: Series) -> dict[str, Any]:
    facts = each.facts
    return {
        "stream": facts.name,
        "quantity": facts.quantity,
        "statistic": facts.statistic,
        "kind": facts.kind,
        "unit": facts.unit,
        "interval": interval_of(facts),
        "source": each.source,
        "excluded": each.excluded,
        "removed": each.removed,
        "withheld": each.withheld,
        "units": {name: unit_of(facts, name) for name in each.values},
        "values": each.values,
        "filled": {name: np.flatnonzero(mask) for name, mask in each.filled.items()},
    }


def _columns(table: Table) -> Iterator[Column]:
    """Give the columns of a table after the time, as all formats but JSON have them."""
    if table.thinned_from is None:
        yield "partial", table.partial, {}
    for each in table.series:
        facts = each.facts
        known = {"stream": facts.name, "quantity": facts.quantity or "", "kind": facts.kind.value}
        for name, values in each.values.items():
            about = {"statistic": name, "unit": unit_of(facts, name), "source": each.source.value}
            yield f"{facts.name}:{name}", values, known | about
            if name in each.filled:
                yield f"{facts.name}:{name}:filled", each.filled[name], known
    if table.spatial is not None:
        spatial = table.spatial
        known = {"quantity": spatial.quantity or "", "kind": spatial.kind.value, "unit": spatial.unit}
        yield "spatial:mean", spatial.mean, known
        yield "spatial:streams", spatial.streams, {"unit": "1"}


def _arrow_table(table: Table) -> Any:
    import pyarrow as pa  # see to_arrow

    fields = [pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False)]
    arrays = [pa.array(table.time, fields[0].type)]
    for name, values, known in _columns(table):
        arrays.append(pa.array(values, from_pandas=True))
        fields.append(pa.field(name, arrays[-1].type, metadata=known))
    about = {"start": times.write(table.start), "end": times.write(table.end), "every": table.every}
    about |= {"tz": table.zone} if table.zone else {}
    return pa.table(arrays, schema=pa.schema(fields, metadata=about))


def _fields(values: NDArray[Any]) -> list[bytes]:
    """Write each value, the missing ones as nothing."""
    if not len(values):
        return []
    text = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    return text.replace(b"null", b"").split(b",")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(each in name for each in ',"\r\n') else name

"""Raw readings of one stream, whole to the last bit: in pages, or all of a time range as a stream of rows."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api import cursors, export, paging, times
from api.json import Json
from api.known import known_stream
from api.parameters import DIGITS, Parameters, StreamName, Time, time_range
from api.problems import BadParameter, documented
from api.reading_forms import ARROW_TYPE, Form, ReadingsFormat, form_of
from api.routes import ROOT
from api.row_stream import RowStream
from api.store import Store
from bypuls.store.catalog import Stream
from bypuls.store.readings import PAGE, Points, read_points, stream_points

router = APIRouter(prefix=ROOT, tags=["readings"])

_JSON_LIMIT = 10_000


class ReadingsParameters(Parameters):
    """Which readings, and how many of them."""

    stream: StreamName
    """node and channel, such as `air-01/no2`"""
    start: Time | None = None
    """RFC 3339 with a zone, included; a day before `end` if not given"""
    end: Time | None = None
    """RFC 3339 with a zone, excluded; now if not given"""
    limit: Annotated[int, Field(ge=1, le=PAGE), DIGITS] | None = None
    """most readings to give; 10,000 for json if not given, all for the other formats"""
    cursor: str | None = None
    """where to go on: `next` of the page before; it holds `start` and `end` too"""
    format: ReadingsFormat = ReadingsFormat.JSON
    """json is given in columns and in pages; csv, ndjson and arrow (IPC stream) in rows and in one go"""


_EXAMPLE: dict[str, Any] = {
    "stream": "air-01/no2",
    "quantity": "no2",
    "unit": "ug/m3",
    "start": "2026-11-22T18:00:00.000000Z",
    "end": "2026-11-23T18:00:00.000000Z",
    "time": ["2026-11-22T18:00:00.000000Z", "2026-11-22T18:00:30.000000Z"],
    "value": [21.5, 21.8],
    "flags": [0, 0],
    "next": None,
}


class Readings(BaseModel):
    """Readings in columns of one length, the oldest first."""

    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_extra={"example": _EXAMPLE})

    stream: str
    quantity: str | None
    """key of the catalogue; null where the channel names none"""
    unit: str
    """UCUM; of all values"""
    start: str
    """of the whole range, included"""
    end: str
    """of the whole range, excluded"""
    time: list[str]
    """RFC 3339, UTC, microseconds"""
    value: list[float]
    """the shortest decimals that give the stored float64 back"""
    flags: list[int]
    """bit fields, see flags; 0 means that no check objected"""
    next: str | None
    """cursor of the next page; null on the last"""


def _range(parameters: ReadingsParameters) -> tuple[int, int, int]:
    """Return start and end of the range, and where the page begins; all microseconds since 1970."""
    given = (parameters.start, parameters.end)
    if parameters.cursor is not None:
        start, end, at = paging.position(parameters.stream, parameters.cursor, (0, 0, 0))
        for name, mine, its in zip(("start", "end"), given, (start, end), strict=True):
            if mine is not None and mine != its:
                raise BadParameter(
                    name,
                    times.write(mine),
                    f"the cursor goes on in the range with {name}={times.write(its)}; leave it out",
                )
        if not times.EARLIEST <= start <= at < end <= times.LATEST:
            raise BadParameter("cursor", parameters.cursor, "it is no cursor of this query")
        return start, end, at
    start, end = time_range(*given)
    return start, end, start


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The readings, the oldest first",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "time,value,flags\n2026-11-23T18:00:00.000000Z,21.5,0\n",
            },
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"time":"2026-11-23T18:00:00.000000Z","value":21.5,"flags":0}\n',
            },
            ARROW_TYPE: {"schema": {"type": "string", "format": "binary"}},
        },
        "headers": {"Link": {"schema": {"type": "string"}, "description": "the next page, if there is one"}},
    }
}


@router.get(
    "/readings",
    response_model=Readings,
    responses=_ANSWERS | documented(404),
    summary="Raw readings of a stream",
)
def get_readings(
    request: Request, store: Store, parameters: Annotated[ReadingsParameters, Query()]
) -> Response:
    """Give the raw readings of a stream, the oldest first.

    JSON comes in pages. CSV, NDJSON and Arrow come as one stream of rows, or in pages where a `limit` is
    given; the header `Link` leads to the next page. A stream that ends early, because the database went
    away, is cut off without the regular end of an HTTP body, so that clients notice.
    """
    start, end, at = _range(parameters)
    with store.connection() as connection:
        number, stream = known_stream(connection, parameters.stream)
    form = form_of(parameters.format, stream)
    if form is not None and parameters.limit is None:
        with ExitStack() as held:
            held.enter_context(request.app.state.places.taken())
            pages = stream_points(store, number, at, end, form.page)
            # The first page is read here, while a problem can still be told by the status.
            first = next(pages, None)
            return RowStream(
                _chunks(request, form, first, pages),
                ended=held.pop_all().close,
                media_type=form.media_type,
                headers=_file(stream, parameters.format),
            )
    limit = parameters.limit or _JSON_LIMIT
    with store.connection() as connection:
        found = read_points(connection, number, at, end, limit + 1)
    points, cursor = found.first(limit), None
    if len(found) > limit:
        cursor = cursors.write(parameters.stream, (start, end, int(points.time[-1]) + 1))
    request.app.state.metrics.readings.inc(len(points))
    headers = paging.link(request, cursor)
    if form is not None:
        body = form.header + form.write(points) + form.trailer
        return Response(body, media_type=form.media_type, headers=headers | _file(stream, parameters.format))
    return Json(
        {
            "stream": stream.stream,
            "quantity": stream.quantity,
            "unit": stream.unit,
            "start": times.write(start),
            "end": times.write(end),
            "time": export.json_times(points.time),
            "value": points.value,
            "flags": points.flags,
            "next": cursor,
        },
        headers=headers,
    )


def _chunks(request: Request, form: Form, first: Points | None, others: Iterator[Points]) -> Iterator[bytes]:
    yield form.header
    for points in chain([] if first is None else [first], others):
        request.app.state.metrics.readings.inc(len(points))
        yield form.write(points)
    yield form.trailer


def _file(stream: Stream, written: ReadingsFormat) -> dict[str, str]:
    """Return the header that names the file in which a browser keeps the answer."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", stream.stream)
    return {"Content-Disposition": f'attachment; filename="{name}.{written}"'}

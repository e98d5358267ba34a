"""Streams summed up over windows, aligned on one time axis."""

from math import isnan
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from api import series_formats, times
from api.json import Json
from api.known import known_facts
from api.parameters import time_range, wanted
from api.problems import BadParameter, documented
from api.routes import ROOT
from api.series_formats import MEDIA_TYPES, SeriesFormat
from api.series_parameters import DEFAULT_ZONE, SeriesParameters
from api.store import Store
from bypuls.numeric.filling import Filling
from bypuls.numeric.kinds import Kind
from bypuls.readings import SECOND
from bypuls.series.points import points
from bypuls.series.refusals import TooMuch
from bypuls.series.request import MOST_STREAMS, SeriesRequest, advice
from bypuls.series.source import Source
from bypuls.series.step import choose
from bypuls.series.table import Table, build
from bypuls.store.database import Connection, Database
from bypuls.store.facts import StreamFacts, list_facts

router = APIRouter(prefix=ROOT, tags=["readings"])

_POINTS = 1_000
"""Points of each stream where nobody says: as many as a plot is wide."""

_EXAMPLE: dict[str, Any] = {
    "start": "2026-11-22T23:00:00.000000Z",
    "end": "2026-11-24T23:00:00.000000Z",
    "every": "day",
    "tz": "Europe/Oslo",
    "time": ["2026-11-22T23:00:00.000000Z", "2026-11-23T23:00:00.000000Z"],
    "partial": [1],
    "thinned_from": None,
    "streams": [
        {
            "stream": "air-01/no2",
            "quantity": "no2",
            "statistic": "",
            "kind": "linear",
            "unit": "ug/m3",
            "interval": 60.0,
            "source": "rollups",
            "excluded": 3,
            "removed": 0,
            "withheld": 1,
            "units": {"mean": "ug/m3", "coverage": "1"},
            "values": {"mean": [21.5, None], "coverage": [0.998, 0.41]},
            "filled": {},
        }
    ],
    "spatial": None,
}


class StreamSeries(BaseModel):
    """One stream of a series."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    stream: str
    quantity: str | None
    """key of the catalogue; null where the channel names none"""
    statistic: str
    """such as min or max; empty for the plain value"""
    kind: Kind
    """how a window of readings is averaged"""
    unit: str
    """UCUM; of the readings"""
    interval: float | None
    """expected seconds between readings, by which coverage is told; null where it is unknown"""
    source: Source
    """whether hourly rollups or the readings themselves were summed up; the answer is the same"""
    excluded: int
    """readings left out, in all windows, because they are certainly wrong"""
    removed: int
    """windows that are empty because raw readings were removed, as old, that they would need"""
    withheld: int
    """windows whose values `min_coverage` made null"""
    units: dict[str, str]
    """UCUM; of each statistic"""
    values: dict[str, list[float | None]]
    """for each statistic one value a window, null where there is none; `value` where `every` is raw"""
    filled: dict[str, list[int]]
    """for each statistic the positions of values that `fill` put there"""


class SpatialSeries(BaseModel):
    """The mean over all streams of a series."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    quantity: str | None
    kind: Kind
    unit: str
    values: dict[str, list[float | None]]
    """`mean`, each stream counted once, and `streams`, how many had a value"""


class SeriesAnswer(BaseModel):
    """Streams on one time axis."""

    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_extra={"example": _EXAMPLE})

    start: str
    """of the first window"""
    end: str
    """of the last window, excluded"""
    every: str
    """the windows as asked for, written shortly, or as chosen for `max_points`"""
    tz: str | None
    """zone of civil windows"""
    time: list[str]
    """where each window starts; RFC 3339, UTC, microseconds"""
    partial: list[int]
    """positions of windows that aren't over yet"""
    thinned_from: int | None
    """where `every` is raw: how many readings the points were chosen from"""
    streams: list[StreamSeries]
    spatial: SpatialSeries | None


_BINARY = {"schema": {"type": "string", "format": "binary"}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The series, the oldest window first",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "time,partial,air-01/no2:mean\r\n2026-11-23T18:00:00.000000Z,false,21.5\r\n",
            },
            MEDIA_TYPES[SeriesFormat.ARROW]: _BINARY,
            MEDIA_TYPES[SeriesFormat.PARQUET]: _BINARY,
        },
    }
}


@router.get(
    "/series",
    response_model=SeriesAnswer,
    responses=_ANSWERS | documented(404, 413),
    summary="Streams summed up over windows, on one time axis",
)
def get_series(request: Request, store: Store, parameters: Annotated[SeriesParameters, Query()]) -> Response:
    """Give statistics of one or more streams for each window of a time range.

    Windows are given whole, so the first may begin before `start` and the last end after `end`; `partial`
    marks those that aren't over. Readings that are certainly wrong are left out, and counted by n_excluded.
    Whether hourly rollups or the readings themselves were used makes no difference to the numbers. Where raw
    readings were removed because of their age, only windows of whole hours (UTC) have values, and those
    without percentiles.
    """
    start, end = time_range(parameters.start, parameters.end)
    with store.connection() as connection:
        streams = _streams(connection, parameters)
    with request.app.state.turns.taken():
        raw = parameters.every is not None and parameters.every.step is None
        table = (_raw if raw else _windows)(store, parameters, streams, start, end)
        return _answer(table, parameters.format)


def _streams(connection: Connection, parameters: SeriesParameters) -> list[StreamFacts]:
    names, searched = parameters.stream, parameters.quantity is not None or parameters.bbox is not None
    if names is None:
        if not searched:
            raise BadParameter("stream", None, "it is required; or give quantity, bbox or both instead")
        found = list_facts(
            connection,
            quantity=parameters.quantity,
            box=parameters.bbox,
            limit=MOST_STREAMS + 1,
            open_data=wanted(parameters.open),
        )
        if len(found) > MOST_STREAMS:
            raise TooMuch(f"More than {MOST_STREAMS} streams match, the limit. Ask for a smaller bbox.")
        return found
    if searched:
        raise BadParameter("stream", ",".join(names), "give either streams, or quantity and bbox")
    if parameters.open is not None:
        raise BadParameter("open", None, "it goes with quantity and bbox; streams are named here")
    for name in names:
        if names.count(name) > 1:
            raise BadParameter("stream", name, "it is given twice")
    return known_facts(connection, names)


def _windows(
    store: Database, parameters: SeriesParameters, streams: list[StreamFacts], start: int, end: int
) -> Table:
    zone = parameters.tz or ZoneInfo(DEFAULT_ZONE)
    if parameters.every is not None and parameters.every.step is not None:
        step = parameters.every.step
        most = parameters.max_points
        if most is not None and step.count(start, end, zone) > most:
            fits = choose(start, end, zone, most, step.width)
            raise TooMuch(
                f"There are {step.count(start, end, zone):,} windows of {step}, and max_points is {most:,}. "
                f"{advice(fits)}"
            )
    else:
        interval = max((each.interval for each in streams if not isnan(each.interval)), default=0.0)
        most = parameters.max_points or _POINTS
        chosen = choose(start, end, zone, most, round(interval * SECOND))
        if chosen is None:
            raise TooMuch(f"No windows are wide enough for max_points of {most:,}. {advice(None)}")
        step = chosen
    return build(
        store,
        SeriesRequest(
            streams=streams,
            statistics=("mean",) if parameters.agg is None else parameters.agg.names,
            step=step,
            zone=zone,
            start=start,
            end=end,
            now=times.now(),
            include_flagged=_flagged(parameters),
            filling=parameters.fill,
            longest_gap=parameters.fill_limit,
            min_coverage=0.0 if parameters.min_coverage is None else parameters.min_coverage.value,
            spatial=parameters.spatial is not None,
        ),
    )


def _raw(
    store: Database, parameters: SeriesParameters, streams: list[StreamFacts], start: int, end: int
) -> Table:
    if len(streams) != 1:
        raise BadParameter("every", "raw", f"raw readings are given of one stream, not of {len(streams)}")
    given = {
        "agg": parameters.agg is not None,
        "tz": parameters.tz is not None,
        "fill": parameters.fill is not Filling.NONE,
        "min_coverage": parameters.min_coverage is not None,
        "spatial": parameters.spatial is not None,
    }
    for name, is_given in given.items():
        if is_given:
            raise BadParameter(name, None, "it is about windows, and every=raw has none; leave it out")
    return points(
        store,
        streams[0],
        start,
        end,
        max_points=parameters.max_points or _POINTS,
        include_flagged=_flagged(parameters),
    )


def _flagged(parameters: SeriesParameters) -> bool:
    return bool(wanted(parameters.include_flagged))


def _answer(table: Table, written: SeriesFormat) -> Response:
    if written is SeriesFormat.JSON:
        return Json(series_formats.to_json(table))
    write = {
        SeriesFormat.CSV: series_formats.to_csv,
        SeriesFormat.ARROW: series_formats.to_arrow,
        SeriesFormat.PARQUET: series_formats.to_parquet,
    }[written]
    return Response(
        write(table),
        media_type=MEDIA_TYPES[written],
        headers={"Content-Disposition": f'attachment; filename="series.{written}"'},
    )

"""Air quality of the stations by the hour, as Norway's classes and index tell it."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from api import export, times
from api.json import Json
from api.known import check_node
from api.parameters import DAY, BoundingBox, NodeName, Parameters, Time
from api.problems import BadParameter, documented
from api.routes import ROOT
from api.store import Store
from bypuls.air_quality import CLASSES
from bypuls.legal_limits import LEAST_COVERAGE
from bypuls.series.air import COMPONENTS, Station, Values, stations
from bypuls.series.refusals import TooMuch
from bypuls.series.request import MOST_STREAMS, MOST_VALUES
from bypuls.store.facts import StreamFacts, list_facts

router = APIRouter(prefix=ROOT, tags=["air"])

_LONGEST = 31 * DAY
HOUR = DAY // 24


class AirQualityParameters(Parameters):
    """Which hours of which stations."""

    start: Time | None = None
    """RFC 3339 with a zone; a day before `end` if not given. Hours that it cuts are given whole"""
    end: Time | None = None
    """RFC 3339 with a zone, at most 31 days after `start`; now if not given"""
    node: NodeName | None = None
    """only this station"""
    bbox: BoundingBox | None = None
    """`west,south,east,north` in degrees (WGS 84), such as `10.9,59.9,11.3,60.1`"""


_EXAMPLE: dict[str, Any] = {
    "time": ["2026-11-23T17:00:00.000000Z"],
    "partial": [False],
    "classes": [
        {"class": each.number, "colour": each.colour, "nb": each.nb, "en": each.en} for each in CLASSES
    ],
    "stations": [
        {
            "node": "air-01",
            "class": [1],
            "index": [1.72],
            "components": [
                {
                    "stream": "air-01/pm2_5",
                    "quantity": "pm2_5",
                    "unit": "ug/m3",
                    "mean": [21.6],
                    "class": [1],
                    "index": [1.72],
                }
            ],
        }
    ],
}


class AirQuality(BaseModel):
    """Stations on one axis of hours; null where less than 85 % of an hour that is over was measured.

    Coverage goes by the streams' expected interval, so a stream without one has no index.
    """

    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_extra={"example": _EXAMPLE})

    time: list[str]
    """where each hour begins; RFC 3339, UTC"""
    partial: list[bool]
    """whether it isn't over yet"""
    classes: list[dict[str, Any]]
    """what the classes 1 to 4 are called, and their colours"""
    stations: list[dict[str, Any]]
    """each with class and index of its worst component, and of every component"""


@router.get(
    "/air-quality",
    response_model=AirQuality,
    responses=documented(404, 413),
    summary="Air quality class and index by station and hour",
)
def get_air_quality(
    request: Request, store: Store, parameters: Annotated[AirQualityParameters, Query()]
) -> Json:
    """Give class and index of each station and hour: of PM2.5, PM10, NO2 and O3, and of the worst of them."""
    now = times.now()
    start, end = _range(parameters, now)
    streams = _streams(store, parameters)
    if len(streams) * (end - start) // HOUR > MOST_VALUES // 2:
        raise TooMuch(
            f"{len(streams)} streams over this range are too much for one answer. "
            "Ask for a node, a smaller bbox or fewer days."
        )
    with request.app.state.turns.taken():
        hours, partial, found = stations(store, streams, start, end, now, LEAST_COVERAGE)
    return Json(
        {
            "time": export.json_times(hours),
            "partial": partial,
            "classes": _EXAMPLE["classes"],
            "stations": [_station(station) for station in found],
        }
    )


def _range(parameters: AirQualityParameters, now: int) -> tuple[int, int]:
    end = now if parameters.end is None else parameters.end
    start = max(times.EARLIEST, end - DAY) if parameters.start is None else parameters.start
    if not start < end <= start + _LONGEST:
        raise BadParameter(
            "start",
            times.write(start),
            f"it must lie before end, which is {times.write(end)}, by at most 31 days",
        )
    return start, end


def _streams(store: Store, parameters: AirQualityParameters) -> list[StreamFacts]:
    with store.connection() as connection:
        check_node(connection, parameters.node)
        found = [
            facts
            for quantity in COMPONENTS
            for facts in list_facts(
                connection,
                quantity=quantity,
                box=parameters.bbox,
                limit=MOST_STREAMS + 1,
                node=parameters.node,
            )
        ]
    if len(found) > MOST_STREAMS:
        raise TooMuch(f"More than {MOST_STREAMS} streams match. Ask for a node or a smaller bbox.")
    return found


def _station(station: Station) -> dict[str, object]:
    return {
        "node": station.node,
        **_graded(station.index),
        "components": [
            {
                "stream": facts.name,
                "quantity": facts.quantity,
                "unit": facts.unit,
                "mean": np.round(mean, 3),
                **_graded(index),
            }
            for facts, mean, index in station.components.values()
        ],
    }


def _graded(index: Values) -> dict[str, object]:
    """Write an index and its class, null where there is none."""
    whole = [None if np.isnan(each) else int(each) for each in index.tolist()]
    return {"class": whole, "index": np.floor(index * 1000) / 1000}

"""How often the legal limits of outdoor air were exceeded in a year."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api import times
from api.json import Json
from api.known import known_facts
from api.parameters import DIGITS, Parameters, QuantityKey, StreamName
from api.problems import BadParameter, NotFound, documented
from api.routes import ROOT
from api.store import Store
from bypuls.legal_limits import LEAST_COVERAGE
from bypuls.series.exceedances import LIMITED, Assessment, assess
from bypuls.series.refusals import TooMuch
from bypuls.series.request import MOST_STREAMS
from bypuls.store.facts import StreamFacts, list_facts

router = APIRouter(prefix=ROOT, tags=["air"])

_MOST_LISTED = 1_000


class ExceedancesParameters(Parameters):
    """Which year of which streams."""

    quantity: Annotated[
        QuantityKey, WithJsonSchema({"type": "string", "enum": list(LIMITED), "example": LIMITED[0]})
    ]
    """one that has a legal limit: no2 or pm10"""
    year: Annotated[int, Field(ge=2000, le=2099, json_schema_extra={"example": 2026}), DIGITS]
    """a civil year, in Europe/Oslo"""
    stream: StreamName | None = None
    """only this stream, such as `air-01/pm10`; all of the quantity if not given"""


_EXAMPLE: dict[str, Any] = {
    "quantity": "pm10",
    "year": 2025,
    "least_coverage": LEAST_COVERAGE,
    "assessments": [
        {
            "stream": "air-01/pm10",
            "period": "day",
            "limit": 50.0,
            "unit": "ug/m3",
            "source": "forurensningsforskriften kap. 7",
            "in_force": True,
            "allowed": 25,
            "exceeded": 1,
            "left": 24,
            "assessed": 363,
            "not_assessed": 2,
            "exceedances": {"time": ["2025-03-03T23:00:00.000000Z"], "value": [61.2]},
            "gaps": {"start": ["2025-07-07T22:00:00.000000Z"], "end": ["2025-07-09T22:00:00.000000Z"]},
        }
    ],
}


class ExceedanceList(BaseModel):
    """The periods above a limit, the earliest first, at most 1,000."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    time: list[str]
    """where the period begins; RFC 3339, UTC"""
    value: list[float]
    """its mean"""


class GapList(BaseModel):
    """Stretches of periods that were not assessed, the earliest first, at most 1,000."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    start: list[str]
    """where the first of its periods begins; RFC 3339, UTC"""
    end: list[str]
    """where the last of them ends"""


class AssessmentEntry(BaseModel):
    """A year of one stream beside one limit."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    stream: str
    period: str
    """hour, day or year: what the limit's mean is made over; days and years are civil ones, in Europe/Oslo"""
    limit: float
    unit: str
    source: str
    in_force: bool
    """whether the limit was in force in that year; if not, the comparison is one with today's law"""
    allowed: int
    """how many periods of a year may lie above the limit"""
    exceeded: int
    left: int | None
    """how many more may; below 0 the limit is broken; null where it was not in force"""
    assessed: int
    """periods that are over and had enough coverage to be compared"""
    not_assessed: int
    """periods that are over and had not, or whose stream has no expected interval"""
    exceedances: ExceedanceList
    gaps: GapList


class Exceedances(BaseModel):
    """Every limit of a quantity, by stream."""

    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_extra={"example": _EXAMPLE})

    quantity: str
    year: int
    least_coverage: float
    """a mean of less than this share of its period is not compared"""
    assessments: list[AssessmentEntry]


@router.get(
    "/exceedances",
    response_model=Exceedances,
    responses=documented(404, 413),
    summary="Exceedances of legal limits in a year",
)
def get_exceedances(
    request: Request, store: Store, parameters: Annotated[ExceedancesParameters, Query()]
) -> Json:
    """Compare a year's means with the limits of today's law, where coverage allows it."""
    if parameters.quantity not in LIMITED:
        raise BadParameter(
            "quantity",
            parameters.quantity,
            f"it has no legal limit; those that have are {', '.join(LIMITED)}",
        )
    streams = _streams(store, parameters)
    with request.app.state.turns.taken():
        found = assess(store, streams, parameters.year, times.now())
    return Json(
        {
            "quantity": parameters.quantity,
            "year": parameters.year,
            "least_coverage": LEAST_COVERAGE,
            "assessments": [_entry(each, parameters.year) for each in found],
        }
    )


def _streams(store: Store, parameters: ExceedancesParameters) -> list[StreamFacts]:
    with store.connection() as connection:
        if parameters.stream is None:
            found = list_facts(connection, quantity=parameters.quantity, box=None, limit=MOST_STREAMS + 1)
        else:
            found = known_facts(connection, [parameters.stream])
    if len(found) > MOST_STREAMS:
        raise TooMuch(f"More than {MOST_STREAMS} streams measure {parameters.quantity}; name one by stream=.")
    if not found:
        raise NotFound(f"No stream measures {parameters.quantity}.")
    for facts in found:
        if facts.quantity != parameters.quantity or facts.statistic:
            raise BadParameter("stream", facts.name, f"it holds no plain values of {parameters.quantity}")
    return found


def _entry(found: Assessment, year: int) -> dict[str, object]:
    in_force = found.limit.since <= year
    return {
        "stream": found.stream.name,
        "period": found.limit.period,
        "limit": found.limit.value,
        "unit": found.limit.unit,
        "source": found.limit.source,
        "in_force": in_force,
        "allowed": found.limit.allowed,
        "exceeded": len(found.time),
        "left": found.left if in_force else None,
        "assessed": found.assessed,
        "not_assessed": found.not_assessed,
        "exceedances": {
            "time": [times.write(time) for time in found.time[:_MOST_LISTED].tolist()],
            "value": np.round(found.value[:_MOST_LISTED], 6).tolist(),
        },
        "gaps": {
            "start": [times.write(time) for time in found.gaps[:_MOST_LISTED, 0].tolist()],
            "end": [times.write(time) for time in found.gaps[:_MOST_LISTED, 1].tolist()],
        },
    }

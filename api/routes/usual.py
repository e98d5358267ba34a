"""What is usual of a stream at an hour of the week."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api import times
from api.json import Json
from api.known import known_facts
from api.parameters import Parameters, StreamName, Time
from api.problems import documented
from api.routes import ROOT
from api.series_parameters import DEFAULT_ZONE
from api.store import Store
from bypuls.series.step import HOUR
from bypuls.series.usual import WEEKS, usual
from bypuls.usual_hours import Basis, UsualHour

router = APIRouter(prefix=ROOT, tags=["readings"])

_HOURS = 25
_DECIMALS = 4


class UsualParameters(Parameters):
    """Which stream, and up to when."""

    stream: StreamName
    """node and channel, such as `air-01/no2`"""
    end: Time | None = None
    """the last hour is the one that it lies in; RFC 3339 with a zone, now if not given"""


class UsualEntry(BaseModel):
    """What is usual in one hour."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    start: str
    p10: float | None
    """a tenth of the hours compared had less; null where there were too few"""
    p50: float | None
    p90: float | None
    n: int
    """how many hours were compared"""
    basis: Basis | None
    """weekday: the same hour of the same weekday; day: of any day, since there were too few of the former;
    null: too little history"""


_EXAMPLE: dict[str, Any] = {
    "stream": "air-01/no2",
    "unit": "ug/m3",
    "tz": DEFAULT_ZONE,
    "weeks": WEEKS,
    "hours": [
        {
            "start": "2026-11-23T18:00:00.000000Z",
            "p10": 4.1,
            "p50": 9.0,
            "p90": 22.5,
            "n": 8,
            "basis": "weekday",
        }
    ],
}


class UsualAnswer(BaseModel):
    """What is usual, by the hour; hours of the week as clocks in `tz` show them."""

    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_extra={"example": _EXAMPLE})

    stream: str
    unit: str
    """UCUM"""
    tz: str
    weeks: int
    """how far back hours are compared"""
    hours: list[UsualEntry] = Field(min_length=_HOURS, max_length=_HOURS)


@router.get(
    "/usual",
    response_model=UsualAnswer,
    responses=documented(404, 413),
    summary="The usual range of a stream, by the hour",
)
def get_usual(request: Request, store: Store, parameters: Annotated[UsualParameters, Query()]) -> Json:
    """Give percentiles of a stream's hourly means in the same hours of the eight weeks before.

    They compare with `mean` of /series, `every=1h`: of totals that is the sum, of meters the increase, of
    states the share of time. Hours less than 75 % of which was measured don't count. A direction has none.
    """
    now = times.now()
    last = (now if parameters.end is None else parameters.end) // HOUR * HOUR
    hours = [last - back * HOUR for back in range(_HOURS - 1, -1, -1)]
    with store.connection() as connection:
        [facts] = known_facts(connection, [parameters.stream])
    with request.app.state.turns.taken():
        found = usual(store, [facts], hours, now)[facts.name]
    return Json(
        {
            "stream": facts.name,
            "unit": facts.unit,
            "tz": DEFAULT_ZONE,
            "weeks": WEEKS,
            "hours": [_entry(each) for each in found],
        }
    )


def _entry(hour: UsualHour) -> dict[str, object]:
    values = {name: round(getattr(hour, name), _DECIMALS) for name in ("p10", "p50", "p90")}
    if hour.basis is None:
        values = dict.fromkeys(values)
    return {"start": times.write(hour.start), **values, "n": hour.n, "basis": hour.basis}

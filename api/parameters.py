"""The query parameters that several nouns share: their form, their limits, and what is said of wrong ones."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated

from fastapi import Query, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from api import times
from api.problems import BadParameter, QueryTooLong, list_parameters
from bypuls.quantities import QUANTITIES
from bypuls.readings import SECOND
from bypuls.store.catalog import Box
from bypuls.topics import NODE_PATTERN

LONGEST_QUERY = 4_096
"""Bytes of a query string."""

DAY = 86_400 * SECOND
"""The range given where nobody says from when, in microseconds."""

LONGEST_NAME = 500
"""Characters of a channel or an owner."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Yes or no."""

    on: bool


# Python's own conversions also take 1_0, +10, nan and the digits of other scripts.
_WHOLE = re.compile(r"-?[0-9]+")
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def _digits(text: str) -> str:
    if not _WHOLE.fullmatch(text):
        raise ValueError("a whole number is written in the digits 0 to 9, as 1000")
    return text


def _box(text: str) -> Box:
    parts = text.split(",")
    if len(parts) != 4 or not all(map(_DECIMAL.fullmatch, parts)):
        raise ValueError("a bbox has four numbers: west,south,east,north in degrees, as 10.9,59.9,11.3,60.1")
    west, south, east, north = map(float, parts)
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError(
            "the edges must satisfy -180 <= west <= east <= 180 and -90 <= south <= north <= 90, "
            "in the order west,south,east,north (longitude first)"
        )
    return Box(west, south, east, north)


def _quantity(key: str) -> str:
    if key not in QUANTITIES:
        near = get_close_matches(key.lower(), QUANTITIES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"the catalogue has no such quantity{hint} (/api/v1/quantities lists them)")
    return key


def _stream_name(text: str) -> str:
    node, slash, channel = text.partition("/")
    if not (node and slash and channel and text.isprintable()):
        raise ValueError(
            "a stream is named by node and channel, like air-01/no2 (/api/v1/streams lists them)"
        )
    return text


def _switch(text: str) -> Switch:
    if text not in ("true", "false"):
        raise ValueError("it is either true or false")
    return Switch(text == "true")


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds control characters, which no name has")
    return text


DIGITS = BeforeValidator(_digits)
Time = Annotated[int, BeforeValidator(times.parse), WithJsonSchema({"type": "string", "format": "date-time"})]
BoundingBox = Annotated[Box, BeforeValidator(_box), WithJsonSchema({"type": "string"})]
QuantityKey = Annotated[
    str, AfterValidator(_quantity), WithJsonSchema({"type": "string", "enum": sorted(QUANTITIES)})
]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_printable)]
StreamName = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_NAME, json_schema_extra={"example": "air-01/no2"}),
    AfterValidator(_stream_name),
]
YesOrNo = Annotated[Switch, BeforeValidator(_switch), WithJsonSchema({"type": "boolean"})]
NodeName = Annotated[str, Field(pattern=f"^{NODE_PATTERN}$")]


class Parameters(BaseModel):
    """The parameters of one route; unknown ones are refused, so that a typing error is never ignored."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


NoParameters = Annotated[Parameters, Query()]


class Paged(Parameters):
    """The parameters of a list that is given in pages."""

    limit: Annotated[int, Field(ge=1, le=10_000), DIGITS] = 1_000
    """most entries to give"""
    cursor: str | None = None
    """where to go on: `next` of the page before; the other parameters stay as they were"""


def wanted(switch: Switch | None) -> bool | None:
    """Return what a switch says; None where it is left out."""
    return None if switch is None else switch.on


def time_range(start: int | None, end: int | None) -> tuple[int, int]:
    """Return the range that is meant: up to now, and a day long, where nobody says otherwise.

    Raises BadParameter unless it starts before it ends.
    """
    says = "" if end is not None else " (now, as no end is given)"
    end = times.now() if end is None else end
    start = max(end - DAY if start is None else start, times.EARLIEST)
    if start >= end:
        raise BadParameter(
            "start", times.write(start), f"it must be before end, which is {times.write(end)}{says}"
        )
    return start, end


async def check_query(request: Request) -> None:
    """Refuse what no route takes: a query that is too long, a parameter given twice that is no list."""
    length = len(request.scope["query_string"])
    if length > LONGEST_QUERY:
        raise QueryTooLong(f"The query has {length} bytes, the limit is {LONGEST_QUERY}.")
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if names.count(name) > 1 and name not in list_parameters(request):
            raise BadParameter(name, None, "it is given more than once, and only one of them can hold")

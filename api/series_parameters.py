"""The parameters of a series: what each may be, and what is said of wrong ones."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, WithJsonSchema

from api.parameters import DIGITS, BoundingBox, Parameters, QuantityKey, StreamName, Time, YesOrNo
from api.series_formats import SeriesFormat
from bypuls.numeric.filling import Filling
from bypuls.series.request import ALL_STATISTICS, percent
from bypuls.series.step import Step, read_step

DEFAULT_ZONE = "Europe/Oslo"

_SHARE = re.compile(r"0(\.[0-9]+)?|1(\.0+)?", re.ASCII)


class SpatialMean(StrEnum):
    """How streams become one."""

    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Every:
    """The windows asked for; None are the readings themselves."""

    step: Step | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """The names of statistics, each once."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, 0 to 1."""

    value: float


def _every(text: str) -> Every:
    if text == "raw":
        return Every(None)
    try:
        return Every(read_step(text))
    except ValueError as error:
        raise ValueError(f"{error}; or raw, for the readings themselves") from None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime"}  # the server's own, whatever that is


def _zone(text: str) -> ZoneInfo:
    if text not in _zones():
        near = get_close_matches(text, _zones(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"a zone has a name of the IANA database, as {DEFAULT_ZONE} or UTC{hint}")
    return ZoneInfo(text)


def _statistics(text: str) -> Statistics:
    names = tuple(text.split(","))
    for name in names:
        if name not in ALL_STATISTICS and percent(name) is None:
            known = [name.lower()] if percent(name.lower()) is not None else ALL_STATISTICS
            near = get_close_matches(name.lower(), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(
                f"there is no statistic '{name[:50]}'{hint} "
                f"({', '.join(ALL_STATISTICS)} and percentiles from p0 to p100, as p95 or p99.9, can be)"
            )
        if sum(name == other or percent(name) == percent(other) is not None for other in names) > 1:
            raise ValueError(f"{name} is given twice")
    return Statistics(names)


def _share(text: str) -> Share:
    if not _SHARE.fullmatch(text):
        raise ValueError("a coverage is a share from 0 to 1, as 0.85")
    return Share(float(text))


_EVERY = {
    "type": "string",
    "pattern": "^([1-9][0-9]{0,5}[smh]|day|week|month|year|raw)$",
    "example": "1h",
}
_AGG = {"type": "string", "pattern": "^[a-z0-9_.]+(,[a-z0-9_.]+)*$", "example": "mean,max,coverage"}


class SeriesParameters(Parameters):
    """Which streams, which windows, and what to tell of them."""

    stream: list[StreamName] | None = Field(None, json_schema_extra={"example": ["air-01/no2"]})
    """node and channel, such as `air-01/no2`; can be given more than once"""
    quantity: QuantityKey | None = None
    """instead of `stream`: all streams of this quantity, those of other statistics (`no2.max`) aside"""
    bbox: BoundingBox | None = None
    """instead of `stream`: those in `west,south,east,north` in degrees (WGS 84), as `10.9,59.9,11.3,60.1`"""
    open: YesOrNo | None = None
    """with `quantity` or `bbox`: only streams that are open data, or only those that aren't"""
    start: Time | None = None
    """RFC 3339 with a zone; a day before `end` if not given. The window that it lies in is given whole"""
    end: Time | None = None
    """RFC 3339 with a zone; now if not given. The window that it ends in is given whole"""
    every: Annotated[Every, BeforeValidator(_every), WithJsonSchema(_EVERY)] | None = None
    """the windows: seconds, minutes or hours that divide a day evenly, as `10s`, `15m` or `1h`, counted in
    UTC; or `day`, `week`, `month` or `year` as clocks in `tz` show them; or `raw` for the readings of one
    stream, thinned to `max_points` so that they draw the same line. If not given, the smallest usual one
    that gives at most `max_points`, and isn't shorter than the streams' interval"""
    tz: Annotated[ZoneInfo, BeforeValidator(_zone), WithJsonSchema({"type": "string"})] | None = None
    """name of the time zone of civil windows (IANA); Europe/Oslo if not given"""
    agg: Annotated[Statistics, BeforeValidator(_statistics), WithJsonSchema(_AGG)] | None = None
    """statistics of each window, separated by commas; `mean` if not given. All kinds have mean (of directions
    that of the vectors, of levels that of the energy, of totals the sum, of meters the increase, of states
    the share of time), n, n_expected (by the stream's interval), n_excluded (left out as certainly wrong),
    first, last, coverage; by kind also min, max, std, time_weighted, steadiness, sum, increase, resets,
    share, changes; and percentiles such as p95 or p99.9"""
    fill: Filling = Filling.NONE
    """what stands in the place of missing windows; which ones is told in `filled`"""
    fill_limit: Annotated[int, Field(ge=1, le=10_000), DIGITS] = 3
    """longest gap to fill, in windows; a longer one stays whole"""
    min_coverage: (
        Annotated[
            Share, BeforeValidator(_share), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})
        ]
        | None
    ) = None
    """values of windows with less coverage become null, as 0.85; so do those of streams without a known
    interval, whose coverage is unknown. `withheld` counts them"""
    max_points: Annotated[int, Field(ge=3, le=100_000), DIGITS] | None = None
    """most points of each stream; 1,000 if neither it nor `every` is given"""
    include_flagged: YesOrNo | None = None
    """whether readings count that are certainly wrong: out_of_range, spike, stuck"""
    spatial: SpatialMean | None = None
    """`mean` adds the mean over the streams in each window, and how many had a value; all must be alike"""
    format: SeriesFormat = SeriesFormat.JSON
    """json in columns; csv, arrow and parquet with a column for each stream and statistic"""

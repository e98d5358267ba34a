"""The town in a sentence."""

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from api import times
from api.json import Json
from api.parameters import Parameters, Time
from api.routes import ROOT
from api.store import Store
from bypuls.summary.clauses import Clause, Evidence, How, Words
from bypuls.summary.states import NodeState

router = APIRouter(prefix=ROOT, tags=["town"])


class Language(StrEnum):
    """Bokmål and English."""

    NB = "nb"
    EN = "en"


class SummaryParameters(Parameters):
    """In which language, and of when."""

    lang: Language = Language.NB
    """of `text`; the clauses have both"""
    time: Time | None = None
    """the town as it was then, as far as is known now; RFC 3339 with a zone, now if not given"""


class Text(BaseModel):
    """The same in two languages."""

    nb: str
    en: str


class NumberEntry(BaseModel):
    """A number as it stands in the text."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    text: Text
    value: float
    unit: str
    """UCUM; of times empty, and `value` is in microseconds since 1970"""
    how: How
    """how it comes of its readings: value; count (of nodes); streams (their number); difference; rate (the
    first less the second, by the hours between); sum; mean; end (when they end)"""
    readings: list[int]
    """positions in the clause's `readings`"""


class EvidenceEntry(BaseModel):
    """Readings of a stream in one value."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    stream: str
    statistic: str
    """last, mean, sum, max, count or rate (increase an hour, from the first to the last reading); usual_p10,
    usual_p50, usual_p90; or the threshold yellow, orange, red"""
    value: float | None
    """null where nothing was read"""
    unit: str
    n: int
    """how many readings; of what is usual, how many hours"""
    start: str | None
    end: str | None
    href: str
    """gives what it was made of"""


class ClauseEntry(BaseModel):
    """One thing that is said."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """the rule's name"""
    theme: str | None
    severity: str
    """calm, notice, warning, alarm"""
    text: Text
    since: str | None
    nodes: list[str]
    numbers: list[NumberEntry]
    readings: list[EvidenceEntry]


class NodeEntry(BaseModel):
    """A node's state."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    node: str
    place: str
    theme: str | None
    latitude: float | None
    longitude: float | None
    level: int | None
    """1 calm, 2 notice, 3 warning, 4 alarm (of air the class); null: nothing new comes from it"""
    label: Text
    stream: str | None
    """what the level rests on"""
    value: float | None
    unit: str | None
    newest: str | None


_EXAMPLE: dict[str, Any] = {
    "time": "2026-11-23T18:00:00.000000Z",
    "lang": "en",
    "text": "The air is good at 1 of 1 station.",
    "severity": "calm",
    "newest": "2026-11-23T17:58:20.000000Z",
    "stale": False,
    "clauses": [
        {
            "id": "air.good",
            "theme": "air",
            "severity": "calm",
            "text": {
                "nb": "Luften er god på 1 av 1 stasjon.",
                "en": "The air is good at 1 of 1 station.",
            },
            "since": None,
            "nodes": ["air-01"],
            "numbers": [
                {
                    "text": {"nb": "1", "en": "1"},
                    "value": 1.0,
                    "unit": "",
                    "how": "count",
                    "readings": [0],
                }
            ],
            "readings": [
                {
                    "stream": "air-01/no2",
                    "statistic": "mean",
                    "value": 21.5,
                    "unit": "ug/m3",
                    "n": 12,
                    "start": "2026-11-23T17:00:00.000000Z",
                    "end": "2026-11-23T18:00:00.000000Z",
                    "href": "/api/v1/readings?stream=air-01%2Fno2&start=2026-11-23T17:00:00.000000Z"
                    "&end=2026-11-23T18:00:00.000000Z",
                }
            ],
        }
    ],
    "nodes": [],
}


class SummaryAnswer(BaseModel):
    """How the town is."""

    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_extra={"example": _EXAMPLE})

    time: str
    lang: Language
    text: str
    """all clauses, what matters most first"""
    severity: str
    """that of the clause that matters most"""
    newest: str | None
    """when the newest reading of all open streams was measured"""
    stale: bool
    """whether nothing new comes from any of them"""
    clauses: list[ClauseEntry]
    nodes: list[NodeEntry]


@router.get("/summary", response_model=SummaryAnswer, summary="The town in a sentence")
def get_summary(request: Request, store: Store, parameters: Annotated[SummaryParameters, Query()]) -> Json:
    """Tell how the town is, by rules over its open streams; each clause names the readings behind it.

    It is made anew every five seconds at most. Only what was measured is said, and of the rest that it is
    missing.
    """
    summaries = request.app.state.summaries
    if parameters.time is None:
        summary = summaries.now(store).summary
    else:
        with request.app.state.turns.taken():
            summary = summaries.at(store, parameters.time)
    return Json(
        {
            "time": times.write(summary.time),
            "lang": parameters.lang,
            "text": summary.told(parameters.lang),
            "severity": summary.severity.name.lower(),
            "newest": _time(summary.newest),
            "stale": summary.stale,
            "clauses": [_clause(each) for each in summary.clauses],
            "nodes": [_node(each) for each in summary.nodes],
        }
    )


def href(evidence: Evidence) -> str:
    """Return the address that gives what a value was made of, on this host."""
    name = quote(evidence.stream, safe="")
    if evidence.statistic.startswith("usual"):
        return f"{ROOT}/usual?stream={name}&end={times.write(evidence.start)}"
    if evidence.end == 0:
        return f"{ROOT}/nodes/{evidence.node}"
    return (
        f"{ROOT}/readings?stream={name}&start={times.write(evidence.start)}&end={times.write(evidence.end)}"
    )


def _clause(clause: Clause) -> dict[str, object]:
    return {
        "id": clause.id,
        "theme": clause.theme,
        "severity": clause.severity.name.lower(),
        "text": clause.text,
        "since": _time(clause.since),
        "nodes": clause.nodes,
        "numbers": [
            {
                "text": number.text,
                "value": round(number.value, 6),
                "unit": number.unit,
                "how": number.how,
                "readings": number.readings,
            }
            for number in clause.numbers
        ],
        "readings": [_evidence(each) for each in clause.evidence],
    }


def _evidence(evidence: Evidence) -> dict[str, object]:
    return {
        "stream": evidence.stream,
        "statistic": evidence.statistic,
        "value": None if evidence.value is None else round(evidence.value, 6),
        "unit": evidence.unit,
        "n": evidence.n,
        "start": _time(evidence.start or None),
        "end": _time(evidence.end or None),
        "href": href(evidence),
    }


def _node(state: NodeState) -> dict[str, object]:
    return {
        "node": state.node,
        "place": state.place,
        "theme": state.theme,
        "latitude": state.latitude,
        "longitude": state.longitude,
        "level": None if state.level is None else int(state.level),
        "label": _words(state.label),
        "stream": state.stream,
        "value": None if state.value is None else round(state.value, 3),
        "unit": state.unit,
        "newest": _time(state.newest),
    }


def _words(words: Words) -> dict[str, str]:
    return {"nb": words.nb, "en": words.en}


def _time(time: int | None) -> str | None:
    return None if time is None else times.write(time)

"""The quarantine: what could not become readings, why, and another try."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.json import Json
from api.operator import check_operator
from api.paging import Page
from api.parameters import DIGITS, NoParameters, Paged
from api.problems import NotFound, NotReplayable, documented
from api.routes import ROOT
from api.store import Store
from bypuls.quarantine import MEANING, Reason
from bypuls.store import quarantine as store_quarantine
from bypuls.store.quarantine import NEWEST, Entry

router = APIRouter(
    prefix=ROOT, tags=["quarantine"], dependencies=[Depends(check_operator)], responses=documented(401)
)

LISTED_BYTES = 4_096
"""Bytes shown of each payload in a list; an entry by itself shows all that is kept."""


class QuarantineParameters(Paged):
    """Which entries."""

    limit: Annotated[int, Field(ge=1, le=500), DIGITS] = 50
    """most entries to give"""
    reason: Reason | None = None
    """entries kept for this reason"""


class ReasonCount(BaseModel):
    """How many entries there are for a reason."""

    reason: str
    meaning: str
    entries: int


class Quarantine(BaseModel):
    """A page of entries, the newest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    entries: list[Entry]
    """payloads are base64, of the first 4,096 bytes"""
    counts: list[ReasonCount]
    """of the whole quarantine, whatever the filter"""
    next: str | None
    """cursor of the next page; null on the last"""


class Replay(BaseModel):
    """A replay that has been asked for; the entry tells its outcome later."""

    quarantine_id: int
    replay_requested_at: datetime


Number = Annotated[int, Path(ge=1, le=NEWEST), DIGITS]


@router.get("/quarantine", response_model=Quarantine, summary="What could not become readings")
def list_quarantine(
    request: Request, store: Store, parameters: Annotated[QuarantineParameters, Query()]
) -> Json:
    """List what is in quarantine, the newest first, and count it by reason."""
    page = Page(request, parameters, [NEWEST])
    with store.connection() as connection:
        found = store_quarantine.list_entries(
            connection, limit=page.wanted, most=LISTED_BYTES, before=page.start[0], reason=parameters.reason
        )
        counts = store_quarantine.count_entries(connection)
    counted = [{"reason": r, "meaning": MEANING[r], "entries": counts[r]} for r in Reason if r in counts]
    return page.answer("entries", found, lambda entry: [entry.quarantine_id], counts=counted)


@router.get(
    "/quarantine/{quarantine_id}",
    response_model=Entry,
    responses=documented(404),
    summary="One entry",
)
def get_quarantine_entry(store: Store, quarantine_id: Number, parameters: NoParameters) -> Json:
    """Give one entry with all that is kept of its payload, in base64."""
    return Json(_find(store, quarantine_id))


@router.post(
    "/quarantine/{quarantine_id}/replay",
    status_code=202,
    response_model=Replay,
    responses=documented(404, 409),
    summary="Try an entry again",
)
def replay_quarantine_entry(store: Store, quarantine_id: Number, parameters: NoParameters) -> Json:
    """Have ingest check the entry again; `replay_outcome` of the entry will tell what came of it."""
    found = _find(store, quarantine_id)
    if len(found.payload) < found.payload_size:
        raise NotReplayable(
            f"Only {len(found.payload)} of the {found.payload_size} bytes of entry {quarantine_id} are kept. "
            "Have the node send it again in smaller packs."
        )
    with store.connection() as connection:
        requested = store_quarantine.request_replay(connection, quarantine_id)
    return Json({"quarantine_id": quarantine_id, "replay_requested_at": requested}, status_code=202)


def _find(store: Store, quarantine_id: int) -> Entry:
    with store.connection() as connection:
        found = store_quarantine.find_entry(connection, quarantine_id)
    if found is None:
        raise NotFound(
            f"There is no entry {quarantine_id} in quarantine. GET /api/v1/quarantine lists those there are."
        )
    return found

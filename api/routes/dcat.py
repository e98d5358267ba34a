"""The catalogue of open data, for data.norge.no to harvest."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api import times
from api.dcat import catalogue
from api.json import Json
from api.parameters import NoParameters
from api.routes import ROOT
from api.store import Store
from bypuls.store.catalog import list_open, open_since

router = APIRouter(prefix=ROOT, tags=["catalogue"])

MEDIA_TYPE = "application/ld+json"

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The catalogue",
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["@context", "@graph"],
                    "properties": {
                        "@context": {"type": "object"},
                        "@graph": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}


@router.get("/dcat", response_class=Response, responses=_ANSWERS, summary="The open data, as DCAT-AP-NO")
def get_dcat(request: Request, store: Store, parameters: NoParameters) -> Json:
    """Describe the open streams as datasets (DCAT-AP-NO, JSON-LD): one for each theme."""
    with store.connection() as connection:
        streams = list_open(connection, time=times.present())
        since = open_since(connection)
    return Json(catalogue(streams, since, request.app.state.open_data), media_type=MEDIA_TYPE)

"""The newest reading of each stream, as a list or as points on a map."""

from dataclasses import fields
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from api.json import Json
from api.known import check_node
from api.paging import Page
from api.parameters import BoundingBox, NodeName, Paged, QuantityKey, YesOrNo, wanted
from api.problems import documented
from api.routes import ROOT
from api.store import Store
from bypuls.store import catalog

router = APIRouter(prefix=ROOT, tags=["readings"])


class LatestFormat(StrEnum):
    """How the newest readings are written."""

    JSON = "json"
    GEOJSON = "geojson"


class LatestParameters(Paged):
    """Which streams; every filter given must match."""

    quantity: QuantityKey | None = None
    """streams of this quantity"""
    open: YesOrNo | None = None
    """only streams that are open data, or only those that aren't"""
    node: NodeName | None = None
    """streams of this node"""
    bbox: BoundingBox | None = None
    """`west,south,east,north` in degrees (WGS 84), such as `10.9,59.9,11.3,60.1`"""
    format: LatestFormat = LatestFormat.JSON
    """geojson gives a feature for each stream, without a geometry where the node's place is unknown"""


class LatestPage(BaseModel):
    """A page of newest readings by node and channel."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    latest: list[catalog.Latest]
    next: str | None
    """cursor of the next page; null on the last"""


GEOJSON = "application/geo+json"

_PROPERTIES = [each.name for each in fields(catalog.Latest) if each.name not in ("latitude", "longitude")]

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The newest readings",
        "content": {
            GEOJSON: {
                "schema": {
                    "type": "object",
                    "description": "a FeatureCollection (RFC 7946); `next` is the cursor of the next page",
                    "required": ["type", "features", "next"],
                    "properties": {
                        "type": {"const": "FeatureCollection"},
                        "features": {"type": "array", "items": {"type": "object"}},
                        "next": {"type": ["string", "null"]},
                    },
                },
                "example": {
                    "type": "FeatureCollection",
                    "features": [
                        {
                            "type": "Feature",
                            "id": "air-01/no2",
                            "geometry": {"type": "Point", "coordinates": [11.0495, 59.953]},
                            "properties": {
                                "stream": "air-01/no2",
                                "node": "air-01",
                                "channel": "no2",
                                "quantity": "no2",
                                "statistic": "",
                                "unit": "ug/m3",
                                "time": "2026-11-23T18:00:00.000000Z",
                                "value": 21.5,
                                "flags": 0,
                            },
                        }
                    ],
                    "next": None,
                },
            }
        },
    }
}


@router.get(
    "/latest",
    response_model=LatestPage,
    responses=_ANSWERS | documented(404),
    summary="The newest reading of each stream",
)
def get_latest(request: Request, store: Store, parameters: Annotated[LatestParameters, Query()]) -> Json:
    """Give the newest reading of each stream, by node and channel; streams without one are left out."""
    page = Page(request, parameters, ["", ""])
    with store.connection() as connection:
        check_node(connection, parameters.node)
        found = catalog.list_latest(
            connection,
            limit=page.wanted,
            after=(page.start[0], page.start[1]),
            node=parameters.node,
            quantity=parameters.quantity,
            open_data=wanted(parameters.open),
            box=parameters.bbox,
        )
    if parameters.format is LatestFormat.JSON:
        return page.answer("latest", found, _position)
    return page.answer("features", found, _position, _feature, media_type=GEOJSON, type="FeatureCollection")


def _position(entry: catalog.Latest) -> list[str]:
    return [entry.node, entry.channel]


def _feature(entry: catalog.Latest) -> dict[str, object]:
    located = entry.longitude is not None
    return {
        "type": "Feature",
        "id": entry.stream,
        "geometry": {"type": "Point", "coordinates": [entry.longitude, entry.latitude]} if located else None,
        "properties": {name: getattr(entry, name) for name in _PROPERTIES},
    }

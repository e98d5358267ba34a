"""Streams: what can be asked for readings by."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from api.json import Json
from api.known import check_node
from api.paging import Page
from api.parameters import NodeName, Paged, QuantityKey, YesOrNo, wanted
from api.problems import documented
from api.routes import ROOT
from api.store import Store
from bypuls.store import catalog

router = APIRouter(prefix=ROOT, tags=["catalogue"])


class StreamsParameters(Paged):
    """Which streams; every filter given must match."""

    node: NodeName | None = None
    """streams of this node"""
    quantity: QuantityKey | None = None
    """streams of this quantity"""
    open: YesOrNo | None = None
    """only streams that are open data, or only those that aren't"""


class Streams(BaseModel):
    """A page of streams by node and channel."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    streams: list[catalog.Stream]
    next: str | None
    """cursor of the next page; null on the last"""


@router.get("/streams", response_model=Streams, responses=documented(404), summary="Streams")
def list_streams(request: Request, store: Store, parameters: Annotated[StreamsParameters, Query()]) -> Json:
    """List streams by node and channel."""
    page = Page(request, parameters, ["", ""])
    with store.connection() as connection:
        check_node(connection, parameters.node)
        found = catalog.list_streams(
            connection,
            limit=page.wanted,
            after=(page.start[0], page.start[1]),
            node=parameters.node,
            quantity=parameters.quantity,
            open_data=wanted(parameters.open),
        )
    return page.answer("streams", found, lambda stream: [stream.node, stream.channel])

"""Nodes: where they stand, whose they are, and whether all of their packs came."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict

from api.json import Json
from api.known import unknown_node
from api.paging import Page
from api.parameters import BoundingBox, Name, NodeName, NoParameters, Paged, QuantityKey, YesOrNo, wanted
from api.problems import documented
from api.routes import ROOT
from api.store import Store
from bypuls.store import catalog

router = APIRouter(prefix=ROOT, tags=["catalogue"])


class NodesParameters(Paged):
    """Which nodes; every filter given must match."""

    bbox: BoundingBox | None = None
    """`west,south,east,north` in degrees (WGS 84), such as `10.9,59.9,11.3,60.1`"""
    quantity: QuantityKey | None = None
    """nodes with a stream of this quantity"""
    owner: Name | None = None
    """nodes of this organisation"""
    open: YesOrNo | None = None
    """only nodes with a stream that is open data, or one that isn't; `quantities` then tells of such alone"""


class Nodes(BaseModel):
    """A page of nodes by name."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    nodes: list[catalog.Node]
    next: str | None
    """cursor of the next page; null on the last"""


@router.get("/nodes", response_model=Nodes, summary="Nodes")
def list_nodes(request: Request, store: Store, parameters: Annotated[NodesParameters, Query()]) -> Json:
    """List nodes by name."""
    page = Page(request, parameters, [""])
    with store.connection() as connection:
        found = catalog.list_nodes(
            connection,
            limit=page.wanted,
            after=page.start[0],
            owner=parameters.owner,
            quantity=parameters.quantity,
            open_data=wanted(parameters.open),
            box=parameters.bbox,
        )
    return page.answer("nodes", found, lambda node: [node.node])


@router.get(
    "/nodes/{node}",
    response_model=catalog.NodeDetails,
    responses=documented(404),
    summary="One node, its streams and missing packs",
)
def get_node(
    store: Store,
    node: Annotated[NodeName, Path(json_schema_extra={"example": "air-01"})],
    parameters: NoParameters,
) -> Json:
    """Tell all about a node: registry entry, streams, and per sequence log what came and what is missing."""
    with store.connection() as connection:
        found = catalog.find_node(connection, node)
    if found is None:
        raise unknown_node(node)
    return Json(found)

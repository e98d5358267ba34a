"""What watches the service itself."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from api.json import Json
from api.problems import documented
from api.store import Store
from bypuls.store.catalog import check_readable

router = APIRouter(tags=["service"])


class Health(BaseModel):
    """All is well."""

    status: str


@router.get("/healthz", response_model=Health, summary="Does the process answer?")
async def healthz() -> Json:
    """Tell that the process answers, whatever the database does."""
    return Json({"status": "ok"})


@router.get("/readyz", response_model=Health, responses=documented(503), summary="Is the database ready?")
def readyz(store: Store) -> Json:
    """Tell that the database can be reached and has its schema."""
    with store.connection() as connection:
        check_readable(connection)
    return Json({"status": "ready"})


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Give the service's metrics to Prometheus."""
    return Response(request.app.state.metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

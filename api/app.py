"""The web application: routes, problems, headers and metrics put together."""

from functools import partial

from fastapi import Depends, FastAPI

from api import docs, problems
from api.head import HeadMiddleware
from api.headers import HeadersMiddleware, PublicMiddleware
from api.live import Live
from api.metrics import Metrics, MetricsMiddleware
from api.page import routes as page
from api.parameters import check_query
from api.routes import (
    ROOT,
    air_quality,
    dcat,
    exceedances,
    health,
    latest,
    live,
    nodes,
    quantities,
    quarantine,
    readings,
    series,
    streams,
    summary,
    usual,
)
from api.row_stream import Places
from api.summaries import Summaries
from api.turns import Turns
from bypuls import __version__
from bypuls.settings import ApiSettings, OpenDataSettings
from bypuls.store.database import Database

_DESCRIPTION = """\
Readings of a town's sensors, and what is known of the nodes that send them.

Times are RFC 3339 with a zone, `start` included, `end` excluded, and come in UTC with microseconds. A
stream is named by node and channel, such as `air-01/no2`. Lists come in pages: `next`, or the header `Link`,
leads to the next one until it is null. Errors are problems (RFC 9457) that name the parameter, its value and
the limit.
"""

_TAGS = [
    {"name": "town", "description": "how the town is, of what is open"},
    {"name": "readings", "description": "what the sensors measured"},
    {"name": "air", "description": "air quality classes, and legal limits"},
    {"name": "catalogue", "description": "what there is to read"},
    {"name": "quarantine", "description": "what could not become readings; for operators"},
    {"name": "service", "description": "what watches the service itself"},
]


def create_app(database: Database, settings: ApiSettings, open_data: OpenDataSettings) -> FastAPI:
    """Make the application over an open database; it answers problems while the database is away."""
    app = FastAPI(
        title="Bypuls",
        version=__version__,
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        # The redirect would lead to whatever host the request named.
        redirect_slashes=False,
        # The framework could export traces where the environment says so; what we tell is at /metrics.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.database = database
    app.state.settings = settings
    app.state.open_data = open_data
    app.state.metrics = Metrics()
    app.state.places = Places()
    app.state.turns = Turns()
    app.state.live = Live(database, app.state.metrics.tell_listeners)
    app.state.summaries = Summaries(app.state.live)
    documented = problems.documented(414, 422, 500, 503, 504)
    for noun in (
        summary,
        latest,
        readings,
        series,
        usual,
        live,
        air_quality,
        exceedances,
        streams,
        nodes,
        quantities,
        dcat,
        quarantine,
    ):
        app.include_router(noun.router, dependencies=[Depends(check_query)], responses=documented)
    app.include_router(health.router)
    page.install(app)
    docs.install(app)
    problems.install(app)
    app.openapi = partial(docs.openapi, app)  # type: ignore[method-assign]
    # The last one added is the outermost.
    app.add_middleware(PublicMiddleware, private=f"{ROOT}/quarantine")
    app.add_middleware(HeadersMiddleware)
    app.add_middleware(MetricsMiddleware, metrics=app.state.metrics)
    app.add_middleware(HeadMiddleware)
    return app

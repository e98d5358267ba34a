"""The documentation page, served whole from here: no request leaves the machine."""

from itertools import chain
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from api import problems

_ASSETS = "/docs/assets"
_POLICY = "default-src 'self' 'unsafe-inline'; img-src 'self' data:"


def install(app: FastAPI) -> None:
    """Serve Swagger UI at /docs from the wheel's files."""
    app.mount(_ASSETS, StaticFiles(packages=[("fastapi_swagger", "resources")]), name="docs-assets")

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=f"{app.title} - documentation",
            swagger_js_url=f"{root}{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_ASSETS}/favicon-32x32.png",
            swagger_ui_parameters={
                "validatorUrl": None,  # else the page sends the schema's address to swagger.io
                "tryItOutEnabled": True,
                "defaultModelsExpandDepth": 0,
                "displayRequestDuration": True,
            },
        )
        page.headers["Content-Security-Policy"] = _POLICY
        return page


def openapi(app: FastAPI) -> dict[str, Any]:
    """Return the description of the API, made once: what the routes tell, and the schema of problems."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        schema["components"]["schemas"]["Problem"] = problems.SCHEMA
        for operation in chain.from_iterable(path.values() for path in schema["paths"].values()):
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _without_null(parameter["schema"])
        app.openapi_schema = schema
    return app.openapi_schema


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter that may be left out: null is no value that a query can hold."""
    kinds: list[dict[str, Any]] = schema.get("anyOf", [])
    if {"type": "null"} not in kinds:
        return schema
    [kind] = [kind for kind in kinds if kind != {"type": "null"}]
    return {name: value for name, value in schema.items() if name != "anyOf"} | kind

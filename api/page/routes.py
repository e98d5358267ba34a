"""The addresses of the page: the town now, its open data, and the files of both."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from api.page import assets
from api.page.language import Language
from api.page.pages import Appearance, Pages
from api.store import Store

Chosen = Annotated[Language | None, Query()]
Look = Annotated[Appearance | None, Query()]


def install(app: FastAPI) -> None:
    """Serve the page at /, and the list of open data at /open-data, which is /aapne-data too."""
    pages = Pages(app)

    @app.get("/", include_in_schema=False)
    def show_town(
        request: Request,
        store: Store,
        language: Chosen = None,
        appearance: Look = None,
        anew: bool = False,
    ) -> Response:
        # The page's script asks `anew`, and for what is now, in the language that it is in: nobody chose it.
        return pages.answer(request, store, language, appearance, pages.town, anew=anew, remember=not anew)

    @app.get("/now", include_in_schema=False)
    def show_now(request: Request, store: Store, language: Chosen = None) -> Response:
        return pages.answer(request, store, language, None, pages.now, remember=False)

    @app.get("/aapne-data", include_in_schema=False)
    @app.get("/open-data", include_in_schema=False)
    def show_open_data(
        request: Request, store: Store, language: Chosen = None, appearance: Look = None
    ) -> Response:
        return pages.answer(request, store, language, appearance, pages.open_data)

    @app.get(f"{assets.PREFIX}/{{version}}/{{name:path}}", include_in_schema=False)
    async def show_file(request: Request, version: str, name: str) -> Response:
        return pages.assets.answer(request, version, name)

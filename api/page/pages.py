"""The pages as HTML: what is known of the town, put into the templates."""

import json
from collections.abc import Callable
from dataclasses import astuple
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.kept import Kept
from api.page import figures, sentence, town
from api.page.assets import Assets
from api.page.html import Html
from api.page.language import COOKIE, Language, choose
from api.page.policy import content_policy
from api.page.words import WORDS, Words
from api.problems import RETRY_AFTER
from api.routes import ROOT
from api.store import Store
from api.summaries import Moment
from bypuls.errors import StoreError, StoreUnavailable
from bypuls.instants import to_datetime
from bypuls.licences import LICENCES
from bypuls.quantities import QUANTITIES
from bypuls.store.catalog import OpenStream


class Appearance(StrEnum):
    """How bright the page is."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


Contents = tuple[str, dict[str, Any]]
"""A template's name, and what fills it."""

WAYS = (
    ("way_latest", f"{ROOT}/latest?open=true"),
    ("way_geojson", f"{ROOT}/latest?open=true&format=geojson"),
    ("way_readings", f"{ROOT}/readings?stream=air-01/no2&format=csv"),
    ("way_series", f"{ROOT}/series?quantity=no2&open=true&every=1h&format=csv"),
    ("way_live", f"{ROOT}/live"),
    ("way_summary", f"{ROOT}/summary"),
    ("way_dcat", f"{ROOT}/dcat"),
)
"""What the page of open data tells of the API."""

LEAST_QUIET = 20.0
"""Seconds without any commit before the page calls itself stale; more where all is measured seldom."""

_USUAL_INTERVAL = 300.0
LOOK = "appearance"
"""The cookie that remembers it."""

_HERE = Path(__file__).parent
_YEAR = 365 * 86_400

log = structlog.get_logger()


class Pages:
    """What all answers share: the templates, the files, and the settings of the town."""

    def __init__(self, app: FastAPI) -> None:
        self.assets = Assets(_HERE)
        self._settings = app.state.settings
        self._licence = LICENCES[app.state.open_data.licence]
        self._policy = content_policy(self._settings.tile_url)
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,  # as the files beside them, they are those of the start
        )
        self._kept = Kept[Html]()

    def answer(
        self,
        request: Request,
        store: Store,
        language: Language | None,
        appearance: Appearance | None,
        contents: Callable[[Words, str, Moment], Contents],
        *,
        anew: bool = False,
        remember: bool = True,
    ) -> Response:
        """Give a page, some seconds old at most, or made `anew`; without the database, one that says so.

        With `remember`, language and appearance hold for the next pages too, if they were chosen.
        """
        words = WORDS[choose(request, language)]
        look = appearance or _remembered(request)
        root = request.scope.get("root_path", "")
        headers = {"Content-Language": words.language.value, "Content-Security-Policy": self._policy}
        status = 200
        try:
            moment: Moment = request.app.state.summaries.now(store, anew=anew)
            html = self._kept.get(
                (request.url.path, words.language, look, root),
                lambda: Html(self._render(words, look, root, *contents(words, root, moment))),
                of=moment.summary.time,
            )
        except StoreError as error:
            if not isinstance(error, StoreUnavailable):
                log.error("page failed", path=request.url.path, error=str(error), exc_info=error)
            headers["Retry-After"], status = str(RETRY_AFTER), 503
            html = Html(self._render(words, look, root, "away.html", {"seconds": RETRY_AFTER}))
        answer = html.answer(request, headers, status)
        for cookie, given in ((COOKIE, language), (LOOK, appearance)):
            if remember and given is not None:
                answer.set_cookie(cookie, given.value, max_age=_YEAR, path=root or "/", samesite="lax")
        return answer

    def _render(
        self, words: Words, appearance: Appearance, root: str, name: str, filled: dict[str, Any]
    ) -> str:
        return self._templates.get_template(name).render(
            filled,
            words=words,
            root=root,
            asset=lambda file: root + self.assets.url(file),
            modules=self.assets.modules,
            settings=self._settings,
            licence=self._licence,
            appearance=appearance,
        )

    def now(self, words: Words, _root: str, moment: Moment) -> Contents:
        """Return the contents of what the front page says now: the sentence, and the states of nodes."""
        summary, listed = moment.summary, town.listed(moment.streams)
        clauses = sentence.told(words, summary)
        states = {
            node: astuple(state) for node, state in sentence.states(words, summary).items() if node in listed
        }
        return "now.html", {
            "summary": summary,
            "clauses": clauses,
            "size": sentence.size(clauses),
            "clock": figures.clock(to_datetime(summary.time)),
            "states": _data(states),
        }

    def town(self, words: Words, root: str, moment: Moment) -> Contents:
        """Return the contents of the front page."""
        _, contents = self.now(words, root, moment)
        states = sentence.states(words, moment.summary)
        now = to_datetime(moment.summary.time)
        shown = [theme for theme in town.themes(words, moment.streams, states, now) if theme.entries]
        shortest = min(
            (each.expected_interval or _USUAL_INTERVAL for each in moment.streams), default=_USUAL_INTERVAL
        )
        data = {
            "language": words.language,
            "root": root,
            "words": words.all,
            "decimals": figures.DECIMALS,
            "otherDecimals": figures.OTHER_DECIMALS,
            "units": figures.UNITS,
            "quantities": {
                key: {"label": words.pick(each), "kind": each.kind.value} for key, each in QUANTITIES.items()
            },
            "after": moment.after,
            "quietAfter": max(LEAST_QUIET, 3 * shortest + 10),
            "licence": {"name": words.pick(self._licence), "url": self._licence.url},
            "charts": root + self.assets.url("vendor/uplot/uPlot.iife.min.js"),
            "outlines": root + self.assets.url("outlines/municipalities.json"),
            "tiles": {"url": self._settings.tile_url, "credit": self._settings.tile_credit},
        }
        listed = sorted(shown, key=lambda theme: theme.urgency)
        return "town.html", {**contents, "shown": shown, "listed": listed, "data": _data(data)}

    def open_data(self, words: Words, _root: str, moment: Moment) -> Contents:
        """Return the contents of the page of open data."""
        return "open_data.html", {
            "streams": [_listed(words, stream) for stream in moment.streams],
            "nodes": len({stream.node for stream in moment.streams}),
            "ways": WAYS,
        }


def _data(value: object) -> str:
    """Return JSON that can stand inside a script element: no name in it can end that element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _listed(words: Words, stream: OpenStream) -> dict[str, Any]:
    return {
        "stream": stream.stream,
        "place": stream.place or stream.node,
        "owner": stream.owner,
        "label": town.label(words, stream.channel, stream.quantity),
        "unit": figures.unit(stream.unit),
        "interval": figures.interval(words, stream.expected_interval),
    }


def _remembered(request: Request) -> Appearance:
    remembered = request.cookies.get(LOOK)
    return Appearance(remembered) if remembered in list(Appearance) else Appearance.SYSTEM

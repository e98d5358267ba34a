"""Problems (RFC 9457): the one table from an error to what the client is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.json import Json
from bypuls.errors import QueryTooSlow, StoreError, StoreUnavailable
from bypuls.series.refusals import Refused, TooMuch

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5
"""Seconds after which a client may try again when the database is away or all exports are taken."""

_SHOWN = 200
"""Characters shown of a wrong value."""

log = structlog.get_logger()


class BadParameter(Exception):
    """A parameter can't be used; the message says why, and what would do."""

    def __init__(self, name: str, value: object, detail: str) -> None:
        super().__init__(detail)
        self.name = name
        self.value = value


class NotFound(Exception):
    """What the client named isn't there; the message says what, and where to look."""


class NotAnOperator(Exception):
    """The operator's token is missing or wrong."""


class NotReplayable(Exception):
    """An entry's payload is not kept whole."""


class TooManyExports(Exception):
    """As many streams of rows are running as can at once."""


class TooBusy(Exception):
    """As many series are being made as can be at once, and none became ready in time."""


class TooManyListeners(Exception):
    """As many listen to live readings as can at once."""


class QueryTooLong(Exception):
    """The query string is longer than any sensible one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem; `detail` None gives the error's own words, which only errors of the API's may."""

    status: int
    name: str
    title: str
    detail: str | None = None
    headers: Mapping[str, str] | None = None


_DEFECT = Kind(
    500,
    "defect",
    "The platform has a defect",
    "The request failed for a reason that is in the platform's log.",
)
KINDS: dict[type[Exception], Kind] = {
    BadParameter: Kind(422, "bad-parameter", "A parameter can't be used"),
    Refused: Kind(422, "bad-parameter", "A parameter can't be used"),
    RequestValidationError: Kind(422, "bad-parameter", "A parameter can't be used"),
    NotFound: Kind(404, "not-found", "There is no such thing"),
    NotAnOperator: Kind(
        401, "operator-only", "Only operators may do this", None, {"WWW-Authenticate": "Bearer"}
    ),
    NotReplayable: Kind(409, "not-replayable", "The entry can't be replayed"),
    TooMuch: Kind(413, "too-much", "The answer would be too large"),
    QueryTooLong: Kind(414, "query-too-long", "The query is too long"),
    QueryTooSlow: Kind(
        504,
        "query-too-slow",
        "The query took too long",
        "The database did not answer in time. Ask for a shorter time range or a smaller limit.",
    ),
    TooManyExports: Kind(
        503, "too-many-exports", "Too many exports are running", None, {"Retry-After": str(RETRY_AFTER)}
    ),
    TooBusy: Kind(503, "too-busy", "Too many series are being made", None, {"Retry-After": str(RETRY_AFTER)}),
    TooManyListeners: Kind(
        503, "too-many-listeners", "Too many listen", None, {"Retry-After": str(RETRY_AFTER)}
    ),
    StoreUnavailable: Kind(
        503,
        "store-unavailable",
        "The database is away",
        f"The database can't be reached or is not ready. Try again in {RETRY_AFTER} s.",
        {"Retry-After": str(RETRY_AFTER)},
    ),
    StoreError: _DEFECT,
    Exception: _DEFECT,
}


def install(app: FastAPI) -> None:
    """Make the app answer every error with a problem."""
    for error in KINDS:
        if error is not Exception:
            app.add_exception_handler(error, _answer)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_middleware(_DefectMiddleware)


class _DefectMiddleware:
    """Answers what nobody expected; the framework would do that outside of all other middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; an error after the answer began cuts it off, so that the client notices."""
        began = False

        async def watch(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if began:
                # The framework wraps errors that it has a handler for, and can't use any more.
                cause = error.__cause__ if isinstance(error.__cause__, StoreError) else error
                log.error("answer cut off", path=scope["path"], error=str(cause), exc_info=_trace(cause))
            if began or scope["type"] != "http":
                raise
            await _answer(Request(scope), error)(scope, receive, send)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI is told of these problems."""
    titles = {kind.status: kind.title for kind in KINDS.values()}
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": titles[status], "content": content} for status in statuses}


SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "example": {
        "type": "urn:bypuls:problem:bad-parameter",
        "title": "A parameter can't be used",
        "status": 422,
        "detail": "limit is '0': input should be greater than or equal to 1",
        "errors": [
            {"parameter": "limit", "value": "0", "detail": "input should be greater than or equal to 1"}
        ],
    },
    "properties": {
        "type": {"type": "string", "description": "urn:bypuls:problem: and the kind, or about:blank"},
        "title": {"type": "string", "description": "the kind in words"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong here, and what to do next"},
        "errors": {
            "type": "array",
            "description": "the parameters that can't be used",
            "items": {
                "type": "object",
                "required": ["parameter", "value", "detail"],
                "properties": {
                    "parameter": {"type": "string"},
                    "value": {"type": ["string", "null"], "description": "null where it is missing"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


def _answer(request: Request, error: Exception) -> Json:
    kind = next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)
    detail, extra = kind.detail or str(error), {}
    if isinstance(error, BadParameter):
        extra["errors"] = [_wrong(error.name, error.value, str(error))]
    elif isinstance(error, Refused):
        extra["errors"] = [_wrong(error.parameter, error.value, str(error))]
    elif isinstance(error, RequestValidationError):
        extra["errors"] = [_from_validation(request, each) for each in error.errors()]
    if "errors" in extra:
        detail = "; ".join(_sentence(each) for each in extra["errors"])
    if kind.status >= 500:
        tell = log.info if isinstance(error, TooManyExports | TooBusy | TooManyListeners) else log.error
        tell(
            "request failed",
            path=request.url.path,
            status=kind.status,
            error=str(error),
            exc_info=_trace(error),
        )
    return _problem(kind.status, f"urn:bypuls:problem:{kind.name}", kind.title, detail, extra, kind.headers)


def _answer_http(request: Request, error: Exception) -> Json:
    """Answer what the framework refuses: an unknown path, a method that isn't allowed, a body too large."""
    assert isinstance(error, HTTPException)
    status, path = HTTPStatus(error.status_code), request.url.path[:_SHOWN]
    detail = {
        404: f"There is nothing at {path}; see /docs.",
        405: f"{path} does not take {request.method[:_SHOWN]}; see /docs.",
    }.get(status, status.description or status.phrase)
    return _problem(status, "about:blank", status.phrase, detail, {}, error.headers)


def not_http() -> Json:
    """Return what is told to a client whose request can't be read at all."""
    return _problem(
        400,
        "about:blank",
        "Bad Request",
        "This is no HTTP/1.1 request. In a URL only ASCII characters can stand; percent-encode all others "
        "(UTF-8), such as ø as %C3%B8 and a space as %20.",
        {},
        None,
    )


def _problem(
    status: int, kind: str, title: str, detail: str, extra: dict[str, Any], headers: Mapping[str, str] | None
) -> Json:
    body = {"type": kind, "title": title, "status": int(status), "detail": detail, **extra}
    return Json(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _from_validation(request: Request, error: dict[str, Any]) -> dict[str, str | None]:
    # A place in a list comes after the name.
    name = next(str(part) for part in reversed(error["loc"]) if isinstance(part, str))
    if error["type"] == "missing":
        return _wrong(name, None, "it is required")
    if error["type"] == "extra_forbidden":
        return _wrong(name, error["input"], _unknown(request, name))
    if error["type"] == "value_error":
        return _wrong(name, error["input"], str(error["ctx"]["error"]))
    return _wrong(name, error["input"], error["msg"][:1].lower() + error["msg"][1:])


def _unknown(request: Request, name: str) -> str:
    known = known_parameters(request)
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"there is no such parameter here{hint} ({', '.join(known) or 'none'} can be given)"


def known_parameters(request: Request) -> list[str]:
    """Return the names of the query parameters of the route that was called."""
    return [each["name"] for each in _described(request)]


def list_parameters(request: Request) -> list[str]:
    """Return the names of those of them that can be given more than once."""
    return [each["name"] for each in _described(request) if each["schema"].get("type") == "array"]


def _described(request: Request) -> list[dict[str, Any]]:
    operation = request.app.openapi()["paths"][request.scope["route"].path][request.method.lower()]
    return [each for each in operation.get("parameters", []) if each["in"] == "query"]


def _wrong(name: str, value: object, detail: str) -> dict[str, str | None]:
    text = None if value is None else str(value)
    if text is not None and len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}…"
    return {"parameter": name, "value": text, "detail": detail}


def _sentence(wrong: dict[str, str | None]) -> str:
    value = "" if wrong["value"] is None else f" is '{wrong['value']}'"
    return f"{wrong['parameter']}{value}: {wrong['detail']}"


def _trace(error: BaseException) -> BaseException | None:
    """Give the stack where it tells something: not for a database that is away or slow, or for a limit."""
    limits = StoreUnavailable | QueryTooSlow | TooManyExports | TooBusy | TooManyListeners
    return None if isinstance(error, limits) else error

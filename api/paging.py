"""Lists in pages: one entry more than asked for tells whether there is another page."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from fastapi import Request

from api import cursors
from api.cursors import Part
from api.json import Json
from api.parameters import Paged
from api.problems import BadParameter

T = TypeVar("T")


class Page:
    """One page of a list: `start` is the position after which it begins, `wanted` how many to look for."""

    def __init__(self, request: Request, parameters: Paged, first: Sequence[Part]) -> None:
        """`first` is the position of the first page. Raises BadParameter for a cursor of another query."""
        filters = parameters.model_dump(exclude={"limit", "cursor", "format"}, exclude_none=True)
        self._request = request
        self._limit = parameters.limit
        self._query = [request.url.path, filters]
        self.start = position(self._query, parameters.cursor, first)
        self.wanted = parameters.limit + 1

    def answer(
        self,
        name: str,
        found: Sequence[T],
        key: Callable[[T], Sequence[Part]],
        form: Callable[[T], object] | None = None,
        *,
        media_type: str | None = None,
        **more: object,
    ) -> Json:
        """Return the page as JSON with its entries under `name`, and the cursor and link of the next one.

        `found` has up to `wanted` entries; `key` tells an entry's position, `form` how it is written.
        """
        entries, cursor = found[: self._limit], None
        if len(found) == self.wanted:
            cursor = cursors.write(self._query, key(entries[-1]))
        written = entries if form is None else [form(entry) for entry in entries]
        body = more | {name: written, "next": cursor}
        return Json(body, headers=link(self._request, cursor), media_type=media_type)


def position(query: object, cursor: str | None, first: Sequence[Part]) -> list[Any]:
    """Return the position that a cursor holds, or `first`, which also shows the kinds of its parts.

    Raises BadParameter for a cursor of another query.
    """
    if cursor is None:
        return list(first)
    try:
        return cursors.read(query, cursor, [type(part) for part in first])
    except ValueError as error:
        raise BadParameter("cursor", cursor, str(error)) from error


def link(request: Request, cursor: str | None) -> dict[str, str]:
    """Return the header that leads to the next page (RFC 8288), on this host; none at the end."""
    if cursor is None:
        return {}
    others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return {"Link": f'<{request.url.path}?{urlencode([*others, ("cursor", cursor)])}>; rel="next"'}

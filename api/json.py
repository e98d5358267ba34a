"""JSON answers, written by orjson: dataclasses as they are, times in one form of fixed width."""

from base64 import b64encode
from datetime import datetime
from typing import Any

import orjson
from fastapi import Response

from api import times

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SERIALIZE_NUMPY


class Json(Response):
    """An answer in JSON; bytes become base64."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the content as JSON."""
        return dump(content)


def dump(content: object) -> bytes:
    """Write JSON on one line."""
    return orjson.dumps(content, default=_other, option=_OPTIONS)


def _other(value: object) -> str:
    if isinstance(value, datetime):
        return times.write_datetime(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no JSON form")

"""Cursors: where a page ended, as an opaque text that only fits the query it came from.

They hold no secret and grant nothing; the checksum is there to tell a mistake from a position.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b

import orjson

Part = str | int

_CHECKSUM = 8
_LONGEST = 2_000


def write(query: object, position: Sequence[Part]) -> str:
    """Return the cursor of a position in the answer to a query; `query` is what decides about the answer."""
    body = orjson.dumps(position)
    return urlsafe_b64encode(_checksum(query, body) + body).rstrip(b"=").decode()


def read(query: object, cursor: str, kinds: Sequence[type[Part]]) -> list[Part]:
    """Return the position that a cursor holds.

    Raises ValueError unless it was written for this query and holds parts of these kinds.
    """
    refusal = ValueError(
        "it is no cursor of this query; take it unchanged from next, and leave the filters as they were"
    )
    if len(cursor) > _LONGEST:
        raise refusal
    try:
        raw = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        checksum, body = raw[:_CHECKSUM], raw[_CHECKSUM:]
        if checksum != _checksum(query, body):
            raise refusal
        position = orjson.loads(body)
    except ValueError:
        raise refusal from None
    if not isinstance(position, list) or [type(part) for part in position] != list(kinds):
        raise refusal
    return position


def _checksum(query: object, body: bytes) -> bytes:
    return blake2b(orjson.dumps(query) + b"\0" + body, digest_size=_CHECKSUM).digest()

"""Named queries, kept in .sql files beside this module.

A file holds blocks that start with `-- name: some_query`; the comment after it describes the query.
"""

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def load(file: str) -> dict[str, bytes]:
    """Return the queries of one file by name; raises FileNotFoundError for an unknown file."""
    text = resources.files(__name__).joinpath(f"{file}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    return {name: body.strip().encode() for name, body in zip(parts[::2], parts[1::2], strict=True)}

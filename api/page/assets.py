"""The page's own files: read once, packed once, and kept by browsers for as long as they are the same."""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fastapi import Request, Response

from api.page.html import takes_gzip
from api.problems import NotFound

FOLDERS = ("static", "vendor", "outlines")
PREFIX = "/assets"

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_PACKED_ALREADY = {".woff2"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file; `packed` is it by gzip, None where that gains nothing."""

    body: bytes
    packed: bytes | None
    media_type: str
    tag: str


class Assets:
    """All files below the folders of the page, by their path, such as `static/page.js`.

    Their addresses hold a digest of them all, so that modules find each other by relative names, and none of
    them is ever mixed with those of another version.
    """

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, Asset] = {}
        whole = sha256()
        for path in sorted(each for name in FOLDERS for each in (folder / name).rglob("*")):
            if path.suffix in _TYPES:
                name, body = str(path.relative_to(folder)), path.read_bytes()
                digest = sha256(body).hexdigest()
                packed = None if path.suffix in _PACKED_ALREADY else gzip.compress(body, 9, mtime=0)
                self._files[name] = Asset(body, packed, _TYPES[path.suffix], digest[:20])
                whole.update(f"{name} {digest}\n".encode())
        self.version = whole.hexdigest()[:12]
        self.modules = [name for name in self._files if name.startswith("static/") and name.endswith(".js")]
        """The page's own scripts, all of which it needs."""

    def url(self, name: str) -> str:
        """Return the path of a file, without the root path; raises KeyError where there is no such file."""
        if name not in self._files:
            raise KeyError(name)
        return f"{PREFIX}/{self.version}/{name}"

    def answer(self, request: Request, version: str, name: str) -> Response:
        """Give a file, for ever where it is of this version; raises NotFound."""
        asset = self._files.get(name)
        if asset is None:
            raise NotFound(f"The page has no file '{name[:200]}'.")
        for_ever = version == self.version
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if for_ever else "no-cache",
            "Vary": "Accept-Encoding",
        }
        body = asset.body
        tag = asset.tag
        if asset.packed is not None and takes_gzip(request):
            body, tag = asset.packed, f"{tag}-gz"
            headers["Content-Encoding"] = "gzip"
        headers["ETag"] = f'"{tag}"'
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            headers.pop("Content-Encoding", None)
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=asset.media_type, headers=headers)

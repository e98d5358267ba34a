"""A page as it is sent: packed once, for all whose browser takes that."""

import gzip

from fastapi import Request, Response


class Html:
    """A rendered page."""

    def __init__(self, text: str) -> None:
        self._plain = text.encode()
        self._packed = gzip.compress(self._plain, 6, mtime=0)

    def answer(self, request: Request, headers: dict[str, str], status: int) -> Response:
        """Return it as an answer with these headers."""
        headers = {"Vary": "Accept-Encoding, Accept-Language, Cookie", "Cache-Control": "no-cache", **headers}
        body = self._plain
        if takes_gzip(request):
            body, headers["Content-Encoding"] = self._packed, "gzip"
        return Response(body, status, headers, "text/html; charset=utf-8")


def takes_gzip(request: Request) -> bool:
    """Tell whether the client takes what is packed by gzip."""
    for part in request.headers.get("accept-encoding", "").split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip().lower() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False

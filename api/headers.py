"""Headers of every answer, and who may read answers from another site's page."""

from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # What a route says for itself stands: the documentation needs its own scripts.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class HeadersMiddleware:
    """Adds what keeps browsers from guessing, framing and caching, unless the answer says otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add to the headers of the answer."""

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, add)


class PublicMiddleware:
    """Lets pages of any site read the public data, and none of them the paths below `private`."""

    def __init__(self, app: ASGIApp, private: str) -> None:
        self._app = app
        self._private = private
        self._open = CORSMiddleware(
            app, allow_origins=["*"], allow_methods=["GET"], expose_headers=["Link", "Content-Disposition"]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, through CORS where the path is public."""
        private = scope["type"] == "http" and scope["path"].startswith(self._private)
        await (self._app if private else self._open)(scope, receive, send)

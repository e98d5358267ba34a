"""Live readings as server-sent events."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field
from starlette.types import Receive, Scope, Send

from api.events import MEDIA_TYPE
from api.listener import Listener, Wanted
from api.live import Live
from api.parameters import BoundingBox, Parameters, QuantityKey
from api.routes import ROOT

router = APIRouter(prefix=ROOT, tags=["readings"])

SEND_WITHIN = 30.0
"""Seconds that a connection gets to take what is handed to it."""

EventName = Annotated[str, Field(max_length=100)]


class LiveParameters(Parameters):
    """Which readings; every filter given must match."""

    quantity: QuantityKey | None = None
    """only of this quantity"""
    bbox: BoundingBox | None = None
    """`west,south,east,north` in degrees (WGS 84), such as `10.9,59.9,11.3,60.1`"""
    after: EventName | None = None
    """id of the last event known; the header Last-Event-ID, which browsers send, goes before it"""


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events until one side ends it",
        "content": {
            MEDIA_TYPE: {
                "schema": {"type": "string"},
                "example": 'id: 9f86d081-17\nevent: readings\ndata: {"readings":[{"stream":"air-01/no2",'
                '"quantity":"no2","unit":"ug/m3","time":"2026-11-23T18:00:00.000000Z","value":21.5,'
                '"flags":0}]}\n\n',
            }
        },
    }
}


class Events(Response):
    """The events of one listener, for as long as it takes them."""

    media_type = MEDIA_TYPE

    def __init__(self, live: Live, listener: Listener, within: float = SEND_WITHIN) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})  # a proxy would gather them
        del self.headers["content-length"]
        self._live, self._listener, self._within = live, listener, within

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client has gone, takes nothing any more, or there are none to come."""
        watch = asyncio.create_task(self._watch(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while events := await self._listener.take():
                async with asyncio.timeout(self._within):
                    await send({"type": "http.response.body", "body": events, "more_body": True})
            async with asyncio.timeout(self._within):
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            self._live.give_up(self._listener)  # the server closes what ends in the middle
        finally:
            self._live.leave(self._listener)
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listener.end()


@router.get("/live", response_class=Response, responses=_ANSWERS, summary="Live readings, as events")
async def get_live(
    request: Request,
    parameters: Annotated[LiveParameters, Query()],
    last_event_id: Annotated[EventName | None, Header(description="id of the last event known")] = None,
) -> Response:
    """Push the newest committed reading of each open stream that gets a newer one, once a second at most.

    Readings that come late, older than what a stream has shown or than a day, aren't pushed. Events: `hello`;
    `readings`; `heartbeat` every 10 s, with the time of the last commit and whether the database can be
    reached; `reset`, where it isn't known what was missed: load /latest anew; and `dropped`, the last one to
    a client that takes too little. To go on after an event give its id.
    """
    live: Live = request.app.state.live
    wanted = Wanted(parameters.quantity, parameters.bbox)
    return Events(live, await live.join(wanted, last_event_id or parameters.after))

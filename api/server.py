"""Serving the application: one process, one listening socket, a clean end."""

import resource
import signal
import socket
import threading

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api import problems
from api.app import create_app
from api.headers import ALWAYS
from api.live import Live
from bypuls.errors import SettingsError
from bypuls.logs import configure
from bypuls.settings import ApiSettings, DatabaseSettings, OpenDataSettings
from bypuls.store.database import Database

PATIENCE = 30.0
"""Seconds that an answer waits for a reader that stands still, which may hold a place that others need."""

_FILES = 65_536

_GRACE = 5
"""Seconds that running answers get to end when the service stops."""


def run(database: DatabaseSettings, api: ApiSettings, open_data: OpenDataSettings) -> None:
    """Serve until SIGTERM or SIGINT, then end what runs and return.

    The database may come later: until then /readyz and the data answer 503. Raises SettingsError when the
    address can't be listened on.
    """
    configure()
    pool = Database(
        database.url.get_secret_value(),
        name="bypuls api",
        connections=database.connections,
        statement_timeout=database.statement_timeout,
    )
    _allow_files()
    app = create_app(pool, api, open_data)
    with _listen(api.host, api.port) as listening, pool:
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=_Protocol,
            lifespan="off",
            log_config=None,
            log_level="critical",  # failed requests are logged by the application, once
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        if threading.current_thread() is threading.main_thread():
            # The server ends on these by itself, but then raises them again, which would end the process.
            signal.signal(signal.SIGTERM, _ended)
            signal.signal(signal.SIGINT, _ended)
        _Server(config, app.state.live).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends the streams of live readings first: by themselves they never end."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End all streams, then wait for what else runs."""
        self._live.close()
        await super().shutdown(sockets)


class _Protocol(HttpToolsProtocol):
    """Answers what is no HTTP with a problem: such requests never reach the application."""

    def send_400_response(self, msg: str) -> None:
        """Answer, and close the connection."""
        answer = problems.not_http()
        answer.headers.update({**ALWAYS, "Connection": "close"})
        fields = b"".join(b"%b: %b\r\n" % field for field in answer.raw_headers)
        self.transport.write(b"".join([b"HTTP/1.1 400 Bad Request\r\n", fields, b"\r\n", answer.body]))
        self.transport.close()


def _allow_files() -> None:
    """Allow this process as many open files as it may have: each listener has a connection."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if most == resource.RLIM_INFINITY else min(most, _FILES)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _listen(host: str, port: int) -> socket.socket:
    """Open the listening socket here, so that a taken port is one clear sentence.

    It names its protocol: without, asyncio leaves TCP_NODELAY off, and each answer with a body waits 40 ms.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _taken(host, port, error) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it: a reader that takes nothing for so long is cut off by the kernel.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(PATIENCE * 1000))
        listening.bind(address)
        listening.listen(2_048)
    except OSError as error:
        listening.close()
        raise _taken(host, port, error) from error
    return listening


def _taken(host: str, port: int, error: OSError) -> SettingsError:
    return SettingsError(
        f"the API can't listen on {host} port {port}: {error.strerror}; see BYPULS_API_HOST, BYPULS_API_PORT"
    )


def _ended(*_: object) -> None:
    """Do nothing: the server has heard the signal."""

"""The platform as a client of its HTTP API sees it: readings, series, and what is in quarantine."""

import base64
import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import numpy as np

from bypuls.errors import BypulsError
from bypuls.instants import to_datetime
from bypuls.readings import FlagArray, FloatArray, TimeArray

_TIMEOUT = 120.0
_PAGE = 500
_SHOWN = 4_096
_SUCH_AS = "give one such as http://127.0.0.1:8080"


class Platform:
    """A connection to the API at `url`, kept over many questions; a context manager.

    Its methods raise BypulsError when the API can't be reached, or refuses.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        try:
            parts = urlsplit(url)
            port, known = parts.port, parts.scheme in ("http", "https") and parts.hostname
        except ValueError as error:  # a port that is none, half an IPv6 address
            raise BypulsError(f"{url!r} is no address of the API ({error}); {_SUCH_AS}") from error
        if not known:
            raise BypulsError(f"{url!r} is no address of the API; {_SUCH_AS}")
        self._url, self._token, self._root = url, token, parts.path.rstrip("/")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(known, port, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def readings(self, stream: str, start: int, end: int) -> tuple[TimeArray, FloatArray, FlagArray]:
        """Return times, values and flags of a stream in [start, end); empty where there is no such stream."""
        import pyarrow as pa  # 40 MB that only a scorer needs

        asked = {"stream": stream, "start": _time(start), "end": _time(end), "format": "arrow"}
        body = self._get("/readings", asked)
        if body is None:
            return np.empty(0, np.int64), np.empty(0), np.empty(0, np.int16)
        table = pa.ipc.open_stream(body).read_all()
        time = table["time"].to_numpy().astype("datetime64[us]").astype(np.int64)
        return time, table["value"].to_numpy(), table["flags"].to_numpy()

    def series(self, stream: str, start: int, end: int, statistic: str) -> FloatArray:
        """Return a statistic of each hour in [start, end), NaN where there is none."""
        asked = {
            "stream": stream,
            "start": _time(start),
            "end": _time(end),
            "every": "1h",
            "agg": statistic,
        }
        body = self._get("/series", asked)
        if body is None:
            return np.empty(0)
        values = json.loads(body)["streams"][0]["values"][statistic]
        return np.array([np.nan if value is None else value for value in values], np.float64)

    def expected_intervals(self) -> dict[str, float | None]:
        """Return the seconds that are expected between the readings of each stream there is."""
        found: dict[str, float | None] = {}
        cursor = None
        while True:
            asked = {"limit": _PAGE} | ({"cursor": cursor} if cursor else {})
            page = self._page("/streams", asked)
            found |= {each["stream"]: each["expected_interval"] for each in page["streams"]}
            cursor = page["next"]
            if cursor is None:
                return found

    def quarantine(self) -> Iterator[dict[str, Any]]:
        """Give every entry, the newest first, with all of its payload that is kept (bytes)."""
        cursor = None
        while True:
            asked = {"limit": _PAGE} | ({"cursor": cursor} if cursor else {})
            page = self._page("/quarantine", asked)
            for shown in page["entries"]:
                cut = shown["payload_size"] > _SHOWN
                whole = self._get(f"/quarantine/{shown['quarantine_id']}", {}) if cut else None
                entry = shown if whole is None else json.loads(whole)
                yield entry | {"payload": base64.b64decode(entry["payload"])}
            cursor = page["next"]
            if cursor is None:
                return

    def _page(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what a list of the API gives, which every API has."""
        body = self._get(path, asked)
        try:
            page = None if body is None else json.loads(body)
        except ValueError:
            page = None
        if not isinstance(page, dict) or "next" not in page:
            raise BypulsError(f"{self._url} has no {path} of Bypuls's API: what answers there? {_SUCH_AS}")
        return page

    def _get(self, path: str, asked: dict[str, Any]) -> bytes | None:
        """Return what a path of the API gives; None where there is no such thing."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        target = f"{self._root}/api/v1{quote(path)}?{urlencode(asked)}"
        try:
            try:
                status, body = self._ask(target, headers)
            except (OSError, HTTPException):  # a connection that was kept may have been closed meanwhile
                self._connection.close()
                status, body = self._ask(target, headers)
        except (OSError, HTTPException, UnicodeError) as error:  # UnicodeError: a name that is no host's
            raise BypulsError(
                f"the API at {self._url} can't be reached ({error}); is it running? --api says where"
            ) from error
        if status == 404:
            return None
        if status == 401:
            raise BypulsError(f"the quarantine of {self._url} is closed; set BYPULS_API_OPERATOR_TOKEN")
        if status != 200:
            raise BypulsError(
                f"{self._url} answers {path} with {status}: {body[:300].decode(errors='replace')}"
            )
        return body

    def _ask(self, target: str, headers: dict[str, str]) -> tuple[int, bytes]:
        self._connection.request("GET", target, headers=headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def _time(time: int) -> str:
    return to_datetime(time).isoformat().replace("+00:00", "Z")

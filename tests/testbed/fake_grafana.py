"""A fake of Grafana's HTTP API: the documented endpoints that publishing uses, over a real socket.

It checks what the real one is documented to check (token, uids, versions of dashboards, folders that must
exist), keeps what it gets in memory, and adds fields of its own to what it gives back. Grafana itself can't
be installed where tests run.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_fake"


@dataclass
class FakeGrafana:
    """What the server has and what was written to it; `url` is where it answers."""

    url: str = ""
    version: str = "11.6.16"
    status: int = 200
    datasources: set[str] = field(default_factory=lambda: {"bypuls"})
    folders: dict[str, str] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    placed: dict[str, str] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return status and body for a request that carried the right token."""
        if self.status != 200:
            return self.status, {"message": "permissions needed"}
        if method != "GET":
            self.writes.append(f"{method} {path}")
        match method, path.split("/"):
            case "GET", ["health"]:
                return 200, {"commit": "fake", "database": "ok", "version": self.version}
            case "GET", ["datasources", "uid", uid]:
                return (200, {"uid": uid}) if uid in self.datasources else _missing("Data source")
            case "GET", ["folders", uid]:
                return (
                    (200, {"uid": uid, "title": self.folders[uid]})
                    if uid in self.folders
                    else _missing("folder")
                )
            case "POST", ["folders"]:
                if body["title"] in self.folders.values():
                    return 409, {
                        "message": "a folder with the same name already exists in the current location"
                    }
                self.folders[body["uid"]] = body["title"]
                return 200, body
            case "GET", ["dashboards", "uid", uid]:
                if uid not in self.dashboards:
                    return _missing("Dashboard")
                return 200, {"dashboard": self.dashboards[uid], "meta": {"folderUid": self.placed[uid]}}
            case "POST", ["dashboards", "db"]:
                return self._save(body)
            case "GET", ["v1", "provisioning", "alert-rules", uid]:
                return (200, self.rules[uid]) if uid in self.rules else _missing("rule")
            case "POST", ["v1", "provisioning", "alert-rules"]:
                if body["uid"] in self.rules:
                    return 409, {"message": "a conflicting alert rule is found"}
                return self._keep(body)
            case "PUT", ["v1", "provisioning", "alert-rules", uid]:
                return self._keep(body) if uid in self.rules else _missing("rule")
        return _missing(path)

    def _save(self, body: Any) -> tuple[int, Any]:
        made = body["dashboard"]
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        before = self.dashboards.get(made["uid"])
        if before is not None and not body.get("overwrite") and made.get("version") != before["version"]:
            return 412, {"message": "The dashboard has been changed by someone else"}
        number = len(self.dashboards) + 1 if before is None else before["id"]
        self.dashboards[made["uid"]] = made | {
            "id": number,
            "version": (before or {"version": 0})["version"] + 1,
        }
        self.placed[made["uid"]] = body["folderUid"]
        return 200, {
            "uid": made["uid"],
            "status": "success",
            "version": self.dashboards[made["uid"]]["version"],
        }

    def _keep(self, body: Any) -> tuple[int, Any]:
        if body["folderUID"] not in self.folders:
            return 400, {"message": "folder does not exist"}
        queries = [
            one | {"model": one["model"] | {"intervalMs": 1000, "maxDataPoints": 43200}}
            for one in body["data"]
        ]
        self.rules[body["uid"]] = body | {"data": queries, "id": len(self.rules) + 1, "provenance": "api"}
        return 201, self.rules[body["uid"]]


@contextmanager
def fake_grafana() -> Iterator[FakeGrafana]:
    """Give a fake Grafana that listens on 127.0.0.1 until the end of the block."""
    grafana = FakeGrafana()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, told = 401, {"message": "Invalid API key"}
            elif not self.path.startswith("/api/"):
                status, told = _missing(self.path)
            else:
                status, told = grafana.answer(self.command, self.path.removeprefix("/api/"), body)
            data = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _answer  # noqa: N815  # the base class calls them so

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    grafana.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield grafana
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _missing(what: str) -> tuple[int, Any]:
    return 404, {"message": f"{what} not found"}

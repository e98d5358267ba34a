"""The MicroPython agent as mip installs it."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from testbed.micropython import DEVICE, compile_device, run_micropython

FILES = sorted(str(path.relative_to(DEVICE)) for path in DEVICE.rglob("*.py"))


class Server(SimpleHTTPRequestHandler):
    """Serves the device's files; package.json with whole addresses, for Debian's mip knows no other."""

    def do_GET(self) -> None:
        """Answer a request."""
        if self.path != "/package.json":
            super().do_GET()
            return
        package = json.loads((DEVICE / "package.json").read_text())
        assert isinstance(self.server, ThreadingHTTPServer)
        where = f"http://127.0.0.1:{self.server.server_port}"
        package["urls"] = [[name, f"{where}/{source}"] for name, source in package["urls"]]
        body = json.dumps(package).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - so the base class names it
        """Say nothing."""


def test_the_package_names_every_file_of_the_device() -> None:
    package = json.loads((DEVICE / "package.json").read_text())
    assert package["urls"] == [[name, name] for name in FILES]
    assert package["version"] in (DEVICE / "node" / "status.py").read_text()


def test_mip_installs_the_device_whole(tmp_path: Path) -> None:
    handler = partial(Server, directory=str(DEVICE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = False  # or a connection may be open still when the test has ended
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/package.json"
        run_micropython(f"import mip\nmip.install({url!r}, target={str(tmp_path)!r})")
        server.shutdown()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.py")) == FILES
    assert all((tmp_path / name).read_bytes() == (DEVICE / name).read_bytes() for name in FILES)


def test_every_file_of_the_device_is_compiled_by_mpy_cross(tmp_path: Path) -> None:
    made = compile_device(tmp_path)
    assert len(list(made.rglob("*.mpy"))) > 20

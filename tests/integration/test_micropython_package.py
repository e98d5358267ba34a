"""The MicroPython agent as mip installs it."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from testbed.micropython import DEVICE, run_micropython

FILES = sorted(str(path.relative_to(DEVICE)) for path in DEVICE.rglob("*.py"))


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


def test_the_package_names_every_file_of_the_device() -> None:
    package = json.loads((DEVICE / "package.json").read_text())
    assert package["urls"] == [[name, name] for name in FILES]
    assert package["version"] in (DEVICE / "node" / "status.py").read_text()


def test_mip_installs_the_device_and_what_it_installs_can_be_imported(tmp_path: Path) -> None:
    handler = partial(Quiet, directory=str(DEVICE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/package.json"
        run_micropython(f"import mip\nmip.install({url!r}, target={str(tmp_path)!r})")
        server.shutdown()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.py")) == FILES
    assert all((tmp_path / name).read_bytes() == (DEVICE / name).read_bytes() for name in FILES)

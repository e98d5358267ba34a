"""A server in a Docker container, the way where root and debootstrap are not to be had."""

import shutil
import signal
import subprocess
import uuid
from pathlib import Path

from testbed.process import Process


def engine_answers() -> bool:
    """Return whether there is a Docker engine that this user may use."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


class Container(Process):
    """A container that is driven like a local program; its file system lasts from start to start.

    `port` is the same inside and on the host's loopback; `options` go to `docker create` before the image.
    """

    def __init__(self, image: str, command: list[str], port: int, log: Path, options: list[str]) -> None:
        self.name = f"bypuls-test-{uuid.uuid4().hex[:12]}"
        create = ["docker", "create", "--name", self.name, "--publish", f"127.0.0.1:{port}:{port}"]
        made = subprocess.run(
            [*create, *options, image, *command], capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            raise RuntimeError(f"docker create {image}: {made.stderr.strip()}")
        # The attached client passes signals on, so that the container ends with the tests whatever ends them.
        super().__init__(["setpriv", "--pdeathsig", "TERM", "docker", "start", "--attach", self.name], log)

    def send(self, number: signal.Signals) -> None:
        subprocess.run(
            ["docker", "kill", f"--signal={number.name}", self.name], capture_output=True, check=True
        )

    def pause(self) -> None:
        subprocess.run(["docker", "pause", self.name], capture_output=True, check=True)

    def resume(self) -> None:
        subprocess.run(["docker", "unpause", self.name], capture_output=True, check=False)

    def kill(self) -> None:
        if self.running:
            self.send(signal.SIGKILL)
            self.wait()

    def close(self) -> None:
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True, check=False)
        super().close()

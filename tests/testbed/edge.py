"""The Raspberry Pi agent as a process."""

import json
from pathlib import Path
from typing import Any

from testbed.program import Program

HEAD = """\
node = "{node}"
report = {report}
resend = {resend}
clock = "{clock}"
[broker]
host = "127.0.0.1"
port = {port}
[store]
folder = "{folder}/store"
megabytes = {megabytes}
"""

RAMP = """
[[sensor]]
kind = "simulated"
every = 0.05
outputs = ["no2", "rainfall"]
shape = "ramp"
journal = "{folder}/journal"
[[sensor.channel]]
channel = "no2"
window = 0
[[sensor.channel]]
channel = "rainfall"
window = 0.2
statistics = ["mean", "n"]
"""
"""Two channels, each sample and windows of 0.2 s, and a journal of what was made up."""


class Edge(Program):
    """`bypuls-edge run` from `with` to its end; `sensors` is the rest of its configuration.

    `clock` is what the configuration says of it: "system" believes the wall clock from the start, with
    "synchronised" the time comes from NTP or the platform. `moved`: its clocks go by what `move_clock` says.
    `{folder}` in `sensors` stands for the agent's own folder.
    """

    def __init__(
        self,
        port: int,
        node: str,
        sensors: str,
        *,
        report: float = 0.2,
        resend: float = 0.5,
        megabytes: float = 10.0,
        clock: str = "system",
        moved: bool = False,
    ) -> None:
        super().__init__("edge")
        self.config = self.folder / "edge.toml"
        values = {
            "node": node,
            "report": report,
            "resend": resend,
            "port": port,
            "megabytes": megabytes,
            "clock": clock,
        }
        text = HEAD + sensors
        for key, value in (values | {"folder": self.folder}).items():
            text = text.replace(f"{{{key}}}", str(value))
        self.config.write_text(text)
        self._moved = moved
        self._clock: dict[str, str | int | bool] = {}
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        self.move_clock(offset=0, synchronised=False, boot=boot, booted=0)

    def __exit__(self, *exception: object) -> None:
        if self.running:
            self.kill()
        super().__exit__(*exception)

    def start(self, **environment: str) -> None:
        """Start it; it is ready a little later."""
        module = ["testbed.moved_clock", str(self._clock_file)] if self._moved else ["edge.pi"]
        path = {"PYTHONPATH": str(Path(__file__).parents[1])}
        self._run([*module, "run", "--config", str(self.config)], path | environment)

    def move_clock(self, **clock: str | int | bool) -> None:
        """Change its clocks, see `moved_clock`, if it was made `moved`."""
        self._clock |= clock
        new = self._clock_file.with_suffix(".new")
        new.write_text(json.dumps(self._clock), encoding="ascii")
        new.replace(self._clock_file)

    @property
    def _clock_file(self) -> Path:
        return self.folder / "clock"

    def journal(self, name: str = "journal") -> list[dict[str, Any]]:
        """Return what the simulated sensor has noted, the line that is being written left out."""
        path = self.folder / name
        if not path.exists():
            return []
        return [
            json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")
        ]

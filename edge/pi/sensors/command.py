"""What a program prints: for sensors that come with a tool of their own."""

import json
import subprocess
from collections.abc import Mapping

from pydantic import Field

from bypuls.quantities import QUANTITIES
from edge.pi.errors import SensorError
from edge.pi.sensors.sensor import Driver, Options

_MOST = 65_536


class CommandOptions(Options):
    """What to run, and what it prints."""

    command: tuple[str, ...] = Field(
        min_length=1, description='program and arguments; no shell: ["vcgencmd", "…"]'
    )
    outputs: tuple[str, ...] = Field(
        min_length=1,
        description="what it prints: a number if there is one output, else a JSON object of numbers",
    )
    units: dict[str, str] = Field({}, description="units of outputs that are no quantities of the catalogue")
    timeout: float = Field(10.0, gt=0, le=3_600, description="it is killed after so many seconds")


class Command:
    """Runs the program once for each reading."""

    def __init__(self, options: CommandOptions) -> None:
        self._options = options

    def read(self) -> Mapping[str, float]:
        """Run the program, and return what it prints."""
        program = self._options.command[0]
        try:
            done = subprocess.run(
                self._options.command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._options.timeout,
                check=False,
            )
        except FileNotFoundError:
            raise SensorError(f"there is no program {program}") from None
        except subprocess.TimeoutExpired:
            raise SensorError(f"{program} took more than {self._options.timeout:g} s") from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()[-200:]
            raise SensorError(f"{program} ended with status {done.returncode}: {said}")
        return self._understood(done.stdout[:_MOST].decode(errors="replace"))

    def close(self) -> None:
        """Nothing is held."""

    def _understood(self, text: str) -> Mapping[str, float]:
        outputs = self._options.outputs
        try:
            printed = json.loads(text)
            numbers = {outputs[0]: printed} if not isinstance(printed, dict) else printed
            return {name: float(numbers[name]) for name in outputs if numbers.get(name) is not None}
        except (ValueError, TypeError):
            wanted = "a number" if len(outputs) == 1 else "a JSON object of numbers"
            raise SensorError(f"printed {text.strip()[:60]!r} in place of {wanted}") from None


def _outputs(options: CommandOptions) -> Mapping[str, str]:
    known = {name: QUANTITIES[name].unit for name in options.outputs if name in QUANTITIES}
    return {name: options.units.get(name) or known.get(name, "1") for name in options.outputs}


DRIVER = Driver("what a program prints", CommandOptions, _outputs, Command)

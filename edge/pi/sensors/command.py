"""What a program prints: for sensors that come with a tool of their own."""

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from bypuls.channels import MAX_UNIT
from bypuls.quantities import QUANTITIES
from edge.pi.errors import SensorError
from edge.pi.mistakes import UNIT
from edge.pi.sensors.sensor import Driver, Options

_MOST = 65_536
"""Bytes that a program may print."""


class CommandOptions(Options):
    """What to run, and what it prints."""

    command: tuple[str, ...] = Field(
        min_length=1, description='program and arguments; no shell: ["vcgencmd", "…"]'
    )
    outputs: tuple[str, ...] = Field(
        min_length=1,
        description="what it prints: a number if there is one output, else a JSON object of numbers",
    )
    units: dict[str, Annotated[str, Field(max_length=MAX_UNIT, pattern=UNIT)]] = Field(
        {}, description="units of outputs that are no quantities of the catalogue"
    )
    timeout: float = Field(10.0, gt=0, le=3_600, description="it is killed after so many seconds")

    @field_validator("units")
    @classmethod
    def _check_units(cls, units: dict[str, str], others: ValidationInfo) -> dict[str, str]:
        outputs = others.data.get("outputs", units)
        for name in units:
            if name not in outputs:
                raise ValueError(f"there is no output {name!r}, but {', '.join(outputs)}")
        return units


class Command:
    """Runs the program once for each reading."""

    def __init__(self, options: CommandOptions) -> None:
        self._options = options

    def read(self) -> Mapping[str, float]:
        """Run the program, and return what it prints."""
        program = self._options.command[0]
        try:
            process = subprocess.Popen(
                self._options.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # a group of its own, so that what it has started ends with it
            )
        except FileNotFoundError:
            raise SensorError(f"there is no program {program}") from None
        with process:
            try:
                printed, said = self._output(process)
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        if process.returncode != 0:
            raise SensorError(f"{program} ended with status {process.returncode}: {said.strip()[-200:]}")
        return self._understood(printed)

    def close(self) -> None:
        """Nothing is held."""

    def _output(self, process: "subprocess.Popen[bytes]") -> tuple[str, str]:
        """Return what the program prints until it ends, and what it says on stderr."""
        program = self._options.command[0]
        deadline = time.monotonic() + self._options.timeout
        assert process.stdout is not None
        assert process.stderr is not None
        read = {pipe.fileno(): bytearray() for pipe in (process.stdout, process.stderr)}
        with selectors.DefaultSelector() as selector:
            for pipe in read:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise SensorError(f"{program} took more than {self._options.timeout:g} s")
                for key, _ in selector.select(left):
                    part = os.read(key.fd, _MOST)
                    read[key.fd] += part
                    if not part:
                        selector.unregister(key.fd)
                    if len(read[key.fd]) > _MOST:
                        raise SensorError(f"{program} printed more than {_MOST} bytes")
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise SensorError(f"{program} took more than {self._options.timeout:g} s") from None
        printed, said = (bytes(each).decode(errors="replace") for each in read.values())
        return printed, said

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

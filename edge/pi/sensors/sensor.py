"""What a sensor is to the agent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict


class Sensor(Protocol):
    """An open sensor; it is read in a thread of its own and may take its time."""

    def read(self) -> Mapping[str, float]:
        """Measure, and return values by output; raises SensorError or OSError where that fails.

        A value that is not to be had just now is left out, or NaN.
        """

    def close(self) -> None:
        """Let go of the hardware."""


class Options(BaseModel):
    """The keys of a [[sensor]] table that a driver understands; the descriptions are what users read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


O = TypeVar("O", bound=Options)  # noqa: E741


@dataclass(frozen=True, slots=True)
class Driver(Generic[O]):
    """A kind of sensor.

    `outputs` gives what it measures with these options, and in which unit (SenML or UCUM); an output that is
    called like a quantity of the catalogue needs no further explanation. `open` raises SensorError or OSError
    where the sensor is not to be had; libraries are imported there, for configured sensors only.
    """

    summary: str
    options: type[O]
    outputs: Callable[[O], Mapping[str, str]]
    open: Callable[[O], Sensor]

"""A pulse counter on a GPIO pin: tipping-bucket rain gauges, water and electricity meters."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from bypuls.quantities import QUANTITIES, Kind
from edge.pi.errors import SensorError
from edge.pi.sensors.sensor import Driver, Options

if TYPE_CHECKING:
    from gpiod import LineRequest


class PulsesOptions(Options):
    """What is connected, and what a pulse of it means."""

    line: int = Field(
        ge=0, description="number of the GPIO line: on a Raspberry Pi the BCM number, such as 17"
    )
    chip: str = Field("/dev/gpiochip0", description="the GPIO chip; `gpiodetect` lists them")
    output: str = Field("rainfall", description="what is counted, a quantity of kind total or counter")
    per_pulse: float = Field(
        gt=0, description="what a pulse stands for, in the quantity's unit: 0.2 (mm) or 0.001 (m3)"
    )
    edge: Literal["falling", "rising"] = Field("falling", description="which edge of a pulse counts")
    bias: Literal["pull-up", "pull-down", "none"] = Field("pull-up", description="resistor of the pin")
    debounce: float = Field(0.01, ge=0, le=1, description="shorter pulses are noise of the contact, seconds")

    @field_validator("output")
    @classmethod
    def _check_output(cls, output: str) -> str:
        quantity = QUANTITIES.get(output)
        if quantity is None or quantity.kind not in (Kind.TOTAL, Kind.COUNTER):
            fitting = [each.key for each in QUANTITIES.values() if each.kind in (Kind.TOTAL, Kind.COUNTER)]
            raise ValueError(f"pulses make up {', '.join(fitting)}, and not {output!r}")
        return output


class Pulses:
    """Counts in the kernel, which numbers the edges, so that none is missed between readings.

    Of a total, a reading is what came since the last one; of a counter, what came since the start: the
    platform knows that a meter which falls has begun anew.
    """

    def __init__(self, request: "LineRequest", output: str, per_pulse: float) -> None:
        self._request = request
        self._output = output
        self._per_pulse = per_pulse
        self._total = QUANTITIES[output].kind is Kind.TOTAL
        self._counted = 0
        self._told = 0

    def read(self) -> Mapping[str, float]:
        """Return what was counted."""
        while self._request.wait_edge_events(timedelta(0)):
            # The number of the newest edge counts those too that found no room in the kernel's buffer.
            self._counted = max(event.line_seqno for event in self._request.read_edge_events())
        pulses = self._counted - (self._told if self._total else 0)
        self._told = self._counted
        return {self._output: pulses * self._per_pulse}

    def close(self) -> None:
        """Let go of the line."""
        self._request.release()


def _outputs(options: PulsesOptions) -> Mapping[str, str]:
    return {options.output: QUANTITIES[options.output].unit}


def _open(options: PulsesOptions) -> Pulses:
    import gpiod
    from gpiod.line import Bias, Edge

    bias = {"pull-up": Bias.PULL_UP, "pull-down": Bias.PULL_DOWN, "none": Bias.DISABLED}
    settings = gpiod.LineSettings(
        edge_detection=Edge.FALLING if options.edge == "falling" else Edge.RISING,
        bias=bias[options.bias],
        debounce_period=timedelta(seconds=options.debounce),
    )
    try:
        request = gpiod.request_lines(
            options.chip, config={options.line: settings}, consumer="bypuls-edge", event_buffer_size=1024
        )
    except (OSError, ValueError) as error:
        raise SensorError(
            f"line {options.line} of {options.chip} can't be had: {error}; may this user use it (group "
            "gpio), and does nobody else? `gpioinfo` tells"
        ) from error
    return Pulses(request, options.output, options.per_pulse)


DRIVER = Driver(
    "pulses on a GPIO pin: rain gauge, water or electricity meter", PulsesOptions, _outputs, _open
)

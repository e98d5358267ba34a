"""A battery, as Linux gives it (/sys/class/power_supply)."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from edge.pi.errors import SensorError
from edge.pi.sensors.sensor import Driver, Options


class BatteryOptions(Options):
    """Which battery."""

    folder: Path = Field(Path("/sys/class/power_supply/BAT0"), description="the folder of the battery")


class Battery:
    """Reads the files that are there: not every battery tells all."""

    def __init__(self, options: BatteryOptions) -> None:
        self._folder = options.folder
        if not self.read():
            raise SensorError(f"{self._folder} holds neither voltage_now nor capacity; is that a battery?")

    def read(self) -> Mapping[str, float]:
        """Return voltage (V) and charge (%) now."""
        found = {"battery_voltage": self._number("voltage_now", 1e6), "charge": self._number("capacity", 1)}
        return {name: value for name, value in found.items() if value is not None}

    def close(self) -> None:
        """Nothing is held."""

    def _number(self, name: str, divisor: float) -> float | None:
        path = self._folder / name
        try:
            text = path.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        try:
            return int(text) / divisor
        except ValueError:
            raise SensorError(f"{path} holds {text[:40]!r}, and no number") from None


def _outputs(_options: BatteryOptions) -> Mapping[str, str]:
    return {"battery_voltage": "V", "charge": "%"}


DRIVER = Driver("battery (Linux power supply): voltage and charge", BatteryOptions, _outputs, Battery)

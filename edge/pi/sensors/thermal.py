"""The temperature of a processor or another part, as Linux gives it (/sys/class/thermal)."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from edge.pi.errors import SensorError
from edge.pi.sensors.sensor import Driver, Options


class ThermalOptions(Options):
    """Which zone."""

    path: Path = Field(
        Path("/sys/class/thermal/thermal_zone0/temp"), description="the file, thousandths of a degree Celsius"
    )


class Thermal:
    """Reads the file."""

    def __init__(self, options: ThermalOptions) -> None:
        self._path = options.path
        self.read()

    def read(self) -> Mapping[str, float]:
        """Return the temperature now."""
        text = self._path.read_text(encoding="ascii", errors="replace").strip()
        try:
            return {"cpu_temperature": int(text) / 1000}
        except ValueError:
            raise SensorError(f"{self._path} holds {text[:40]!r}, and no temperature") from None

    def close(self) -> None:
        """Nothing is held."""


def _outputs(_options: ThermalOptions) -> Mapping[str, str]:
    return {"cpu_temperature": "Cel"}


DRIVER = Driver("temperature of the processor (Linux thermal zone)", ThermalOptions, _outputs, Thermal)

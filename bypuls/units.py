"""Units as devices spell them (SenML, RFC 8428 and 8798, or UCUM), and conversion between them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: a value v in it is v * factor + offset in the base unit of its dimension."""

    dimension: str
    factor: float
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Conversion:
    """From one unit to another: v becomes v * factor + offset; (1, 0) leaves every bit as it is."""

    factor: float
    offset: float


SAME = Conversion(1.0, 0.0)

UNITS: dict[str, Unit] = {
    "Cel": Unit("temperature", 1.0),
    "K": Unit("temperature", 1.0, -273.15),
    "[degF]": Unit("temperature", 5 / 9, -160 / 9),
    "ug/m3": Unit("mass concentration", 1.0),
    "mg/m3": Unit("mass concentration", 1e3),
    "g/m3": Unit("mass concentration", 1e6),
    "kg/m3": Unit("mass concentration", 1e9),
    "%": Unit("ratio", 1.0),
    "%RH": Unit("ratio", 1.0),
    "/": Unit("ratio", 100.0),
    "Pa": Unit("pressure", 1.0),
    "hPa": Unit("pressure", 1e2),
    "mbar": Unit("pressure", 1e2),
    "kPa": Unit("pressure", 1e3),
    "bar": Unit("pressure", 1e5),
    "MPa": Unit("pressure", 1e6),
    "m/s": Unit("speed", 1.0),
    "km/h": Unit("speed", 1 / 3.6),
    "[kn_i]": Unit("speed", 1852 / 3600),
    "deg": Unit("angle", 1.0),
    "rad": Unit("angle", 57.29577951308232),
    "mm": Unit("length", 1e-3),
    "cm": Unit("length", 1e-2),
    "m": Unit("length", 1.0),
    "km": Unit("length", 1e3),
    "m3/s": Unit("volume flow", 1.0),
    "l/s": Unit("volume flow", 1e-3),
    "L/s": Unit("volume flow", 1e-3),
    "m3/h": Unit("volume flow", 1 / 3600),
    "m3": Unit("volume", 1.0),
    "l": Unit("volume", 1e-3),
    "L": Unit("volume", 1e-3),
    "dB": Unit("level", 1.0),
    "1": Unit("count", 1.0),
    "count": Unit("count", 1.0),
    "W": Unit("power", 1.0),
    "kW": Unit("power", 1e3),
    "MW": Unit("power", 1e6),
    "J": Unit("energy", 1.0),
    "Wh": Unit("energy", 3.6e3),
    "MJ": Unit("energy", 1e6),
    "kWh": Unit("energy", 3.6e6),
    "mV": Unit("voltage", 1e-3),
    "V": Unit("voltage", 1.0),
    "dBm": Unit("power level", 1.0),
    "dBW": Unit("power level", 1.0, 30.0),
}


def conversion(source: str, target: str) -> Conversion | None:
    """Return how values in `source` become values in `target`; None where they can't.

    The same unit under two spellings (`%RH` and `%`) converts without touching a bit.
    """
    if source == target:
        return SAME
    one, other = UNITS.get(source), UNITS.get(target)
    if one is None or other is None or one.dimension != other.dimension:
        return None
    return Conversion(one.factor / other.factor, (one.offset - other.offset) / other.factor)

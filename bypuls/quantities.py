"""The catalogue of quantities: key, unit, plausible range, averaging kind and labels (nb, en)."""

from dataclasses import dataclass
from math import inf

from bypuls.numeric.kinds import Kind

__all__ = ["QUANTITIES", "Kind", "Quantity"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured quantity; `unit` is UCUM, `low` and `high` bound what is plausible (both included)."""

    key: str
    unit: str
    kind: Kind
    low: float
    high: float
    nb: str
    en: str


def _table() -> dict[str, Quantity]:
    linear, total, counter, state = Kind.LINEAR, Kind.TOTAL, Kind.COUNTER, Kind.STATE
    rows = [
        Quantity("no2", "ug/m3", linear, -10, 2000, "Nitrogendioksid", "Nitrogen dioxide"),
        Quantity("pm10", "ug/m3", linear, -10, 2000, "Svevestøv PM10", "Particulate matter PM10"),
        Quantity("pm2_5", "ug/m3", linear, -10, 2000, "Svevestøv PM2,5", "Particulate matter PM2.5"),
        Quantity("o3", "ug/m3", linear, -10, 2000, "Ozon", "Ozone"),
        Quantity("so2", "ug/m3", linear, -10, 2000, "Svoveldioksid", "Sulphur dioxide"),
        Quantity("co", "ug/m3", linear, -10, 100_000, "Karbonmonoksid", "Carbon monoxide"),
        Quantity("air_temperature", "Cel", linear, -50, 60, "Lufttemperatur", "Air temperature"),
        Quantity("water_temperature", "Cel", linear, -2, 40, "Vanntemperatur", "Water temperature"),
        Quantity("road_temperature", "Cel", linear, -50, 80, "Veitemperatur", "Road temperature"),
        Quantity("relative_humidity", "%", linear, 0, 100, "Relativ luftfuktighet", "Relative humidity"),
        Quantity("air_pressure", "hPa", linear, 870, 1085, "Lufttrykk", "Air pressure"),
        Quantity("wind_speed", "m/s", linear, 0, 75, "Vindhastighet", "Wind speed"),
        Quantity("wind_direction", "deg", Kind.CIRCULAR, 0, 360, "Vindretning", "Wind direction"),
        Quantity("rainfall", "mm", total, 0, 100, "Nedbør", "Rainfall"),
        Quantity("water_level", "m", linear, -5, 30, "Vannstand", "Water level"),
        Quantity("discharge", "m3/s", linear, 0, 10_000, "Vannføring", "Discharge"),
        Quantity("pipe_pressure", "bar", linear, 0, 25, "Ledningstrykk", "Pipe pressure"),
        Quantity("water_volume", "m3", counter, 0, inf, "Vannmengde", "Water volume"),
        Quantity("sound_level", "dB", Kind.ENERGETIC, 20, 140, "Lydnivå (LAeq)", "Sound level (LAeq)"),
        Quantity("people_count", "1", total, 0, 100_000, "Antall personer", "People counted"),
        Quantity("vehicle_count", "1", total, 0, 100_000, "Antall kjøretøy", "Vehicles counted"),
        Quantity("bicycle_count", "1", total, 0, 100_000, "Antall sykler", "Bicycles counted"),
        Quantity("occupancy", "1", state, 0, 1, "Parkeringsplass opptatt", "Parking bay occupied"),
        Quantity("lamp_state", "1", state, 0, 1, "Lampe på", "Lamp on"),
        Quantity("fill_level", "%", linear, 0, 100, "Fyllingsgrad", "Fill level"),
        Quantity("power", "W", linear, -1e6, 1e6, "Effekt", "Power"),
        Quantity("energy", "kWh", counter, 0, inf, "Energi", "Energy"),
        Quantity("battery_voltage", "V", linear, 0, 60, "Batterispenning", "Battery voltage"),
        Quantity("signal_strength", "dBm", linear, -150, 0, "Signalstyrke", "Signal strength"),
    ]
    return {row.key: row for row in rows}


QUANTITIES: dict[str, Quantity] = _table()

"""How figures are written for residents: numbers, units, directions and ages. The scripts do the same."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from math import floor

from api.page.language import Language
from api.page.words import Words
from bypuls.instants import ZONE

DECIMALS = {
    "no2": 1,
    "pm10": 1,
    "pm2_5": 1,
    "o3": 1,
    "so2": 1,
    "air_temperature": 1,
    "water_temperature": 1,
    "road_temperature": 1,
    "wind_speed": 1,
    "rainfall": 1,
    "water_level": 2,
    "discharge": 1,
    "pipe_pressure": 1,
    "energy": 1,
    "battery_voltage": 2,
}
"""Digits shown after the point, by quantity; 0 where it isn't named."""

OTHER_DECIMALS = 2
"""Digits shown of what is no quantity of the catalogue."""

UNITS = {"ug/m3": "µg/m³", "Cel": "°C", "deg": "°", "m3/s": "m³/s", "m3/h": "m³/h", "m3": "m³", "1": ""}
"""How units are written, where that isn't as in UCUM."""

_MINUS = "\N{MINUS SIGN}"
_SPACE = "\N{NO-BREAK SPACE}"


def decimals(quantity: str | None) -> int:
    """Return how many digits are shown after the point."""
    return OTHER_DECIMALS if quantity is None else DECIMALS.get(quantity, 0)


def unit(ucum: str) -> str:
    """Return a unit as residents know it; nothing for counts."""
    return UNITS.get(ucum, ucum)


def number(words: Words, value: float, digits: int) -> str:
    """Write a number with so many digits after the point, in the manner of the language."""
    # Halves go up, as in the scripts; f"{value:.1f}" would take them to the even digit.
    rounded = Decimal(abs(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    text = f"{rounded:,f}"
    if words.language is Language.NB:
        text = text.replace(",", _SPACE).replace(".", ",")
    return f"{_MINUS}{text}" if value < 0 and rounded else text


def reading(words: Words, quantity: str | None, value: float) -> str:
    """Write the value of a reading: a number, a word for a state, a direction with its name."""
    if value in (0, 1):
        word = words.find(f"{quantity}_{value:.0f}")
        if word is not None:
            return word
    text = number(words, value, decimals(quantity))
    return f"{text}° {compass(words, value)}" if quantity == "wind_direction" else text


def shown_unit(quantity: str | None, ucum: str) -> str:
    """Return the unit that stands beside the value of a reading."""
    return "" if quantity == "wind_direction" else unit(ucum)


def compass(words: Words, degrees: float) -> str:
    """Return the name of the nearest of eight directions."""
    return words("compass").split()[floor(degrees / 45 + 0.5) % 8]


def age(words: Words, seconds: float) -> str:
    """Write how long ago something was."""
    if seconds < 1:
        return words("now")
    for key, size, up_to in (("seconds", 1, 100), ("minutes", 60, 100 * 60), ("hours", 3600, 48 * 3600)):
        if seconds < up_to:
            return words(key, n=int(seconds // size))
    return words("days", n=int(seconds // 86_400))


def clock(time: datetime) -> str:
    """Write a time of day as clocks in Norway show it."""
    return time.astimezone(ZONE).strftime("%H:%M")


def interval(words: Words, seconds: float | None) -> str:
    """Write how often something is measured."""
    if seconds is None:
        return words("unknown")
    for key, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return words(f"every_{key}") if count == 1 else words(f"every_{key}s", n=count)
    return words("every_seconds", n=f"{seconds:g}")

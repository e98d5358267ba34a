"""Themes: what residents look for, and which quantities belong to each."""

from collections.abc import Iterable
from dataclasses import dataclass

from bypuls.quantities import QUANTITIES


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme with its quantities, by key of the catalogue."""

    key: str
    nb: str
    en: str
    quantities: tuple[str, ...]


THEMES = (
    Theme("air", "Luft", "Air", ("no2", "pm10", "pm2_5", "o3", "so2", "co")),
    Theme(
        "water",
        "Vann",
        "Water",
        ("water_level", "discharge", "water_temperature", "pipe_pressure", "water_volume"),
    ),
    Theme(
        "weather",
        "Vær",
        "Weather",
        ("air_temperature", "relative_humidity", "air_pressure", "wind_speed", "wind_direction", "rainfall"),
    ),
    Theme("noise", "Støy", "Noise", ("sound_level",)),
    Theme(
        "mobility",
        "Ferdsel",
        "Mobility",
        ("people_count", "vehicle_count", "bicycle_count", "road_temperature"),
    ),
    Theme("parking", "Parkering", "Parking", ("occupancy",)),
    Theme("waste", "Avfall", "Waste", ("fill_level",)),
    Theme("light", "Lys", "Light", ("lamp_state", "power", "energy")),
)
"""In the order in which the town's page has them. What tells of a node itself, its battery, is in none."""

_OF_QUANTITY = {key: theme for theme in THEMES for key in theme.quantities}


def theme_of(quantity: str | None) -> Theme | None:
    """Return the theme of a quantity's key; None where it has none."""
    return _OF_QUANTITY.get(quantity or "")


def theme_of_node(quantities: Iterable[str | None]) -> Theme | None:
    """Return the theme of a node that measures these quantities: of the one that the catalogue has first."""
    order = {key: place for place, key in enumerate(QUANTITIES)}
    known = sorted((key for key in quantities if theme_of(key) is not None), key=lambda key: order[key or ""])
    return theme_of(known[0]) if known else None

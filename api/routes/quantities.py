"""What can be measured, and what the flags of a reading mean."""

from dataclasses import asdict
from math import isfinite

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from api.json import Json
from api.parameters import NoParameters
from api.routes import ROOT
from bypuls.quality import MEANING
from bypuls.quantities import QUANTITIES, Kind, Quantity
from bypuls.themes import THEMES, theme_of

router = APIRouter(prefix=ROOT, tags=["catalogue"])

_STEADY = {"Cache-Control": "public, max-age=3600"}


class Labels(BaseModel):
    """What a quantity is called."""

    nb: str
    en: str


class QuantityEntry(BaseModel):
    """A quantity that streams can measure."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key: str
    unit: str
    """UCUM; all values of the quantity are given in it"""
    kind: Kind
    """how a window of readings is averaged"""
    low: float | None
    """least plausible value; readings outside are kept and flagged"""
    high: float | None
    """greatest plausible value; null where there is none"""
    theme: str | None
    """key of the theme that it belongs to; null for what tells of a node itself"""
    label: Labels


class ThemeEntry(BaseModel):
    """What residents look for."""

    key: str
    nb: str
    en: str


class Quantities(BaseModel):
    """The catalogue."""

    quantities: list[QuantityEntry]
    themes: list[ThemeEntry]


class FlagEntry(BaseModel):
    """One bit of a reading's flags."""

    bit: int
    name: str
    meaning: str


class Flags(BaseModel):
    """All bits in use; flags of 0 mean that no check objected."""

    flags: list[FlagEntry]


@router.get("/quantities", response_model=Quantities, summary="What can be measured")
def list_quantities(parameters: NoParameters) -> Json:
    """List the quantities, their units, plausible ranges and names, and the themes that they belong to."""
    themes = [{"key": theme.key, "nb": theme.nb, "en": theme.en} for theme in THEMES]
    body = {"quantities": [_entry(each) for each in QUANTITIES.values()], "themes": themes}
    return Json(body, headers=_STEADY)


@router.get("/flags", response_model=Flags, summary="What flags mean")
def list_flags(parameters: NoParameters) -> Json:
    """List what the bits in a reading's flags mean."""
    entries = [
        {"bit": int(flag), "name": (flag.name or "").lower(), "meaning": MEANING[flag]} for flag in MEANING
    ]
    return Json({"flags": entries}, headers=_STEADY)


def _entry(quantity: Quantity) -> dict[str, object]:
    entry = asdict(quantity)
    label = {"nb": entry.pop("nb"), "en": entry.pop("en")}
    bounds = {name: entry[name] if isfinite(entry[name]) else None for name in ("low", "high")}
    theme = theme_of(quantity.key)
    return entry | bounds | {"theme": theme.key if theme else None, "label": label}

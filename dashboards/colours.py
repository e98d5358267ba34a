"""Colours that the colour-blind tell apart (after Okabe and Ito), and the thresholds that use them.

A colour never stands alone: the class, level or state is written out beside it.
"""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    DashboardRangeMapOptions,
    DashboardSpecialValueMapOptions,
    RangeMap,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from bypuls.air_quality import BOUNDS, CLASSES

BLUE, SKY, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
# Darker than theirs: yellow, orange and vermilion lie side by side here.
ORANGE, VERMILION, PURPLE, GREY = "#D98000", "#B83A00", "#7B2D8E", "#8C8C8C"

CLEAR = "transparent"
"""Of cells in which nothing is unusual: what is coloured is seen."""

AIR = dict(zip((c.number for c in CLASSES), (GREEN, YELLOW, VERMILION, PURPLE), strict=True))
"""Of the air quality classes: hues of the official green, yellow, red and purple."""

RIVER = (BLUE, YELLOW, ORANGE, VERMILION)
"""Below all thresholds, then above yellow, orange and red."""

SEVERITY = (BLUE, YELLOW, ORANGE, VERMILION)
"""Nothing unusual; look; act; urgent."""


def steps(base: str, *above: tuple[float, str]) -> ThresholdsConfig:
    """Return thresholds: `base` below the first, then each colour from its value (included) on."""
    first = [Threshold(value=None, color=base)]
    rest = [Threshold(value=value, color=colour) for value, colour in above]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(first + rest)


def air_steps(quantity: str) -> ThresholdsConfig:
    """Return the bounds of the air quality classes of a quantity, in ug/m3."""
    return steps(AIR[1], *zip(BOUNDS[quantity], (AIR[2], AIR[3], AIR[4]), strict=True))


def index_steps() -> ThresholdsConfig:
    """Return the classes as whole parts of the continuous index (1 to 4.999)."""
    return steps(AIR[1], *((number, AIR[number]) for number in (2, 3, 4)))


def names(texts: Sequence[str], colours: Sequence[str], first: int = 0) -> list[ValueMapping]:
    """Return a mapping of whole numbers from `first` on to texts and colours."""
    options = {
        str(number): ValueMappingResult(text=text, color=colour, index=number - first)
        for number, (text, colour) in enumerate(zip(texts, colours, strict=True), first)
    }
    return [ValueMap(options=options)]


def words(of: Mapping[str, str]) -> list[ValueMapping]:
    """Return a mapping of the store's keys to words."""
    return [ValueMap(options={key: ValueMappingResult(text=text) for key, text in of.items()})]


def air_names() -> list[ValueMapping]:
    """Return a mapping of class or index to the class's name: 2.7 is "Moderat" too."""
    return [
        RangeMap(
            options=DashboardRangeMapOptions(
                from_val=float(one.number),
                to=one.number + 0.9999,
                result=ValueMappingResult(text=one.nb, color=AIR[one.number], index=one.number),
            )
        )
        for one in CLASSES
    ]


def missing(word: str, colour: str) -> ValueMapping:
    """Return a mapping of no value."""
    result = ValueMappingResult(text=word, color=colour)
    return SpecialValueMap(
        options=DashboardSpecialValueMapOptions(match=SpecialValueMatch.NULL, result=result)
    )


UNKNOWN = missing("–", CLEAR)
"""Of a cell without a value: Grafana writes there why the panel may be empty, in the lowest step's colour."""

SEVERITY_NAMES = names(("Ingenting uvanlig", "Se på", "Gjør noe", "Haster"), SEVERITY)
SEVERITY_STEPS = steps(SEVERITY[0], (1, SEVERITY[1]), (2, SEVERITY[2]), (3, SEVERITY[3]))
RIVER_NAMES = names(("Under terskel", "Over gul", "Over oransje", "Over rød"), RIVER)
RIVER_STEPS = steps(RIVER[0], (1, RIVER[1]), (2, RIVER[2]), (3, RIVER[3]))
AIR_STEPS = steps(AIR[1], (2, AIR[2]), (3, AIR[3]), (4, AIR[4]))

"""Channel names: their grammar, and what they say of quantity, statistic and unit."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from bypuls.quantities import QUANTITIES, Kind, Quantity

MAX_NAME = 128
NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9:./_-]*"
"""RFC 8428, section 4.5.1."""

MAX_UNIT = 32
UNIT_PATTERN = r"[\x21-\x7e\u00b0-\u03ff]+"
"""What a unit may be spelled with where the catalogue names none: no space, nothing invisible."""


class Averaging(NamedTuple):
    """How the readings of a stream are summed up; `modulus`, in its unit, is where a meter rolls over."""

    kind: Kind
    modulus: float | None = None

    @property
    def hold(self) -> float:
        """How long (seconds) a value is taken to last if no other follows: a door may not move all day."""
        return 86_400.0 if self.kind is Kind.STATE else 3_600.0


_LAST_SEGMENT = re.compile(r"[^/:]*$")

PLAIN_STATISTICS = frozenset({"", "min", "max", "mean"})
"""Statistics that are values of the quantity itself, so that its range and its zero hold for them."""


@dataclass(frozen=True, slots=True)
class Channel:
    """What a name says: `inlet/water_level.min` is the quantity `water_level`, statistic `min`.

    `quantity` is None where the catalogue has no such key; `statistic` is "" for the plain value.
    """

    quantity: Quantity | None
    statistic: str

    @property
    def key(self) -> str | None:
        """The quantity's key in the catalogue."""
        return self.quantity.key if self.quantity else None

    @property
    def unit(self) -> str | None:
        """The unit in which values are stored (UCUM); None where the catalogue doesn't tell."""
        if self.statistic == "n":
            return "1"  # it counts readings, whatever they measure
        if self.quantity is None:
            return None
        # A SenML sum integrates the value over time (RFC 8428, section 4.2).
        return self.quantity.unit + (".s" if self.statistic == "sum" else "")

    @property
    def kind(self) -> Kind:
        """How values are averaged; those of other statistics than the plain value or mean, arithmetically."""
        if self.statistic == "n":
            return Kind.TOTAL
        if self.quantity is None or self.statistic not in PLAIN_STATISTICS:
            return Kind.LINEAR
        if self.quantity.kind is Kind.CIRCULAR or self.statistic in ("", "mean"):
            return self.quantity.kind
        return Kind.LINEAR

    @property
    def ranged(self) -> Quantity | None:
        """The quantity whose plausible range holds for the values; None where none does."""
        return self.quantity if self.statistic in PLAIN_STATISTICS else None


@lru_cache(maxsize=65_536)  # rollups ask for each stream and hour anew
def of_channel(name: str, quantity: str | None = None) -> Channel:
    """Read a channel name; a key in `quantity`, from the registry, stands before what the name says."""
    match = _LAST_SEGMENT.search(name)
    key, _, statistic = (match.group() if match else name).partition(".")
    return Channel(QUANTITIES.get(quantity or key), statistic)

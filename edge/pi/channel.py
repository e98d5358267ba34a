"""Channels: what is measured under which name, and what is sent of it."""

import msgspec

from bypuls.channels import of_channel
from bypuls.quantities import Kind

PLAIN = "mean"
"""The statistic that travels under the channel's own name: by kind, see docs/wire.md, "Windows"."""

STATISTICS: dict[Kind, tuple[str, ...]] = {
    Kind.LINEAR: (PLAIN, "min", "max", "n"),
    Kind.CIRCULAR: (PLAIN, "n"),
    Kind.ENERGETIC: (PLAIN, "min", "max", "n"),
    Kind.TOTAL: (PLAIN, "min", "max", "n"),
    Kind.COUNTER: (PLAIN, "n"),
    Kind.STATE: (PLAIN, "n"),
}
"""What may be asked of each kind; there is no smallest direction, and a meter's extremes say nothing."""


class Channel(msgspec.Struct, frozen=True):
    """A channel; `window` in microseconds (0: every sample is sent), `unit` as SenML or UCUM spells it."""

    name: str
    unit: str
    window: int
    statistics: tuple[str, ...] = (PLAIN,)

    @property
    def kind(self) -> Kind:
        """How its samples are averaged."""
        return of_channel(self.name).kind

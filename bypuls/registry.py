"""Registry files: what an operator knows of nodes and streams, as TOML.

[[node]]
node = "air-01"
owner = "Lillestrøm kommune"
place = "Lillestrøm station"
latitude = 59.9530
longitude = 11.0495

[[node.stream]]
channel = "no2"
expected_interval = 60      # seconds
open_data = true

[[node.stream]]
channel = "water_level"
thresholds = { yellow = 3.2, orange = 4.1, red = 5.0 }  # in the stream's unit, here m
"""

import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from bypuls.channels import MAX_NAME, MAX_UNIT, NAME_PATTERN, UNIT_PATTERN, Channel, of_channel
from bypuls.errors import BypulsError
from bypuls.quantities import QUANTITIES, Kind
from bypuls.topics import NODE_PATTERN

YEAR = 366 * 86_400
"""The longest expected interval, in seconds."""

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=200)]
Unit = Annotated[str, StringConstraints(pattern=f"^{UNIT_PATTERN}$", max_length=MAX_UNIT)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Thresholds(_Entry):
    """What a stream's values are compared with, in its unit: above `yellow` look, above `red` act at once."""

    yellow: float | None = None
    orange: float | None = None
    red: float | None = None

    @property
    def given(self) -> dict[str, float]:
        """The levels that the file names, the mildest first."""
        levels = {"yellow": self.yellow, "orange": self.orange, "red": self.red}
        return {level: value for level, value in levels.items() if value is not None}


class RegisteredStream(_Entry):
    """A channel of a node; `unit` is given only where the catalogue knows no quantity for it.

    `modulus`, in the unit of the stream, is where a meter rolls over: one of five digits at 100,000.
    """

    channel: str = Field(pattern=f"^{NAME_PATTERN}$", max_length=MAX_NAME)
    quantity: str | None = None
    unit: Unit | None = None
    expected_interval: float | None = Field(None, gt=0, le=YEAR)
    modulus: float | None = Field(None, gt=0)
    thresholds: Thresholds = Thresholds()
    open_data: bool = False

    @model_validator(mode="after")
    def _check_unit(self) -> Self:
        if self.quantity is not None and self.quantity not in QUANTITIES:
            raise ValueError(f"quantity {self.quantity!r} is not in the catalogue: {', '.join(QUANTITIES)}")
        known = self.meaning.unit
        if known is None and self.unit is None:
            raise ValueError(
                f"the catalogue has no quantity {self.channel!r}: give quantity (a key of it), or unit"
            )
        if known is not None and self.unit not in (None, known):
            raise ValueError(
                f"unit {self.unit!r}: values of this stream are kept in {known!r}, leave unit out"
            )
        if self.modulus is not None and self.meaning.kind is not Kind.COUNTER:
            meters = ", ".join(key for key, each in QUANTITIES.items() if each.kind is Kind.COUNTER)
            raise ValueError(f"modulus {self.modulus:g}: only meters roll over ({meters})")
        return self

    @model_validator(mode="after")
    def _check_thresholds(self) -> Self:
        levels, unit, ranged = self.thresholds.given, self.stored_unit, self.meaning.ranged
        for (mild, low), (severe, high) in pairwise(levels.items()):
            if not low < high:
                raise ValueError(
                    f"thresholds: {severe} = {high:g} {unit} isn't above {mild} = {low:g} {unit}; they must "
                    "rise from yellow to orange to red"
                )
        for level, value in levels.items():
            if ranged is not None and not ranged.low <= value <= ranged.high:
                raise ValueError(
                    f"thresholds: {level} = {value:g} {unit} is outside what {ranged.key} can be, "
                    f"{ranged.low:g} to {ranged.high:g} {unit}; is it in another unit?"
                )
        return self

    @property
    def meaning(self) -> Channel:
        """Quantity and statistic: as the file says, else as the channel's name says."""
        return of_channel(self.channel, self.quantity)

    @property
    def stored_unit(self) -> str:
        """The unit in which the stream's values are stored."""
        return self.meaning.unit or self.unit or "1"


class RegisteredNode(_Entry):
    """A node with its streams; latitude and longitude in degrees, WGS 84, both or neither."""

    node: str = Field(pattern=f"^{NODE_PATTERN}$")
    owner: Text | None = None
    place: Text | None = None
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    stream: list[RegisteredStream] = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude go together: one of them is missing")
        _refuse_repeats("channel", [stream.channel for stream in self.stream])
        return self


class _File(_Entry):
    node: list[RegisteredNode] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_repeats("node", [node.node for node in self.node])
        return self


def read(path: Path) -> list[RegisteredNode]:
    """Read a registry file; raises BypulsError that names each wrong entry, its key, value and limit."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BypulsError(f"can't read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BypulsError(f"{path} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise BypulsError(f"{path} is not valid TOML: {error}") from error
    if "node" not in content:
        raise BypulsError(f"{path} names no node: each one is a [[node]] entry")
    try:
        return _File.model_validate(content).node
    except ValidationError as error:
        faults = [_fault(content, part["loc"], part["msg"], part["input"]) for part in error.errors()]
        raise BypulsError(f"{path}: " + "\n".join(faults)) from None


def _fault(content: Any, location: tuple[int | str, ...], message: str, value: object) -> str:
    """Say where in the file, what stands there, and what is wrong with it."""
    where: list[str] = []
    for step in location:
        try:
            content = content[step]
        except (KeyError, IndexError, TypeError):
            content = None  # a key that is missing
        if isinstance(step, str):
            where.append(step)
        else:
            name = (content.get("node") or content.get("channel")) if isinstance(content, dict) else None
            where[-1] += f" {step + 1}" + (f" ({name})" if isinstance(name, str) else "")
    shown = "" if isinstance(value, dict | list) else f" = {value!r}"
    return f"{', '.join(where)}{shown}: {message.removeprefix('Value error, ')}"


def _refuse_repeats(key: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"each {key} may stand in the file once: {', '.join(repeated)} stands there again")

"""A SenML pack as columns."""

from dataclasses import dataclass, field

from bypuls.quarantine import Fault


@dataclass(slots=True)
class Pack:
    """A pack as columns, one entry per reading; times may still be relative to receipt.

    The time of a reading is base_time + times[i], seconds; its value base_value + values[i]; its name
    base_name + names[i]; its unit units[i], or base_unit where that is "".
    `records` tells the record each reading came from, None meaning that reading i came from record i.
    `faults` names the records that could not become readings.
    """

    names: list[str]
    units: list[str]
    times: list[float]
    values: list[float]
    base_name: str = ""
    base_unit: str = ""
    base_time: float = 0.0
    base_value: float = 0.0
    log: str | None = None
    seq: int | None = None
    gap: list[tuple[int, int]] = field(default_factory=list)
    records: list[int] | None = None
    faults: list[Fault] = field(default_factory=list)

"""The legal limits of outdoor air in Norway, and when a measured period exceeds one."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bypuls.readings import FloatArray

LEAST_COVERAGE = 0.85
"""A mean of less than this share of its period isn't compared with a limit."""

ROUNDING = 1e-9
"""The share by which a mean made of hours may differ from that of the readings: no more is no exceedance."""


class Period(StrEnum):
    """What a limit's mean is made over; days and years are civil ones, in Europe/Oslo."""

    HOUR = "hour"
    DAY = "day"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class LegalLimit:
    """One limit: the mean over `period` may exceed `value`, in `unit`, in `allowed` periods of a year.

    It is in force from the year `since` on.
    """

    quantity: str
    period: Period
    value: float
    allowed: int
    unit: str
    source: str
    since: int = 0


_REGULATION = "forurensningsforskriften kap. 7"

LEGAL_LIMITS = (
    LegalLimit("no2", Period.HOUR, 200, 18, "ug/m3", _REGULATION),
    LegalLimit("no2", Period.YEAR, 40, 0, "ug/m3", _REGULATION),
    LegalLimit("pm10", Period.DAY, 50, 25, "ug/m3", _REGULATION, since=2022),
    LegalLimit("pm10", Period.YEAR, 20, 0, "ug/m3", _REGULATION, since=2022),
)


def exceedances(
    value: FloatArray, coverage: FloatArray, limit: LegalLimit
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which periods could be assessed, and which of those lay above the limit by more than rounding.

    Shapes: both (n,), one mean and one coverage (0 to 1) for each of the limit's periods, negative means
    included; both masks (n,). A NaN in either, or a coverage below 85 %, is a period that isn't assessed:
    neither exceeded nor kept. Raises ValueError when the columns differ in length or a coverage is above 1.
    """
    if value.shape != coverage.shape:
        raise ValueError(
            f"there are {value.shape} means and {coverage.shape} coverages; each period has one of both"
        )
    if (coverage > 1).any():
        raise ValueError(f"coverage is a share from 0 to 1, not {float(np.nanmax(coverage))!r}; per cent?")
    assessed = (coverage >= LEAST_COVERAGE) & ~np.isnan(value)
    return assessed, assessed & (value > limit.value * (1 + ROUNDING))

"""Air quality of stations by the hour: class and index of each component, and of the worst."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bypuls.air_quality import BOUNDS, index, overall
from bypuls.instants import ZONE
from bypuls.series.request import SeriesRequest
from bypuls.series.step import read_step
from bypuls.series.table import build
from bypuls.store.database import Database
from bypuls.store.facts import StreamFacts

COMPONENTS = tuple(BOUNDS)
"""The quantities that have classes."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Station:
    """A node's air: `index` (w,) of the worst component, and by stream its hourly `mean` and its own index.

    The class is the whole part of an index. NaN where too little was measured.
    """

    node: str
    index: Values
    components: dict[str, tuple[StreamFacts, Values, Values]] = field(default_factory=dict)


def stations(
    database: Database,
    streams: Sequence[StreamFacts],
    start: int,
    end: int,
    now: int,
    least_coverage: float,
) -> tuple[NDArray[np.int64], NDArray[np.bool_], list[Station]]:
    """Return the hours' starts (w,), which of them aren't over (w,), and the stations by name.

    `streams` measure components; times in microseconds since 1970. Hours that are over and whose coverage is
    below `least_coverage`, or unknown, have no index. Raises TooMuch, QueryTooSlow, StoreUnavailable.
    """
    request = SeriesRequest(streams, ("mean", "coverage"), read_step("1h"), ZONE, start, end, now)
    found = build(database, request)
    of_node: dict[str, dict[str, tuple[StreamFacts, Values, Values]]] = {}
    for series in found.series:
        facts = series.facts
        assert facts.quantity is not None, "only streams of a component are asked for"
        low = ~(series.values["coverage"] >= least_coverage) & ~found.partial
        mean = np.where(low, np.nan, series.values["mean"])
        node, _, channel = facts.name.partition("/")
        of_node.setdefault(node, {})[channel] = (facts, mean, index(facts.quantity, mean))
    made = [
        Station(node, overall(np.array([each for _, _, each in components.values()])), components)
        for node, components in sorted(of_node.items())
    ]
    return found.time, found.partial, made

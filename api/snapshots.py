"""Snapshots of the town: what the rules of its sentence look at, read from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bypuls.instants import to_datetime, to_microseconds
from bypuls.quality import CERTAINLY_WRONG
from bypuls.readings import FloatArray, TimeArray
from bypuls.series.step import HOUR
from bypuls.series.usual import usual
from bypuls.store.catalog import MOST_OPEN, OpenStream, list_open
from bypuls.store.database import Database
from bypuls.store.facts import list_facts
from bypuls.store.ranges import read_readings
from bypuls.store.windows import read_thresholds, read_windows
from bypuls.summary import wanted_history
from bypuls.summary.snapshot import COMPARED, HISTORY, SPANS, Sensor, Snapshot, Span, Threshold
from bypuls.usual_hours import UsualHour
from bypuls.windows import Window

Usuals = Mapping[str, Sequence[UsualHour]]


def read_snapshot(database: Database, time: int, usuals: Usuals) -> tuple[Snapshot, Sequence[OpenStream]]:
    """Return the town as it was at `time`, microseconds since 1970, and the open streams it is made of.

    Nothing later is in it. Raises QueryTooSlow, StoreUnavailable.
    """
    with database.connection() as connection:
        open_streams = list_open(connection, time=to_datetime(time))
        numbers = {each.stream: each.stream_id for each in open_streams}
        names = {number: name for name, number in numbers.items()}
        asked = {
            (each.stream_id, time - span.since, time - span.until): (each.stream, span)
            for each in open_streams
            if not each.statistic
            for span in SPANS.get(each.quantity or "", ())
        }
        windows: dict[tuple[str, Span], Window] = {
            asked[number, window.start, window.end]: window
            for number, window in read_windows(connection, list(asked))
        }
        thresholds = {
            names[number]: [Threshold(level, value) for level, value in levels]
            for number, levels in read_thresholds(connection).items()
            if number in names
        }
        snapshot = Snapshot(time, [_sensor(each) for each in open_streams], windows, usuals, thresholds)
        wanted = wanted_history(snapshot)
        batch = read_readings(connection, [numbers[name] for name in wanted], time - HISTORY, time)
    counts = ((batch.flags & CERTAINLY_WRONG) == 0) & np.isfinite(batch.value)
    history: dict[str, tuple[TimeArray, FloatArray]] = {}
    for name in wanted:
        mine = counts & (batch.stream == numbers[name])
        history[name] = (batch.time[mine], batch.value[mine])
    return replace(snapshot, history=history), open_streams


def read_usuals(database: Database, time: int) -> Usuals:
    """Return what is usual in the hour of `time` and the one before, of open streams that are compared.

    Raises QueryTooSlow, StoreUnavailable.
    """
    hour = time // HOUR * HOUR
    with database.connection() as connection:
        streams = [
            facts
            for quantity in COMPARED
            for facts in list_facts(connection, quantity=quantity, box=None, limit=MOST_OPEN, open_data=True)
        ]
    return usual(database, streams, [hour - HOUR, hour], time)


def _sensor(found: OpenStream) -> Sensor:
    return Sensor(
        found.stream,
        found.node,
        found.place or found.node,
        found.quantity,
        found.statistic,
        found.unit,
        found.expected_interval,
        found.latitude,
        found.longitude,
        None if found.certain_time is None else to_microseconds(found.certain_time),
        found.certain_value,
    )

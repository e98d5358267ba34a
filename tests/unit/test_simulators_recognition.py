"""The scorer gives each kind of fault its own alarms, and waits until an episode can be seen at all."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bypuls.limits_of_change import LIMITS
from bypuls.quality import Flag
from bypuls.readings import SECOND, TimeArray
from simulators.recognition import Recognition, Recognitions
from simulators.town import plan as plans
from simulators.town import town as towns
from simulators.town.faults import Episode, Faults
from simulators.town.journal import LineFault, Segment
from simulators.town.scenarios import Forces
from simulators.town.town import Group, Town

START = 1_763_000_000 * SECOND
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
TOWN = Town(plans.read("lillestrom"), towns.read("lillestrom"), 5, Forces([], START))
NONE = np.empty(0, np.int64)


def whole(days: int) -> Segment:
    return Segment(START, START + days * DAY, START)


def first(faults: Faults, fault: str, key: str | None = None) -> Episode:
    """Return the first episode of a kind that begins after START, of the channel `key` if given."""
    for group in TOWN.groups:
        for episode in faults.episodes(group, START + HOUR, START + 30 * DAY):
            if episode.fault == fault and episode.start > START and key in (None, episode.channel):
                return episode
    raise AssertionError("no such episode")


def ticks(group: Group, days: int) -> TimeArray:
    return np.arange(START, START + days * DAY, group.step, dtype=np.int64)


def flagged(time: TimeArray, flag: Flag, *instants: int) -> NDArray[np.int16]:
    """Flag the first reading from each instant on."""
    flags = np.zeros(len(time), np.int16)
    flags[np.searchsorted(time, instants)] = flag
    return flags


def rows(recognitions: Recognitions) -> dict[str, Recognition]:
    return {row.fault: row for row in recognitions.table()}


def test_a_kind_has_only_the_alarms_that_it_caused() -> None:
    faults = Faults(TOWN, {"dropout": 0.9, "reboot": 0.9})
    dropout = first(faults, "dropout")
    group = dropout.group
    mine = [one for one in faults.episodes(group, START, START + 30 * DAY) if one.row == dropout.row]
    ends = [one.end for one in mine if one.fault == "dropout" and one.start > START + DAY]
    time = ticks(group, 30)
    busy = [(one.start - DAY // 4, one.end + DAY // 4) for one in mine]
    quiet = next(int(t) for t in time[100:] if not any(low <= t < high for low, high in busy))
    recognitions = Recognitions(faults)
    flags = flagged(time, Flag.GAP, quiet, *ends)
    recognitions.note(group, dropout.row, group.channels[0].name, [whole(30)], time, flags, NONE)
    found = rows(recognitions)
    assert found["dropout"].caused == len(ends) > 5
    assert found["dropout"].uncaused == 1
    assert found["dropout"].precision == pytest.approx(len(ends) / (len(ends) + 1))
    # Its gaps are too short for a flag: what dropouts and nothing raised is no merit and no fault of it.
    assert found["reboot"].caused == 0
    assert found["reboot"].precision is None
    assert recognitions.uncaused() == {"gap": 1}
    assert recognitions.flagged_good == 1


def test_a_clock_behind_takes_no_alarms_of_a_clock_ahead() -> None:
    faults = Faults(TOWN, {"clock-ahead": 0.9, "clock-behind": 0.9})
    ahead = first(faults, "clock-ahead")
    group, time = ahead.group, ticks(ahead.group, 30)
    recognitions = Recognitions(faults)
    flags = flagged(time, Flag.CLOCK, ahead.start + HOUR)
    recognitions.note(group, ahead.row, group.channels[0].name, [whole(30)], time, flags, NONE)
    found = rows(recognitions)
    assert (found["clock-ahead"].caused, found["clock-ahead"].precision) == (1, 1.0)
    assert (found["clock-behind"].caused, found["clock-behind"].precision) == (0, None)


def test_values_that_stay_are_no_cause_of_a_gap() -> None:
    faults = Faults(TOWN, {"stuck": 0.9})
    stuck = first(faults, "stuck")
    group, time = stuck.group, ticks(stuck.group, 30)
    recognitions = Recognitions(faults)
    flags = flagged(time, Flag.GAP, stuck.start + DAY)
    recognitions.note(group, stuck.row, stuck.channel or "", [whole(30)], time, flags, NONE)
    assert recognitions.uncaused() == {"gap": 1}


@pytest.mark.parametrize("key", ["water_level", "wind_direction", "pipe_pressure", "no2"])
def test_a_stuck_sensor_counts_when_its_quantity_would_be_called_stuck(key: str) -> None:
    faults = Faults(TOWN, {"stuck": 0.9})
    stuck = first(faults, "stuck", key)
    group, limit = stuck.group, round(LIMITS[key].stuck_hours * HOUR)
    assert stuck.end - stuck.start > limit + 2 * group.step
    for seen, counts in ((limit, 0), (limit + 2 * group.step, 1)):
        recognitions = Recognitions(faults)
        segment = Segment(stuck.start - HOUR, stuck.start + seen, stuck.start + seen)
        time = np.arange(segment.start, segment.end, group.step, dtype=np.int64)
        no_flags = np.zeros(len(time), np.int16)
        recognitions.note(group, stuck.row, key, [segment], time, no_flags, NONE)
        [row] = recognitions.table()
        assert (row.episodes, row.recognised) == (counts, 0)


def test_a_pack_that_was_overtaken_is_the_cause_of_a_gap_and_of_nothing_else() -> None:
    [group] = [group for group in TOWN.groups if group.kind == "pressure"]
    time, node = ticks(group, 3), group.names[0]
    pack = LineFault("reordering", node, int(time[600]), int(time[779]))
    for fault, flag, uncaused in (
        (pack, Flag.GAP, {}),
        (pack, Flag.STEP, {"step": 1}),
        (LineFault("duplicate", node, pack.start, pack.end), Flag.GAP, {"gap": 1}),
        (LineFault("reordering", "pressure-02", pack.start, pack.end), Flag.GAP, {"gap": 1}),
    ):
        recognitions = Recognitions(Faults(TOWN, {"dropout": 0.1}), [fault])
        flags = flagged(time, flag, int(time[780]))
        recognitions.note(group, 0, "pipe_pressure", [whole(3)], time, flags, NONE)
        assert recognitions.uncaused() == uncaused

"""`bypuls score`: what the platform has, compared with the truth of a simulated town."""

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from bypuls import senml
from bypuls.errors import BypulsError, PackError
from bypuls.readings import SECOND, FlagArray, FloatArray, TimeArray
from simulators import score_report
from simulators.platform import Platform
from simulators.recognition import Recognition, Recognitions
from simulators.showing import Showing, showings
from simulators.simulation import build
from simulators.town.faults import Faults
from simulators.town.journal import Recipe, Segment, read
from simulators.town.packs import stamps
from simulators.town.town import Block, Group, Town

_DAY = 86_400 * SECOND
_SKEW = 1_300 * SECOND
_MOST_AHEAD = 300 * SECOND
"""How far in the future a reading may lie to be stored; the platform's documented limit."""


@dataclass
class Score:
    """What was found: readings by fate, recognition of faults, and scenarios in the aggregates.

    `sent` are the readings that the platform has acknowledged, `lost` those of them that it has nowhere,
    `quarantined` those that it rightly kept apart, since by a fault they have a wrong unit or a time too far
    ahead, `refused` those in quarantine without such a cause, `doubled` readings at instants that no node
    sent, `wrong` those with another value than was sent, or stored though their unit was wrong, `late` those
    acknowledged more than a minute after they were sent first. `intervals_unknown` and `intervals_other`
    count streams of which the platform expects no interval, or another than they have, so that it can't tell
    a gap or tells one where none is; `registering` is the command that tells it. `flagged_good` counts
    readings flagged though no fault was near, and `quarantine_reasons` counts messages in quarantine by
    reason, and `alarms_without_cause` by flag the runs of readings that no fault can have caused.
    """

    sent: int = 0
    stored: int = 0
    quarantined: int = 0
    refused: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    late: int = 0
    flagged_good: int = 0
    intervals_unknown: int = 0
    intervals_other: int = 0
    registering: str = ""
    line: dict[str, int] = field(default_factory=dict)
    quarantine_reasons: dict[str, int] = field(default_factory=dict)
    alarms_without_cause: dict[str, int] = field(default_factory=dict)
    faults: list[Recognition] = field(default_factory=list)
    scenarios: list[Showing] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is lost, refused, doubled or wrong."""
        return not (self.lost or self.refused or self.doubled or self.wrong)


@dataclass
class Truth:
    """What one stream's sensor sent in acknowledged stretches; columns of one length, times ascending.

    `time` is what the node's clock says; `ahead` tells where it is wrong by so much that
    the platform may refuse it.
    """

    time: TimeArray
    value: FloatArray
    unit_wrong: NDArray[np.bool_]
    ahead: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the platform has of a stream."""

    time: TimeArray
    value: FloatArray
    flags: FlagArray


_MOST_EXAMPLES = 20
_NOTHING = (
    "nothing to score: {journal} tells of no acknowledged reading; was ingest running while it was written, "
    "and long enough for a node to measure?"
)

Quarantined = dict[tuple[str, str], set[int]]
"""By node and channel the times of readings that are in quarantine."""


def run(journal: Path, url: str, token: str | None, *, as_json: bool) -> bool:
    """Score the platform at `url` by a journal, print the result; tells whether nothing is lost or wrong.

    Raises BypulsError when the journal can't be read, tells of no acknowledged reading, or the API can't be
    asked.
    """
    found = score(journal, url, token, quiet=as_json)
    if as_json:
        Console(soft_wrap=True).out(msgspec.json.format(msgspec.json.encode(asdict(found))).decode())
    else:
        score_report.tell(found)
    return found.clean


def score(journal: Path, url: str, token: str | None = None, *, quiet: bool = True) -> Score:
    """Compare the platform at `url` with what a journal's town sent."""
    past = read(journal)
    town, faults = build(past.recipe)
    segments = [segment for segment in past.segments if segment.end > segment.start]
    if not segments:
        raise BypulsError(_NOTHING.format(journal=journal))
    late = sum(segment.late for segment in segments)
    result = Score(
        late=late, registering=_registering(past.recipe), line=dict(Counter(each.fault for each in past.line))
    )
    with Platform(url, token) as platform:
        quarantined, result.quarantine_reasons = _read_quarantine(
            platform, {node.node for node in town.nodes}
        )
        _compare_intervals(town, platform.expected_intervals(), result)
        recognitions = Recognitions(faults, past.line)
        places = [(group, row) for group in town.groups for row in range(len(group.names))]
        for group, row in track(places, "comparing", transient=True, disable=quiet):
            _compare(platform, town, faults, group, row, segments, quarantined, recognitions, result)
        result.faults = recognitions.table()
        result.alarms_without_cause = recognitions.uncaused()
        result.flagged_good = recognitions.flagged_good
        if not result.sent:
            raise BypulsError(_NOTHING.format(journal=journal))
        result.scenarios = showings(platform, town, segments[0].start, segments[-1].end)
    return result


def _compare(
    platform: Platform,
    town: Town,
    faults: Faults,
    group: Group,
    row: int,
    segments: list[Segment],
    quarantined: Quarantined,
    recognitions: Recognitions,
    result: Score,
) -> None:
    node = group.names[row]
    truths = sent(town, faults, group, row, segments)
    skewed = any(name.startswith("clock") for name in faults.rates)
    for channel, truth in truths.items():
        if not len(truth.time):
            continue
        begin, end = int(truth.time[0]), int(truth.time[-1]) + 1
        stored = Stored(*platform.readings(f"{node}/{channel}", begin, end))
        kept = np.array(sorted(quarantined.get((node, channel), ())), np.int64)
        there = np.searchsorted(stored.time, truth.time)
        there = np.minimum(there, max(len(stored.time) - 1, 0))
        has = stored.time[there] == truth.time if len(stored.time) else np.zeros(len(truth.time), np.bool_)
        in_quarantine = np.isin(truth.time, kept) & ~has
        refused = in_quarantine & ~truth.unit_wrong & ~truth.ahead
        wrong = has & truth.unit_wrong
        wrong[has] |= stored.value[there[has]] != truth.value[has]
        lost = ~has & ~in_quarantine
        extra = ~np.isin(stored.time, truth.time)
        extra[1:] |= stored.time[1:] == stored.time[:-1]
        # What was sent but not acknowledged when a run ended may be there, or not.
        extra &= _within(stored.time, segments, group.step, _SKEW if skewed else 0)
        result.sent += len(truth.time)
        result.stored += int(has.sum())
        result.quarantined += int((in_quarantine & ~refused).sum())
        result.refused += int(refused.sum())
        result.lost += int(lost.sum())
        result.wrong += int(wrong.sum())
        result.doubled += int(extra.sum())
        for what, times in (
            ("lost", truth.time[lost]),
            ("refused without cause", truth.time[refused]),
            ("wrong", truth.time[wrong]),
            ("doubled", stored.time[extra]),
        ):
            if len(times) and len(result.examples) < _MOST_EXAMPLES:
                first = np.datetime64(int(times[0]), "us")
                result.examples.append(f"{node}/{channel}: {len(times):,} {what}, the first at {first}Z")
        recognitions.note(group, row, channel, segments, stored.time, stored.flags, truth.time[in_quarantine])


def _compare_intervals(town: Town, expected: dict[str, float | None], result: Score) -> None:
    for node in town.nodes:
        for channel in node.channels:
            stream = f"{node.node}/{channel.name}"
            if stream not in expected:
                continue
            interval = expected[stream]
            result.intervals_unknown += interval is None
            result.intervals_other += interval is not None and interval != node.interval


def _registering(recipe: Recipe) -> str:
    """Return the command that makes the nodes of a recipe known, with their places and intervals."""
    nodes = "" if recipe.nodes is None else f" --nodes {recipe.nodes}"
    interval = "" if recipe.interval is None else f" --interval {recipe.interval:g}s"
    return f"bypuls nodes apply --town {recipe.town}{nodes}{interval}"


def sent(town: Town, faults: Faults, group: Group, row: int, segments: list[Segment]) -> dict[str, Truth]:
    """Return what a node sent in acknowledged stretches, by channel."""
    parts: dict[str, list[Truth]] = defaultdict(list)
    rows = np.array([row])
    for segment in segments:
        for begin in range(segment.start, segment.end, _DAY):
            tick = _ticks(group, row, begin, min(begin + _DAY, segment.end))
            if not tick.size:
                continue
            block = faults.apply(Block(group, rows, tick, town.measure(group, rows, tick)))
            was_sent = np.ones(tick.shape, np.bool_) if block.sent is None else block.sent
            for channel in group.channels:
                wrong = block.units.get(channel.name, np.zeros(tick.shape, np.bool_))
                stamped = stamps(block, channel)
                ahead = stamped - tick > _MOST_AHEAD
                values = block.values[channel.name]
                parts[channel.name].append(
                    Truth(stamped[was_sent], values[was_sent], wrong[was_sent], ahead[was_sent])
                )
    truths = {}
    for name, pieces in parts.items():
        time, value, wrong, ahead = (
            np.concatenate([getattr(piece, column.name) for piece in pieces]) for column in fields(Truth)
        )
        order = np.argsort(time, kind="stable")
        truths[name] = Truth(time[order], value[order], wrong[order], ahead[order])
    return truths


def _ticks(group: Group, row: int, start: int, end: int) -> TimeArray:
    phase = int(group.phase[row])
    first = -((phase - start) // group.step) * group.step + phase
    return np.arange(first, end, group.step, dtype=np.int64)[None, :]


def _within(time: TimeArray, segments: list[Segment], step: int, margin: int) -> NDArray[np.bool_]:
    within = np.zeros(len(time), np.bool_)
    for segment in segments:
        within |= (time >= segment.start) & (time < segment.end - step - margin)
    return within


def _read_quarantine(platform: Platform, nodes: set[str]) -> tuple[Quarantined, dict[str, int]]:
    """Return which readings of the town's nodes are in quarantine, and how many messages for which reason."""
    readings: Quarantined = defaultdict(set)
    reasons: dict[str, int] = defaultdict(int)
    for entry in platform.quarantine():
        levels = entry["topic"].split("/")
        node = levels[2] if len(levels) == 4 else ""
        if node not in nodes:
            continue
        reasons[entry["reason"]] += entry["times"]
        try:
            pack = senml.decode(entry["payload"])
        except PackError:
            continue
        places = range(len(pack.values)) if pack.records is None else pack.records
        at_fault = None if entry["records"] is None else set(entry["records"])
        for place, name, time in zip(places, pack.names, pack.times, strict=True):
            if at_fault is None or place in at_fault:
                readings[node, pack.base_name + name].add(round((pack.base_time + time) * SECOND))
    return readings, dict(reasons)

"""The judge: holds the journal of a node against the database."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from chaos.evidence import Evidence, Reading, gaps, readings
from chaos.naive import NaiveNode
from chaos.node import WINDOW, Node
from chaos.tap import Pack
from chaos.verdict import Verdict
from chaos.windows import covered

_RAW, _SUM, _COUNT = "no2", "rainfall", "rainfall.n"
_PROMPT = 1.0
"""Between the journal and the stamp, in seconds; more only where the node stood still or had no clock."""
_UNSET = 5.0
"""An answer that took so long may still set a clock."""
_STEP = 0.15
"""A window is closed, and its pack stored, so long after its end at the latest, in seconds."""


class Claim(NamedTuple):
    """What the platform is held to: noted before the database is read, so that this cannot be behind it."""

    until: int
    """Number of the last sample that counts."""
    acknowledged: Mapping[str, frozenset[int]]
    """What was said to be safe: seqs by log, of the baseline the numbers of samples."""


class Carried(NamedTuple):
    """A reading of the journal as it went out: in which pack, and whether the platform has it."""

    pack: Pack
    kept: bool
    time: int


class Judge:
    """Judges one node; `twin` if another has its name."""

    def __init__(self, node: Node, claim: "Claim", evidence: Evidence, *, twin: bool) -> None:
        self.verdict = Verdict()
        self._node, self._evidence, self._twin = node, evidence, twin
        self._claim = claim
        self._tolerance = 1e6 * (_PROMPT + node.frozen + (_UNSET if node.unset_clock else 0))
        self._doubtful = node.in_hand | node.torn
        # In this order: whatever went out by now was measured before.
        self._payloads = dict(node.tap.packs)
        self._packs = {pack: readings(payload) for pack, payload in self._payloads.items()}
        self._journal = node.samples()

    def judge(self) -> Verdict:
        """Hold everything against each other."""
        raw = self._samples()
        self._account(raw, raw, windows=False)
        self._account(self._windows(), raw, windows=True)
        for log in {log for log, _ in self._packs}:
            self._call_to_account(log, raw)
        for pack in self._node.tap.changed:
            self._wrong(f"pack {pack} went out with two contents")
        if not self._node.running:
            self._wrong("the agent ended by itself")
        if "Traceback" in self._node.log.read_text(errors="replace"):
            self._wrong("its log tells of a defect")
        if self._evidence.quarantined:
            self._wrong(f"in quarantine: {self._evidence.quarantined}")
        return self.verdict

    def sent(self) -> set[Reading]:
        """Return all that went out."""
        return {reading for pack in self._packs.values() for reading in pack}

    def _kept(self, reading: Reading) -> bool:
        if self._evidence.holds(reading):
            return True
        return self._twin and reading in self._evidence.conflicts

    def _samples(self) -> dict[int, list[Carried]]:
        found: dict[int, list[Carried]] = defaultdict(list)
        for pack, content in self._packs.items():
            for reading in content:
                if reading.channel != _RAW:
                    continue
                number = int(reading.value)
                if number != reading.value or number not in self._journal:
                    self._wrong(f"{reading} was never measured")
                    continue
                if abs(late := reading.time - self._journal[number]) > self._tolerance:
                    self._wrong(f"{reading} has a time that is {late / 1e6:.3f} s off")
                found[number].append(Carried(pack, self._kept(reading), reading.time))
        return found

    def _windows(self) -> dict[int, list[Carried]]:
        found: dict[int, list[Carried]] = defaultdict(list)
        numbers = sorted(self._journal)
        for time, (total, count) in self._pairs().items():
            (pack, reading), (count_pack, count_reading) = total, count
            samples = covered(numbers, self._doubtful, int(count_reading.value), reading.value)
            if not samples:
                self._wrong(f"{reading} is the sum of no {count_reading.value:g} samples in a row")
                continue
            begin = self._journal[samples[0]] - time
            if not -self._tolerance < begin < WINDOW * 1e6 + self._tolerance:
                self._wrong(f"{reading} begins {begin / 1e6:.3f} s before its first sample")
            kept = self._kept(reading) and self._kept(count_reading)
            for number in samples:
                found[number].append(Carried(max(pack, count_pack), kept, time))
        return found

    def _pairs(self) -> Mapping[int, tuple[tuple[Pack, Reading], tuple[Pack, Reading]]]:
        """Bring sum and n of each window together: they may be in two packs, one of which was dropped."""
        halves: dict[str, dict[int, tuple[Pack, Reading]]] = {_SUM: {}, _COUNT: {}}
        for pack, content in sorted(self._packs.items()):
            for reading in content:
                if reading.channel in halves:
                    before = halves[reading.channel].setdefault(reading.time, (pack, reading))
                    if before[1] != reading:
                        self._wrong(f"{reading} and {before[1]} went out for one instant")
        return {
            time: (halves[_SUM][time], halves[_COUNT][time]) for time in halves[_SUM].keys() & halves[_COUNT]
        }

    def _account(
        self, carried: Mapping[int, list[Carried]], raw: Mapping[int, list[Carried]], *, windows: bool
    ) -> None:
        """Say of each reading of the journal what became of it."""
        verdict, order = self.verdict, _Order(carried)
        acknowledged = self._claim.acknowledged
        for number, measured in self._journal.items():
            ways = carried.get(number, [])
            instants = {way.time for way in ways if way.kept}
            verdict.rows += len(instants)
            verdict.doubled += max(0, len(instants) - 1)
            if len(instants) > 1:
                verdict.notes.append(f"{self._node.name}: sample {number} is there at {sorted(instants)}")
            if number > self._claim.until:
                continue
            safe = any(way.pack[1] in acknowledged.get(way.pack[0], ()) for way in ways)
            verdict.generated += 1
            verdict.acknowledged += safe
            if instants:
                verdict.distinct += 1
            elif safe:
                verdict.lost_acknowledged += 1
                verdict.notes.append(f"{self._node.name}: sample {number} was acknowledged and is lost")
            elif self._declared(order.between(number), ways, windows=windows):
                verdict.declared += 1
            elif number <= self._node.wiped and order.may_be_wiped(number, self._node.wiped):
                verdict.wiped += 1
            elif number in self._doubtful or (windows and self._cut_short(measured)):
                verdict.in_hand += 1
            else:
                verdict.lost += 1
                verdict.notes.append(
                    f"{self._node.name}: sample {number} is lost{' in its window' if windows else ''}; "
                    f"{ways or order.between(number)}"
                )

    def _declared(self, between: "Between", ways: Iterable[Carried], *, windows: bool) -> bool:
        """Tell whether the pack of a reading was declared lost: the one it was in, or else the ones that lie
        between those of its neighbours and never went out."""
        packs = {way.pack for way in ways}
        if packs:
            return all(self._dropped(log, seq, seq) for log, seq in packs)
        reach = 0 if windows else 1  # of a window, one half may be in a pack that went out
        return self._dropped(between.log, between.low + reach, between.high - reach)

    def _dropped(self, log: str, first: int, last: int) -> bool:
        """Tell whether any pack from `first` to `last` was declared dropped."""
        return any(max(first, low) <= min(last, high) for low, high in self._evidence.dropped.get(log, ()))

    def _call_to_account(self, log: str, raw: Mapping[int, list[Carried]]) -> None:
        """Look for packs of a log that were declared dropped without a reason.

        The oldest ones go first: what explains the loss of one explains that of all before it. A run whose
        clock was wrong, and that ended before it learnt the time, left packs that nobody can place.
        """
        declared = {seq for low, high in self._evidence.dropped.get(log, ()) for seq in range(low, high + 1)}
        declared -= {seq for name, seq in self._node.torn_off if name == log}
        ends = [seq for seq in declared if seq + 1 not in declared]
        explained = max((seq for seq in ends if self._had_to_go(log, seq)), default=0)
        undue = sorted(seq for seq in declared if seq > explained)
        order = _Order(raw)
        for run in self._node.misled:
            if run and not any(number in raw for number in run):
                place = order.between(run[0])
                undue = [seq for seq in undue if place.log != log or not place.low < seq < place.high]
        if undue:
            self.verdict.undue += len(undue)
            self.verdict.notes.append(f"{self._node.name}: declared without a reason: {log} {undue}")

    def _had_to_go(self, log: str, seq: int) -> bool:
        """Tell whether the store was full of newer packs before the first one that declares this one lost."""
        sizes = {number: len(data) for (name, number), data in self._payloads.items() if name == log}
        telling = min(
            (
                number
                for (name, number), data in self._payloads.items()
                if name == log and any(low <= seq <= high for low, high in gaps(data))
            ),
            default=0,
        )
        largest = max(sizes.values())  # of what never went out, it too was dropped, the size is not known
        return self._node.fills([sizes.get(number, largest) for number in range(seq + 1, telling)])

    def _cut_short(self, measured: int) -> bool:
        """Tell whether the window of a sample was open, and in memory only, when the agent was killed."""
        if self._node.keeps_windows:
            return False
        longest = (WINDOW + _STEP) * 1e6
        return any(abs(ended - measured) <= longest for ended in self._node.ended)

    def _wrong(self, note: str) -> None:
        self.verdict.wrong += 1
        self.verdict.notes.append(f"{self._node.name}: {note}")


class Between(NamedTuple):
    """A place among the packs of a log: after `low`, before `high`; both went out."""

    log: str
    low: int
    high: int


class _Order:
    """The readings of a node that went out, in order of their numbers."""

    def __init__(self, carried: Mapping[int, Sequence[Carried]]) -> None:
        self._numbers = sorted(carried)
        self._first = [min(carried[number]).pack for number in self._numbers]

    def between(self, number: int) -> Between:
        """Return where a reading that never went out would have been."""
        at = bisect_left(self._numbers, number)
        before = self._first[at - 1] if at else None
        after = self._first[at] if at < len(self._first) else None
        if after is not None and before is not None and after[0] != before[0]:
            return Between(after[0], 0, after[1])
        if after is not None:
            return Between(after[0], before[1] if before else 0, after[1])
        return Between(*(before or ("", 0)), high=1 << 40)

    def may_be_wiped(self, number: int, wiped: int) -> bool:
        """Tell whether a store that was wiped after the sample `wiped` may have had a reading in a pack.

        It had none if the packs before and behind it both went out, and there is no number between them.
        """
        at = bisect_left(self._numbers, number)
        if at == len(self._numbers) or self._numbers[at] > wiped or self._numbers[at] == number:
            return True
        place = self.between(number)
        return place.high - place.low > 1


def judge(
    nodes: Sequence[Node], claims: Mapping[Node, Claim], evidence: Mapping[str, Evidence]
) -> dict[Node, Verdict]:
    """Judge nodes; what was stored under their names and never sent is wrong, too."""
    verdicts: dict[Node, Verdict] = {}
    sent: dict[str, set[Reading]] = defaultdict(set)
    names = [node.name for node in nodes]
    for node in nodes:
        if isinstance(node, NaiveNode):
            verdicts[node] = _baseline(node, claims[node], evidence[node.name])
            continue
        judge = Judge(node, claims[node], evidence[node.name], twin=names.count(node.name) > 1)
        verdicts[node] = judge.judge()
        sent[node.name] |= judge.sent()
    for name, mine in sent.items():
        node = next(node for node in nodes if node.name == name)
        for (channel, time), value in evidence[name].rows.items():
            if Reading(channel, time, value) not in mine:
                verdicts[node].wrong += 1
                verdicts[node].notes.append(f"{name}: {(channel, time, value)} is stored and was never sent")
        verdicts[node].conflicts += len(evidence[name].conflicts)
    return verdicts


def _baseline(node: NaiveNode, claim: Claim, evidence: Evidence) -> Verdict:
    verdict = Verdict()
    stored = [int(value) for value in evidence.rows.values()]
    confirmed = claim.acknowledged[""]
    there = set(stored)
    verdict.rows, verdict.doubled = len(stored), len(stored) - len(there)
    for number in node.samples():
        if number > claim.until:
            continue
        verdict.generated += 1
        verdict.acknowledged += number in confirmed
        if number in there:
            verdict.distinct += 1
        elif number in confirmed:
            verdict.lost_acknowledged += 1
        else:
            verdict.lost += 1
    return verdict

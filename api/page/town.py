"""What the page shows of the town: its open nodes by theme, and what each of them measured last."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from api.page import figures
from api.page.words import Words
from bypuls.channels import of_channel
from bypuls.quality import CERTAINLY_WRONG
from bypuls.quantities import QUANTITIES, Kind
from bypuls.store.catalog import OpenStream
from bypuls.themes import THEMES, theme_of, theme_of_node


@dataclass(frozen=True, slots=True)
class Part:
    """One stream's newest reading."""

    stream: str
    value: float
    time: datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a node measures; of several bays or lamps, how many are taken or on."""

    label: str
    text: str
    unit: str
    time: datetime
    age: str
    doubtful: bool
    quantity: str | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class State:
    """What the summary says of a node."""

    severity: str
    label: str
    stream: str
    """what that rests on; empty where nothing does"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A node under a theme."""

    node: str
    place: str
    latitude: float | None
    longitude: float | None
    owner: str
    state: State
    rows: list[Row]

    @property
    def urgency(self) -> int:
        """Where it stands among others: the lower, the sooner it is to be read."""
        return _URGENCY.get(self.state.severity, 0)


@dataclass(slots=True)
class ThemeEntries:
    """A theme with its nodes by place, but those of which something is told go first, the worst of all."""

    key: str
    name: str
    entries: list[Entry] = field(default_factory=list)

    @property
    def urgency(self) -> int:
        """That of its most urgent node."""
        return min((entry.urgency for entry in self.entries), default=0)


def listed(streams: Iterable[OpenStream]) -> dict[str, list[OpenStream]]:
    """Return what is shown of each node that is.

    Left out are statistics such as `no2.max`, what a node tells of itself, and streams without a reading.
    """
    found: dict[str, list[OpenStream]] = defaultdict(list)
    for stream in streams:
        if stream.time is not None and not stream.statistic and theme_of(stream.quantity) is not None:
            found[stream.node].append(stream)
    return found


def themes(
    words: Words, streams: Iterable[OpenStream], states: Mapping[str, State], now: datetime
) -> list[ThemeEntries]:
    """Return all themes with their nodes and what these measured last; `states` are by node."""
    unknown = State("silent", words("silent"), "")
    made = {theme.key: ThemeEntries(theme.key, words.pick(theme)) for theme in THEMES}
    for node, measured in listed(streams).items():
        theme = theme_of_node(each.quantity for each in measured)
        if theme is not None:
            made[theme.key].entries.append(_entry(words, node, measured, states.get(node, unknown), now))
    for each in made.values():
        each.entries.sort(key=lambda entry: (entry.urgency, entry.place.casefold(), entry.node))
    return list(made.values())


def _entry(words: Words, node: str, measured: list[OpenStream], state: State, now: datetime) -> Entry:
    things: dict[str, list[OpenStream]] = defaultdict(list)
    for each in measured:
        # Bays of a car park are one thing, the two directions of a road are two.
        together = QUANTITIES[each.quantity or ""].kind is Kind.STATE
        things[each.quantity or "" if together else each.channel].append(each)
    first = measured[0]
    # The first row stands for the node: `water_level` goes before `out/water_level`.
    plain_first = sorted(things.values(), key=lambda group: group[0].channel.count("/"))
    rows = sorted(
        (_row(words, group, now) for group in plain_first), key=lambda row: _RANK[row.quantity or ""]
    )
    return Entry(node, first.place or node, first.latitude, first.longitude, first.owner or "", state, rows)


_URGENCY = {"alarm": -3, "warning": -2, "notice": -1}
_RANK = {key: rank for rank, key in enumerate(key for theme in THEMES for key in theme.quantities)}


def label(words: Words, channel: str, quantity: str | None) -> str:
    """Name what a channel measures, such as "Antall kjøretøy, inn"."""
    meaning = of_channel(channel, quantity)
    known = QUANTITIES.get(quantity or "")
    parts = [words.pick(known) if known else channel.rpartition("/")[2]]
    prefix = channel.rpartition("/")[0]
    if prefix:
        parts.append(words.find(prefix) or prefix)
    if meaning.statistic:
        parts.append(words.find(f"statistic_{meaning.statistic}") or meaning.statistic)
    return ", ".join(parts)


def _row(words: Words, group: list[OpenStream], now: datetime) -> Row:
    first = group[0]
    time = max(each.time for each in group if each.time is not None)
    if len(group) > 1:
        what = words.pick(QUANTITIES[first.quantity or ""])
        text = words("of", part=sum(each.value == 1 for each in group), whole=len(group))
    else:
        what = label(words, first.channel, first.quantity)
        text = figures.reading(words, first.quantity, first.value or 0.0)
    return Row(
        label=what,
        text=text,
        unit=figures.shown_unit(first.quantity, first.unit),
        time=time,
        age=figures.age(words, (now - time).total_seconds()),
        doubtful=any((each.flags or 0) & CERTAINLY_WRONG for each in group),
        quantity=first.quantity,
        parts=tuple(Part(each.stream, each.value or 0.0, each.time) for each in group),
    )

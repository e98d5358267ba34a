"""Clauses: one thing that is said of the town, with the numbers in it and the readings that they rest on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from statistics import fmean
from string import Formatter

from bypuls.instants import ZONE
from bypuls.readings import SECOND
from bypuls.summary.snapshot import HOUR, Sensor, Threshold
from bypuls.usual_hours import UsualHour
from bypuls.windows import Window

LANGUAGES = ("nb", "en")
_SPACE = "\N{NO-BREAK SPACE}"
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Severity(IntEnum):
    """How much it matters."""

    CALM = 1
    NOTICE = 2
    WARNING = 3
    ALARM = 4


class How(StrEnum):
    """How a number comes from the readings that it names."""

    VALUE = "value"
    """it is the value of the one reading"""
    COUNT = "count"
    """how many nodes have a reading among them"""
    DIFFERENCE = "difference"
    """the first less the second, without its sign"""
    RATE = "rate"
    """the first less the second, by the hours between the middles of their times; cm/h where they are in m"""
    SUM = "sum"
    """the sum of them"""
    STREAMS = "streams"
    """how many readings of streams there are among them"""
    MEAN = "mean"
    """the mean of them"""
    END = "end"
    """the time at which the one reading ends"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Readings of one stream put into one value; `start` included, `end` excluded, microseconds since 1970.

    `statistic`: last, mean, sum, max, count or rate (increase an hour, from the first to the last) of the `n`
    readings in the range; usual_p10, usual_p50 or usual_p90 of `n` hours like the one given; or the threshold
    that is named (yellow, orange, red), whose range has no meaning. `value` is None where nothing was read.
    """

    stream: str
    statistic: str
    value: float | None
    unit: str
    n: int
    start: int
    end: int

    @property
    def node(self) -> str:
        """The node that measures."""
        return self.stream.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it stands in a sentence; `readings` are positions in the clause's evidence."""

    value: float
    unit: str
    how: How
    readings: tuple[int, ...]
    text: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a sentence, by language; with numbers in braces, if any, and ~ for a space that holds."""

    nb: str
    en: str


Part = Words | Number | str
"""A string is the same in all languages, such as the name of a place."""


@dataclass
class Finding:
    """What a rule found: the parts of its sentence by name, the evidence, and the nodes it is about."""

    nodes: tuple[str, ...] = ()
    since: int | None = None
    theme: str | None = None
    """where it is another than the rule's"""
    evidence: list[Evidence] = field(default_factory=list)
    parts: dict[str, Part] = field(default_factory=dict)

    def rest_on(self, *evidence: Evidence) -> tuple[int, ...]:
        """Add evidence and return its positions."""
        begin = len(self.evidence)
        self.evidence.extend(evidence)
        return tuple(range(begin, begin + len(evidence)))

    def say(self, name: str, how: How, *evidence: Evidence, unit: str = "", decimals: int = 0) -> None:
        """Put the number that `how` makes of evidence under a name; `unit` where it isn't theirs."""
        positions = self.rest_on(*evidence)
        number = make(how, evidence) * (100 if unit == "cm/h" else 1)
        unit = unit or ("" if how in (How.COUNT, How.STREAMS) else evidence[0].unit)
        self.parts[name] = Number(number, unit, how, positions, _written(number, decimals))

    def say_time(self, name: str, evidence: Evidence, now: int) -> None:
        """Put the time at which the evidence ends under a name."""
        positions = self.rest_on(evidence)
        text = {language: clock(evidence.end, now, language) for language in LANGUAGES}
        self.parts[name] = Number(evidence.end, "", How.END, positions, text)

    def text(self, template: Mapping[str, str]) -> dict[str, str]:
        """Fill a template of each language."""
        return {language: self._fill(template[language], language) for language in LANGUAGES}

    def numbers(self, template: str) -> list[Number]:
        """Return the numbers that stand in a filled template, in their order."""
        found: list[Number] = []
        for name in _names(template):
            part = self.parts[name]
            found += self.numbers(part.nb) if isinstance(part, Words) else []
            found += [part] if isinstance(part, Number) else []
        return found

    def _fill(self, template: str, language: str) -> str:
        filled = {name: self._written(self.parts[name], language) for name in _names(template)}
        return template.replace("~", _SPACE).format(**filled)

    def _written(self, part: Part, language: str) -> str:
        match part:
            case Words():
                return self._fill(part.nb if language == "nb" else part.en, language)
            case Number():
                return part.text[language]
        return part


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that is said; `text` by language, `since` in microseconds since 1970.

    `label`: the same in two or three words, for the nodes it is about; None where these have their own.
    """

    id: str
    theme: str | None
    severity: Severity
    text: Mapping[str, str]
    since: int | None
    nodes: Sequence[str]
    numbers: Sequence[Number]
    evidence: Sequence[Evidence]
    label: Words | None = None


def plural(count: int, one: Words, many: Words) -> Words:
    """Return the words for so many."""
    return one if count == 1 else many


def make(how: How, evidence: Sequence[Evidence]) -> float:
    """Return the number that comes of evidence."""
    values = [0.0 if each.value is None else each.value for each in evidence]
    match how:
        case How.VALUE:
            return values[0]
        case How.COUNT:
            return len({each.node for each in evidence})
        case How.DIFFERENCE:
            return abs(values[0] - values[1])
        case How.RATE:
            middles = [(each.start + each.end) / 2 for each in evidence]
            return (values[0] - values[1]) / ((middles[0] - middles[1]) / HOUR)
        case How.STREAMS:
            return len(evidence)
        case How.SUM:
            return sum(values)
        case How.MEAN:
            return fmean(values)
        case How.END:
            return evidence[0].end


def of_window(sensor: Sensor, window: Window, statistic: str) -> Evidence:
    """Return a window as evidence: its mean, sum, max or rate (increase an hour)."""
    match statistic:
        case "mean":
            value = window.mean
        case "sum":
            value = window.total
        case "max":
            value = window.maximum
        case "count":
            value = window.n
        case _:
            hours = (window.last_time - window.first_time) / HOUR
            value = (window.last - window.first) / hours
    unit = {"rate": f"{sensor.unit}/h", "count": "1"}.get(statistic, sensor.unit)
    return Evidence(sensor.stream, statistic, value, unit, window.n, window.start, window.end)


def of_newest(sensor: Sensor, now: int) -> Evidence:
    """Return a sensor's newest reading as evidence; that nothing came in a day where there is none."""
    if sensor.time is None:
        return Evidence(sensor.stream, "last", None, sensor.unit, 0, now - 24 * HOUR, now)
    return Evidence(sensor.stream, "last", sensor.value, sensor.unit, 1, sensor.time, sensor.time + 1)


def of_usual(sensor: Sensor, hour: UsualHour, which: str) -> Evidence:
    """Return what is usual in an hour as evidence: p10, p50 or p90."""
    value = getattr(hour, which)
    return Evidence(
        sensor.stream, f"usual_{which}", value, sensor.unit, hour.n, hour.start, hour.start + HOUR
    )


def of_threshold(sensor: Sensor, threshold: Threshold) -> Evidence:
    """Return a threshold as evidence."""
    return Evidence(sensor.stream, threshold.level, threshold.value, sensor.unit, 0, 0, 0)


def written(value: float, decimals: int, language: str) -> str:
    """Write a number as the language has it: 1 520,5 or 1,520.5."""
    text = f"{value:,.{decimals}f}"
    if text.strip("-0.,") == "":
        text = text.removeprefix("-")
    if language == "nb":
        text = text.replace(",", _SPACE).replace(".", ",")
    return text.replace("-", "\N{MINUS SIGN}")


def clock(time: int, now: int, language: str) -> str:
    """Write a time as clocks in Oslo show it, with the date where that is another than now's."""
    local, today = (datetime.fromtimestamp(each // SECOND, UTC).astimezone(ZONE) for each in (time, now))
    hour = f"{local:%H:%M}"
    same_day = local.date() == today.date()
    if language == "nb":
        hour = f"kl.{_SPACE}{hour}"
        return hour if same_day else f"{local.day}.{local.month}. {hour}"
    return hour if same_day else f"{local.day} {_MONTHS[local.month - 1]} {hour}"


def _names(template: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(template) if name]


def _written(value: float, decimals: int) -> dict[str, str]:
    return {language: written(value, decimals, language) for language in LANGUAGES}

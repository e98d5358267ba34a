"""The journal of a run: what was simulated, and what of it the platform has acknowledged; JSON lines.

It holds recipe and spans, not values: a scorer computes the values again, for they follow from the recipe.
"""

import fcntl
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Self

import msgspec

from bypuls import senml
from bypuls.errors import BypulsError
from bypuls.instants import to_datetime, to_microseconds
from bypuls.readings import SECOND


class Recipe(msgspec.Struct, frozen=True):
    """What makes a town: the same recipe gives the same readings; `at` is the height of its scenarios."""

    town: str
    seed: int
    nodes: int | None
    interval: float | None
    scenarios: list[str]
    at: int
    faults: dict[str, float]


class Segment(msgspec.Struct):
    """A stretch of ticks [start, end), all acknowledged; those from `live` on were sent at their time.

    `live` is when the town had caught up with the clock; while it is behind, all is sent after its time.
    `readings` were acknowledged, `late` of them more than a minute after they were sent first.
    """

    start: int
    end: int
    live: int
    readings: int = 0
    late: int = 0


class LineFault(msgspec.Struct, frozen=True):
    """What a bad line did to a pack of a node, whose readings are stamped from `start` to `end`."""

    fault: str
    node: str
    start: int
    end: int


class Past(msgspec.Struct):
    """What a journal tells of the runs so far."""

    recipe: Recipe
    segments: list[Segment]
    line: list["LineFault"]
    size: int
    """bytes of whole lines"""


class Journal:
    """A journal that is being written, after what it holds already; use it as a context manager.

    Raises BypulsError when the file can't be written, is damaged, or belongs to another recipe, and, on
    entering, when another simulation writes into it.
    """

    def __init__(self, path: Path | None, recipe: Recipe) -> None:
        self.path = path
        self.recipe = recipe
        self._file: IO[bytes] | None = None
        self._told: set[bytes] = set()
        self.past = self._read()

    def __enter__(self) -> Self:
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("ab")
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.past = self._read()  # nobody else writes now
                if self.past is not None:
                    self._file.truncate(self.past.size)  # a killed run may have left half a line
                    self._told = {
                        msgspec.json.encode(told) for _, told in _lines(self.path) if told["what"] in _ONCE
                    }
            except BlockingIOError:
                self.__exit__()
                raise BypulsError(
                    f"another simulation writes the journal {self.path}; wait for its end, or give this one "
                    "another by --journal"
                ) from None
            except OSError as error:
                self.__exit__()
                raise BypulsError(f"the journal {self.path} can't be written: {error.strerror}") from error
        if self.past is None:
            recipe = msgspec.to_builtins(self.recipe) | {"at": _time(self.recipe.at)}
            self.write("town", {"version": VERSION, **recipe})
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def segments(self) -> list[Segment]:
        """What earlier runs have sent, by its start."""
        return self.past.segments if self.past else []

    @property
    def safe_until(self) -> int | None:
        """Until when the ticks of earlier runs are acknowledged; None without an earlier run."""
        return max((segment.end for segment in self.segments), default=None)

    def write(self, what: str, told: dict[str, Any]) -> None:
        """Write a line; scenarios and faults that were told before are not told again."""
        if self._file is None:
            return
        line = msgspec.json.encode({"what": what, **told})
        if line in self._told:
            return
        if what in _ONCE:
            self._told.add(line)
        self._file.write(line + b"\n")
        self._file.flush()

    def span(self, what: str, start: int, end: int, told: dict[str, Any]) -> None:
        """Write a line about something that lasts from `start` to `end`, microseconds since 1970."""
        self.write(what, told | {"from": _time(start), "to": _time(end)})

    def _read(self) -> Past | None:
        if self.path is None or not self.path.exists() or not self.path.stat().st_size:
            return None
        past = read(self.path)
        if past.recipe != self.recipe:
            raise BypulsError(
                f"{self.path} is the journal of another town: {_difference(past.recipe, self.recipe)}"
            )
        return past

    def bad_line(self, fault: str, node: str, seq: int, payload: bytes) -> None:
        """Write what a bad line does to a pack: before it's sent, so that a killed run has told it too."""
        pack = senml.decode(payload)
        start, end = (round((pack.base_time + time) * SECOND) for time in (min(pack.times), max(pack.times)))
        self.span("line", start, end, {"fault": fault, "node": node, "seq": seq})

    def safe(self, segment: Segment) -> None:
        """Write what is acknowledged by now; it stands for what was written of the same segment before."""
        told = msgspec.to_builtins(segment)
        del told["start"], told["end"]
        self.span("safe", segment.start, segment.end, told | {"live": _time(segment.live)})


VERSION = 3
"""Rises when a journal is written otherwise, and when the same recipe makes other readings."""

_ONCE = ("scenario", "fault")


def read(path: Path) -> Past:
    """Read a journal; raises BypulsError when there is none, or it can't be read as one.

    Its segments ascend; stretches of one history that were sent one by one are one segment.
    """
    past: Past | None = None
    segments: dict[int, Segment] = {}
    bad: list[LineFault] = []
    for number, told in _lines(path):
        try:
            if told["what"] == "town":
                if (version := told.pop("version")) != VERSION:
                    raise BypulsError(
                        f"{path} is a journal of version {version}; only those of version {VERSION} can be "
                        "scored or continued, since the town now measures or notes otherwise. Simulate anew "
                        "with another --journal"
                    )
                past = Past(msgspec.convert(told | {"at": _instant(told["at"])}, Recipe), [], bad, 0)
            elif told["what"] == "line":
                start, end = (_instant(told[key]) for key in ("from", "to"))
                bad.append(LineFault(told["fault"], told["node"], start, end))
            elif told["what"] == "safe" and past is not None:
                start, end, live = (_instant(told[key]) for key in ("from", "to", "live"))
                counted = {key: told[key] for key in ("readings", "late")}
                segments[start] = msgspec.convert(
                    {"start": start, "end": end, "live": live, **counted}, Segment
                )
        except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
            raise BypulsError(f"{path}, line {number}: this is no line of a journal: {error!r}") from error
    if past is None:
        raise BypulsError(f"{path} tells of no town; it should be what bypuls simulate --journal wrote")
    past.segments = _joined(segments)
    past.size = path.read_bytes().rfind(b"\n") + 1
    return past


def _joined(segments: dict[int, Segment]) -> list[Segment]:
    joined: list[Segment] = []
    for _, segment in sorted(segments.items()):
        before = joined[-1] if joined else None
        if before is not None and before.live >= before.end == segment.start:
            readings, late = before.readings + segment.readings, before.late + segment.late
            joined[-1] = Segment(before.start, segment.end, segment.live, readings, late)
        else:
            joined.append(segment)
    return joined


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise BypulsError(f"the journal {path} can't be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if number == len(lines) and not line.endswith("\n"):
            return  # the run was killed while it wrote this
        try:
            yield number, msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise BypulsError(f"{path}, line {number}: {error}") from error


def _difference(known: Recipe, wanted: Recipe) -> str:
    names = [name for name in Recipe.__struct_fields__ if getattr(known, name) != getattr(wanted, name)]
    told = [f"{name} is {getattr(known, name)!r} there and {getattr(wanted, name)!r} here" for name in names]
    return f"{'; '.join(told)}. Name another file by --journal"


def _time(time: int) -> str:
    return to_datetime(time).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _instant(text: str) -> int:
    return to_microseconds(datetime.fromisoformat(text))

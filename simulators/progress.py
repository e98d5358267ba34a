"""How far sending has got: a bar where a person watches, a line now and then where a log is written."""

import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

_BETWEEN_LINES = 5.0


class SendProgress:
    """Shows readings acknowledged out of `total`, of which `done` were so before; a context manager.

    `doing` stands before the bar, such as replaying.
    """

    def __init__(self, console: Console, doing: str, total: int, done: int = 0) -> None:
        self._console = console
        self._total = total
        self._done = self._safe = done
        self._more = ""
        self._start = self._last_line = time.monotonic()
        self._bar = Progress(
            TextColumn(doing),
            BarColumn(),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total, completed=done, text=self._text())

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._start

    @property
    def readings(self) -> int:
        """Readings acknowledged since the start."""
        return self._safe - self._done

    @property
    def rate(self) -> float:
        """Readings acknowledged a second, since the start."""
        return self.readings / max(self.seconds, 1e-6)

    def update(self, safe: int, more: str = "") -> None:
        """Show that `safe` readings are acknowledged by now, and what `more` there is to tell."""
        self._safe, self._more = safe, more
        self._bar.update(self._task, completed=safe, text=self._text())
        if not self._console.is_terminal and time.monotonic() - self._last_line >= _BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._console.print(self._text())

    def _text(self) -> str:
        return f"{self._safe:,} of {self._total:,} readings safe, {self.rate:,.0f}/s{self._more}"

"""What `bypuls maintain` does for an operator, once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import Progress

from bypuls.errors import BypulsError
from bypuls.instants import to_microseconds
from bypuls.maintenance.service import JobTaken, Maintenance
from bypuls.settings import DatabaseSettings, MaintainSettings
from bypuls.store.hours import HOUR

Tell = Callable[[str], None]


def run_once(database: DatabaseSettings, settings: MaintainSettings, tell: Tell) -> None:
    """Make the rollups that are due, and remove old readings."""
    with _job(database, settings) as job:
        tell(f"{_make(job):,} hourly rollups made")
        for removal in job.remove_old():
            tell(f"{_name(removal.quantity)}: {removal.readings:,} readings removed")


def rebuild(database: DatabaseSettings, settings: MaintainSettings, start: str, end: str, tell: Tell) -> None:
    """Make all rollups of a time range again, widened to whole hours."""
    first, last = _hour("START", start), -_hour("END", end, up=True)
    if first >= last:
        raise BypulsError(f"--rebuild: START {start} is not before END {end}")
    with _job(database, settings) as job:
        tell(f"{job.rebuild(first, last):,} hours marked")
        try:
            job.begin()
        except JobTaken:
            tell("the `bypuls maintain` that is running makes their rollups")
        else:
            tell(f"{_make(job):,} hourly rollups made")


def tell_removals(database: DatabaseSettings, settings: MaintainSettings, tell: Tell) -> None:
    """Tell what retention would remove."""
    if not settings.raw_days:
        tell("nothing is removed: BYPULS_MAINTAIN_RAW_DAYS is not set")
        return
    with _job(database, settings) as job:
        for removal in job.remove_old(dry_run=True):
            when = ", once the rollups of its hours are made" if removal.waits else ""
            day = removal.raw_from.date()
            tell(f"{_name(removal.quantity)}: {removal.readings:,} readings before {day} would go{when}")


@contextmanager
def _job(database: DatabaseSettings, settings: MaintainSettings) -> Iterator[Maintenance]:
    job = Maintenance(database, settings)
    try:
        yield job
    finally:
        job.close()


def _make(job: Maintenance) -> int:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("rollups", total=None)
        return job.make_rollups(tell=lambda done, total: progress.update(task, completed=done, total=total))


def _name(quantity: str) -> str:
    return quantity or "streams without a quantity"


def _hour(name: str, text: str, *, up: bool = False) -> int:
    """Read a time as an hour since 1970, rounded down; with `up` the negative of it rounded up."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BypulsError(f"--rebuild: {name} {text!r} is no time such as 2026-01-31T00:00:00Z") from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if not datetime(1970, 1, 1, tzinfo=UTC) <= time <= datetime(2100, 1, 1, tzinfo=UTC):
        raise BypulsError(f"--rebuild: {name} {text!r} does not lie between 1970 and 2100")
    return (-to_microseconds(time) if up else to_microseconds(time)) // HOUR

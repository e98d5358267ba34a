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
from bypuls.store.columnstore import Move
from bypuls.store.hours import HOUR
from bypuls.store.retention import Removal

NO_COLUMNSTORE = (
    "nothing is moved into the columnstore: this server has none (TimescaleDB's community edition has one)"
)

Tell = Callable[[str], None]


def run_once(database: DatabaseSettings, settings: MaintainSettings, tell: Tell) -> None:
    """Make the rollups that are due, remove old readings, and move old chunks into the columnstore."""
    with _job(database, settings) as job:
        tell(f"{_make(job):,} hourly rollups made")
        with _progress("readings removed") as update:
            removals = job.remove_old(tell=update)
        for removal in removals:
            tell(f"{_name(removal.quantity)}: {removal.readings:,} readings removed{_waiting(removal)}")
        if not settings.columnstore_days:
            return
        if not job.has_columnstore():
            tell(NO_COLUMNSTORE)
            return
        with _progress("chunks") as update:
            moves = job.move_chunks(tell=update)
        for move in moves:
            tell(f"{_week(move)}: moved into the columnstore, {move.before:,} bytes became {move.after:,}")


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


def tell_plans(database: DatabaseSettings, settings: MaintainSettings, tell: Tell) -> None:
    """Tell what would be removed, and what would be moved into the columnstore; beside a running job too."""
    job = Maintenance(database, settings)
    if settings.raw_days:
        with _progress("streams") as update:
            removals = job.remove_old(dry_run=True, tell=update)
        for removal in removals:
            day, name = removal.raw_from.date(), _name(removal.quantity)
            tell(f"{name}: {removal.readings:,} readings before {day} would go{_waiting(removal)}")
    else:
        tell("nothing is removed: BYPULS_MAINTAIN_RAW_DAYS is not set")
    if not settings.columnstore_days:
        tell("nothing is moved into the columnstore: BYPULS_MAINTAIN_COLUMNSTORE_DAYS is 0")
    elif not job.has_columnstore():
        tell(NO_COLUMNSTORE)
    else:
        for move in job.movable():
            tell(f"{_week(move)}: {move.before:,} bytes would be moved into the columnstore")


@contextmanager
def _job(database: DatabaseSettings, settings: MaintainSettings) -> Iterator[Maintenance]:
    job = Maintenance(database, settings)
    try:
        yield job
    finally:
        job.close()


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr; the function takes what is done and its total, 0 where that isn't known."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)

        def update(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total or None, description=f"{done:,} {what}")

        yield update


def _make(job: Maintenance) -> int:
    with _progress("portions of rollups") as update:
        return job.make_rollups(tell=update)


def _waiting(removal: Removal) -> str:
    return f"; {removal.waiting:,} hours wait for their rollups" if removal.waits else ""


def _week(move: Move) -> str:
    return f"{move.chunk.start.date()} to {move.chunk.end.date()}"


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

"""What is known of the nodes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bypuls.errors import BypulsError

if TYPE_CHECKING:
    from bypuls.registry import RegisteredNode

app = typer.Typer(help="What is known of the nodes.", no_args_is_help=True)


@app.command("apply")
def apply_nodes(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A registry file (TOML).")] = None,
    town: Annotated[
        str | None, typer.Option(metavar="NAME", help="In place of a file, the nodes of a simulated town.")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--nodes", min=1, max=1_000_000, metavar="N", help="With --town: as many as `simulate --nodes N`."
        ),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="With --town: what `simulate --interval` is given."),
    ] = None,
) -> None:
    """Make the registry of nodes and streams what FILE says; harmless to repeat.

    A node or stream that FILE names becomes exactly what is written there (what isn't written is cleared);
    the others are left alone. Either all of FILE is applied or nothing. Ingest sees new nodes at once, and
    changes within 5 minutes. A simulated town is registered before it is simulated, with the same --nodes and
    --interval: from that the platform knows where its nodes stand, and what a gap is.
    BYPULS_DATABASE_URL names the owner of the tables.

    Example:

        bypuls nodes apply --town lillestrom --nodes 10000 --interval 10s

    Example of a FILE:

        [[node]]
        node = "air-01"
        owner = "Lillestrøm kommune"
        place = "Lillestrøm station"
        latitude = 59.9530
        longitude = 11.0495

        [[node.stream]]
        channel = "no2"            # the quantity too, unless quantity = "..." names another
        expected_interval = 60     # seconds between readings
        open_data = true           # may be shown to everyone

        [[node.stream]]
        channel = "energy"
        modulus = 100000           # kWh: where a meter rolls over, if it does

        [[node.stream]]
        channel = "water_level"
        thresholds = { yellow = 3.2, orange = 4.1, red = 5.0 }  # m: above them, dashboards warn
    """
    from bypuls.registry import read
    from bypuls.settings import DatabaseSettings, load
    from bypuls.store.registration import register

    if (file is None) == (town is None):
        raise BypulsError("give either a registry file, or a simulated town such as --town lillestrom")
    if town is None and (count is not None or interval is not None):
        raise BypulsError("--nodes and --interval are for a simulated town, and go with --town")
    entries = read(file) if file is not None else registered(town or "", count, interval)
    for kind, outcome in zip(
        ("nodes", "streams"), register(load(DatabaseSettings).url.get_secret_value(), entries), strict=True
    ):
        print(f"{outcome.total} {kind}: {outcome.new} new, {outcome.changed} changed")


def registered(town: str, nodes: int | None = None, interval: str | None = None) -> "list[RegisteredNode]":
    """Return the nodes of a simulated town, as the registry takes them."""
    from simulators import duration
    from simulators.town import town as towns

    seconds = None
    if interval is not None:
        from simulators.simulation import Plan

        seconds = duration.microseconds("--interval", interval) / 1e6
        Plan(interval=seconds).check()
    return [node.registered() for node in towns.read(town, nodes, seconds)]
